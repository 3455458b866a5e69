#if !hasFeature(Embedded)
    import StorageIO

    /// A write that a task waits for, from its call to its end.
    ///
    /// ```
    /// new ── add ──► waiting ── takeFirst ──► begun ── end ──► over
    ///   cancelled, timed out, closed: from new or waiting straight to over
    /// ```
    final class QueuedWrite: @unchecked Sendable {
        // Sendable: the queue's lock guards `state`. The other two belong to whoever has brought the state to what
        // it is: the task while it is new, the queue's thread once it has begun, and who ends it.

        /// Where the write is on its way.
        enum State { case new, waiting, begun, over }

        fileprivate var state = State.new
        /// The transaction from its begin to the head; dropped before the task goes on.
        private var changes: Changes?
        /// Lets the task go on; nil afterwards, so that it can't be called twice.
        private var resume: ((Swift.Result<Void, any Error>) -> Void)?
        /// Whether it has a look at the lock even if its time is over: nobody was before it.
        fileprivate var isFirst = false

        /// When it was called, in the system's nanoseconds.
        let start: UInt64
        /// Who was in its way then; nil where that is not asked for.
        let blocker: WriterUse?
        /// When it gives up if it has not begun.
        let deadline: UInt64
        /// Where in the program it was called; nil where that is not asked for.
        let place: Place?

        typealias Place = (file: StaticString, line: UInt)

        /// Makes the changes with the writer lock held, which it gives back. Returns what is left to wait for.
        typealias Changes = @Sendable (consuming WriterToken) throws -> CommitWait

        /// A write that is called at a place in the program, and waits for `timeout` at most until it begins.
        init(
            _ timeout: Duration, _ place: Place?, behind blocker: WriterUse? = nil,
            _ changes: @escaping Changes
        ) {
            start = System.now
            let (deadline, overflow) = start.addingReportingOverflow(timeout.wholeNanoseconds)
            self.deadline = overflow ? .max : deadline
            self.blocker = blocker
            self.place = place
            self.changes = changes
        }

        /// What the queue's thread holds the writer lock for while it runs this.
        var use: WriterUse { place.map { .closure($0.file, $0.line) } ?? .call }

        /// Says how the task goes on. Once, before the write is added to the queue.
        func whenOver(_ resume: @escaping (Swift.Result<Void, any Error>) -> Void) {
            self.resume = resume
        }

        /// Makes the changes; see ``Changes``.
        func run(_ token: consuming WriterToken) throws -> CommitWait {
            guard let changes = changes.take() else {
                preconditionFailure("A queued write is run once.")
            }
            return try changes(token)
        }

        /// Lets the task go on. Whoever takes the write out of the queue calls this, once, without a lock.
        func end(_ outcome: Swift.Result<Void, any Error>) {
            // The closure belongs to the task, and is gone before that goes on.
            changes = nil
            resume.take()?(outcome)
        }
    }

    /// The writes of tasks, in the order in which they came, and the thread that runs them.
    ///
    /// A task that waits blocks no thread. The thread begins with the first write, and ends with ``end(_:_:)``. What it
    /// does is `Engine.runQueuedWrites` (`Writer+Queue.swift`).
    ///
    /// Its lock (number 6 in "Locks", `Docs/Architecture.md`) guards the queue and the state of each write in it.
    final class WriteQueue: Sendable {
        fileprivate struct State {
            /// From `start` on those that wait, oldest first, and between them some that have left early.
            var writes: [QueuedWrite] = []
            var start = 0
            /// How many of them wait.
            var count = 0
            /// How many have begun and are not over.
            var begunCount = 0
            /// No write that waits gives up before this.
            var earliestDeadline = UInt64.max
            /// Whether the thread sleeps until a write comes.
            var isIdle = false
            var isEnded = false
            /// The thread, until somebody joins it.
            var thread: SystemThread?
            /// Whether the thread was started and has not ended.
            var isRunning = false
            /// The thread's `System.threadHint`; 0 when it does not run.
            var threadHint: UInt64 = 0
        }

        private let state = Guarded(State())
        private let wakeUp = Condition()
        private let threadEnd = Condition()

        // MARK: Tasks

        /// Adds a write, or ends it if it can't be added.
        ///
        /// - Parameters:
        ///   - write: a new one.
        ///   - refusal: the error after the queue's end.
        ///   - start: starts the thread.
        /// - Returns: whether it gives up before all others, which whoever waits for the writer lock has to know.
        func add(
            _ write: QueuedWrite, refusal: () -> StorageError,
            start: () throws(StorageError) -> SystemThread
        ) -> Bool {
            var isUrgent = false
            let failure: (any Error)? = state.withLock { state in
                guard write.state == .new else { return CancellationError() }
                write.state = .over
                guard !state.isEnded else { return refusal() }
                if !state.isRunning {
                    do throws(StorageError) { state.thread = try start() } catch { return error }
                    state.isRunning = true
                }
                write.state = .waiting
                write.isFirst = state.count == 0 && state.begunCount == 0
                state.append(write)
                isUrgent = write.deadline < state.earliestDeadline
                if isUrgent { state.earliestDeadline = write.deadline }
                if state.isIdle {
                    state.isIdle = false
                    wakeUp.signal()
                }
                return nil
            }
            if let failure { write.end(.failure(failure)) }
            return isUrgent
        }

        /// Takes a write out of the queue, or keeps it from coming in. One that has begun ends as it would.
        func cancel(_ write: QueuedWrite) {
            let wasWaiting = state.withLock { state in
                guard write.state == .waiting else {
                    if write.state == .new { write.state = .over }
                    return false
                }
                write.state = .over
                state.count -= 1
                return true
            }
            if wasWaiting { write.end(.failure(CancellationError())) }
        }

        // MARK: The thread

        /// How many writes wait.
        var count: Int { state.withLock { $0.count } }

        /// How many have begun and are not over.
        var begunCount: Int { state.withLock { $0.begunCount } }

        /// The write that comes next, unless it leaves early; nil if none waits.
        var first: QueuedWrite? { state.withLock { $0.first } }

        /// When the first of those that wait gives up; 0 after the end.
        var earliestDeadline: UInt64 {
            state.withLock { $0.isEnded ? 0 : $0.earliestDeadline }
        }

        /// Begins the thread's life.
        func enterThread() { state.withLock { $0.threadHint = System.threadHint } }

        /// Ends the thread's life.
        func leaveThread() {
            state.withLock {
                $0.isRunning = false
                $0.threadHint = 0
                threadEnd.broadcast()
            }
        }

        /// Waits for a write.
        ///
        /// - Parameter expected: about how many come at once. Tasks that have just gone on are back with their next
        ///   write before a thread can be put to sleep and woken. So as long as more and more come, others run.
        /// - Returns: false after the end.
        func awaitWork(expected: Int) -> Bool {
            state.withLock { if $0.count == 0 { $0.isIdle = true } }
            let isEnded = state.withLock(after: wakeUp, while: { $0.isIdle && !$0.isEnded }) {
                $0.isEnded
            }
            var seen = 0
            var quietCount = 0
            while !isEnded, quietCount < Self.patience {
                let count = count
                guard count < expected else { break }
                quietCount = count > seen ? 0 : quietCount + 1
                seen = count
                System.yield()
            }
            return !isEnded
        }

        #if KVDB_SCHEDULES
            private static var patience: Int { 1 }
        #else
            /// After how many looks that find no other write the thread begins.
            private static var patience: Int { 4 }
        #endif

        /// Takes the oldest write out of the queue to begin it, and ends those before it whose time is over.
        ///
        /// - Parameters:
        ///   - error: what it is over with.
        ///   - note: gets each of those before it ends.
        /// - Returns: the write, which is then to be given to ``end(_:_:)``; nil if none waits any more.
        func takeFirst(
            _ error: () -> StorageError, note: (QueuedWrite) -> Void
        ) -> QueuedWrite? {
            let now = System.now
            var late: [QueuedWrite] = []
            let first: QueuedWrite? = state.withLock { state in
                while let write = state.first {
                    state.removeFirst()
                    guard write.deadline > now || write.isFirst else {
                        write.state = .over
                        late.append(write)
                        continue
                    }
                    write.state = .begun
                    state.begunCount += 1
                    return write
                }
                return nil
            }
            for write in late {
                note(write)
                write.end(.failure(error()))
            }
            return first
        }

        /// Ends a write that has begun.
        func end(_ write: QueuedWrite, _ outcome: Swift.Result<Void, any Error>) {
            state.withLock { state in
                write.state = .over
                state.begunCount -= 1
            }
            write.end(outcome)
        }

        /// Ends those that wait and whose time is over. `note` gets each of them before.
        func expire(_ error: StorageError, note: (QueuedWrite) -> Void) {
            let now = System.now
            let late = state.withLock { state in
                let late = state.waiting.filter { $0.deadline <= now }
                for write in late { write.state = .over }
                state.count -= late.count
                state.earliestDeadline = state.waiting.map(\.deadline).min() ?? .max
                return late
            }
            for write in late {
                note(write)
                write.end(.failure(error))
            }
        }

        // MARK: The end

        /// Takes no more writes, ends those that wait, and waits for the thread: it ends those that have begun. Calls
        /// after the first only wait.
        ///
        /// - Parameters:
        ///   - refusal: the error for those that wait.
        ///   - interrupt: ends a wait of the thread for the writer lock.
        func close(_ refusal: StorageError, interrupt: () -> Void) {
            let left = state.withLock { state in
                state.isEnded = true
                state.isIdle = false
                wakeUp.signal()
                let left = state.waiting
                for write in left { write.state = .over }
                state.writes = []
                state.start = 0
                state.count = 0
                return left
            }
            for write in left { write.end(.failure(refusal)) }
            interrupt()
            let caller = System.threadHint
            let (thread, isOwn) = state.withLock(
                after: threadEnd, while: { $0.isRunning && $0.threadHint != caller }
            ) { state in
                defer { state.thread = nil }
                return (state.thread, state.isRunning)
            }
            // The thread itself may have the last use of the database, and can't wait for its own end.
            if isOwn { thread?.detach() } else { thread?.join() }
        }
    }

    extension WriteQueue.State {
        /// The oldest that waits.
        fileprivate var first: QueuedWrite? {
            mutating get {
                while start < writes.count, writes[start].state != .waiting { start += 1 }
                return start < writes.count ? writes[start] : nil
            }
        }

        /// Those that wait, oldest first.
        fileprivate var waiting: [QueuedWrite] {
            writes[start...].filter { $0.state == .waiting }
        }

        fileprivate mutating func append(_ write: QueuedWrite) {
            // Those that have left are let go when they are all, or the most.
            if count == 0 {
                writes.removeAll(keepingCapacity: writes.count <= 1024)
                start = 0
            } else if writes.count > 64, writes.count / 2 > count {
                writes = waiting
                start = 0
            }
            writes.append(write)
            count += 1
        }

        /// Removes ``first``.
        fileprivate mutating func removeFirst() {
            start += 1
            count -= 1
        }
    }
#endif
