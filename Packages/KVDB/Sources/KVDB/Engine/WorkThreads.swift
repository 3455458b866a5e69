#if !hasFeature(Embedded)
    import StorageIO
    import Synchronization

    /// A piece of work that a task waits for.
    final class QueuedWork: @unchecked Sendable {
        // Sendable: the lock of the threads guards `state`. The closures belong to whoever has brought the state to
        // what it is: the task while it is new, a thread once it has begun, and who ends it.
        fileprivate enum State { case new, waiting, begun, over }

        fileprivate var state = State.new
        fileprivate var work: (@Sendable () throws -> Void)?
        fileprivate var resume: ((Swift.Result<Void, any Error>) -> Void)?
        fileprivate let isCancelled = Atomic(false)

        fileprivate func end(_ outcome: Swift.Result<Void, any Error>) {
            // The closure belongs to the task, and is gone before that goes on.
            work = nil
            resume.take()?(outcome)
        }

        /// Throws `CancellationError` if the task was cancelled.
        func checkCancellation() throws {
            if isCancelled.load(ordering: .relaxed) { throw CancellationError() }
        }
    }

    /// A few threads for what would block the thread of a task: reads from the medium, syncs, and what takes long.
    ///
    /// Each begins when there is work and none is idle for it, up to a limit; the rest of the work waits in order. They end
    /// with ``close(_:)``, when they have done what they had begun.
    ///
    /// Its lock (number 6 in "Locks", `Docs/Architecture.md`) guards the queue and the state of each piece of work.
    final class WorkThreads: Sendable {
        private struct State {
            /// Those that wait, oldest first, and between them some that have left early.
            var queue: [QueuedWork] = []
            var idleCount = 0
            var threadCount = 0
            var isEnded = false
        }

        private let limit: Int
        private let state = Guarded(State())
        private let wakeUp = Condition()

        /// Up to `limit` threads.
        init(limit: Int) { self.limit = limit }

        /// Runs `body` on one of the threads; the task goes on when it is over.
        ///
        /// - Parameters:
        ///   - refusal: the error after the end.
        ///   - endsEarly: whether a cancellation of the task counts.
        ///   - body: what to do. It may ask the work that it gets whether the task was cancelled.
        /// - Throws: what `body` throws; `CancellationError` if the task is cancelled before it begins; `outOfMemory` if
        ///   the system has no thread.
        nonisolated(nonsending) func run<Result: Sendable>(
            refusal: StorageError, endsEarly: Bool = true,
            _ body: @escaping @Sendable (QueuedWork) throws -> Result
        ) async throws -> Result {
            let outcome = Outcome<Result>()
            let work = QueuedWork()
            work.work = { [unowned work] in outcome.result = try body(work) }
            try await withTaskCancellationHandler {
                try await withCheckedThrowingContinuation { continuation in
                    work.resume = { continuation.resume(with: $0) }
                    add(work, refusal)
                }
            } onCancel: {
                if endsEarly { cancel(work) }
            }
            guard let result = outcome.result else {
                preconditionFailure("Work that is over without an error has a result.")
            }
            return result
        }

        /// What work returns, on its way to the task.
        private final class Outcome<Result: Sendable>: @unchecked Sendable {
            // Sendable: a thread writes it before the task goes on, which alone reads it.
            var result: Result?
        }

        private func add(_ work: QueuedWork, _ refusal: StorageError) {
            let failure: (any Error)? = state.withLock { state in
                guard work.state == .new else { return CancellationError() }
                work.state = .over
                guard !state.isEnded else { return refusal }
                if state.queue.count >= state.idleCount, state.threadCount < limit {
                    do throws(StorageError) {
                        try SystemThread { [self] in serve() }.detach()
                        state.threadCount += 1
                    } catch {
                        guard state.threadCount > 0 else { return error }
                    }
                }
                work.state = .waiting
                state.queue.append(work)
                wakeUp.signal()
                return nil
            }
            if let failure { work.end(.failure(failure)) }
        }

        private func cancel(_ work: QueuedWork) {
            work.isCancelled.store(true, ordering: .relaxed)
            let isOut = state.withLock { state in
                let wasWaiting = work.state == .waiting
                if wasWaiting { state.queue.removeAll { $0 === work } }
                if wasWaiting || work.state == .new { work.state = .over }
                return wasWaiting
            }
            if isOut { work.end(.failure(CancellationError())) }
        }

        /// A thread's life.
        private func serve() {
            while let work = next() {
                do {
                    try work.work?()
                    work.end(.success(()))
                } catch {
                    work.end(.failure(error))
                }
            }
        }

        /// Waits for work. Returns nil after the end.
        private func next() -> QueuedWork? {
            state.withLock { $0.idleCount += 1 }
            return state.withLock(after: wakeUp, while: { $0.queue.isEmpty && !$0.isEnded }) {
                state in
                state.idleCount -= 1
                guard let work = state.queue.first else { return nil }
                state.queue.removeFirst()
                work.state = .begun
                return work
            }
        }

        /// Takes no more work, and ends what waits. What has begun goes on, and nobody waits for it.
        func close(_ refusal: StorageError) {
            let left = state.withLock { state in
                state.isEnded = true
                wakeUp.broadcast()
                defer { state.queue = [] }
                for work in state.queue { work.state = .over }
                return state.queue
            }
            for work in left { work.end(.failure(refusal)) }
        }
    }
#endif
