import StorageIO

/// The lock that lets one write transaction run at a time, with an optional limit to the wait. Unlike a
/// mutex it may be released by another thread than the one that took it, since a transaction may be
/// handed on.
///
/// Who waits stands in a queue, but a thread that is running may take the lock before the first of the
/// queue has woken up: a short transaction is over long before a thread wakes (some 70 µs), and a lock
/// that is kept free for a sleeper makes every writer as slow as that. So that nobody starves, the
/// first of the queue is passed by at most ``passLimit`` times; then the lock waits for it.
final class WriterLock: @unchecked Sendable {
    // Sendable: `lock` guards every stored property below it.
    private let lock = Lock()
    private var holder: WriterUse?
    private var queue: [Waiter] = []
    /// How often the first of the queue was passed by since it came to the front.
    private var passCount = 0

    /// A thread in the queue.
    private final class Waiter {
        let turn = Condition()
    }

    #if KVDB_SCHEDULES
        // So that a few threads reach both.
        private static var passLimit: Int { 1 }
        private static var attempts: Int { 1 }
    #else
        private static var passLimit: Int { 16 }
        /// How often a thread looks again, letting others run, before it queues up.
        private static var attempts: Int { 16 }
    #endif

    /// How the wait for the lock ended.
    enum Outcome: ~Copyable {
        case taken(WriterToken)
        /// Nobody gave it back in time; nil when others who waited were faster.
        case timedOut(holder: WriterUse?)
        /// The calling thread holds it until its own call returns, and would wait for itself.
        case heldByCaller
    }

    /// Waits for the caller's turn, at most `timeout` (nil: as long as it takes). Who needs not wait pays for no
    /// arithmetic.
    func acquire(_ use: WriterUse, timeout: Duration? = nil) -> Outcome {
        acquire(use) { start in
            timeout.map { timeout in
                let (deadline, overflow) = start.addingReportingOverflow(timeout.wholeNanoseconds)
                return overflow ? .max : deadline
            }
        }
    }

    /// Waits for the caller's turn until a moment that may change meanwhile: ``lookAgain()``.
    ///
    /// - Parameters:
    ///   - use: what for.
    ///   - deadline: that moment, in the system's nanoseconds. It takes no lock that comes before this one.
    func acquire(_ use: WriterUse, until deadline: () -> UInt64) -> Outcome {
        acquire(use) { _ in deadline() }
    }

    @inline(__always)
    private func acquire(_ use: WriterUse, _ deadline: (_ start: UInt64) -> UInt64?) -> Outcome {
        let caller = System.threadHint
        lock.acquire()
        defer { lock.release() }
        if let holder, holder.thread == caller { return .heldByCaller }
        for _ in 0..<Self.attempts where isHeld {
            lock.release()
            System.yield()
            lock.acquire()
        }
        if isHeld || !mayPass {
            guard wait(deadline) else { return .timedOut(holder: holder) }
        } else if !queue.isEmpty {
            passCount += 1
        }
        holder = use
        return .taken(WriterToken(self))
    }

    /// How many threads wait in the queue.
    var waiterCount: Int { lock.withLock { queue.count } }

    /// Lets those who wait look whether their time is over.
    func lookAgain() {
        lock.withLock { for waiter in queue { waiter.turn.signal() } }
    }

    /// Who has the lock just now.
    var currentHolder: WriterUse? { lock.withLock { holder } }

    private var isHeld: Bool { holder != nil }

    /// Whether a running thread may take the free lock.
    private var mayPass: Bool { queue.isEmpty || passCount < Self.passLimit }

    /// Waits in the queue until the lock is the caller's to take; false when the time was over first.
    private func wait(_ deadline: (_ start: UInt64) -> UInt64?) -> Bool {
        let waiter = Waiter()
        queue.append(waiter)
        let start = System.now
        while isHeld || queue.first !== waiter {
            guard let deadline = deadline(start) else {
                waiter.turn.wait(lock)
                continue
            }
            let now = System.now
            if now >= deadline {
                leave(waiter)
                // Who comes next may have been the one to wake instead.
                if !isHeld { queue.first?.turn.signal() }
                return false
            }
            _ = waiter.turn.wait(lock, nanoseconds: deadline - now)
        }
        leave(waiter)
        return true
    }

    private func leave(_ waiter: Waiter) {
        if queue.first === waiter { passCount = 0 }
        queue.removeAll { $0 === waiter }
    }

    /// Says anew what the lock is held for.
    fileprivate func note(_ use: WriterUse) { lock.withLock { holder = use } }

    /// Frees the lock, and wakes the first in line.
    fileprivate func release() {
        lock.acquire()
        holder = nil
        queue.first?.turn.signal()
        lock.release()
    }
}

/// The right to write: only the holder of the writer lock has it, and the lock is free where it ends.
struct WriterToken: ~Copyable {
    private let lock: WriterLock
    /// False once the lock was passed on to another token.
    private(set) var isHeld = true

    fileprivate init(_ lock: WriterLock) { self.lock = lock }

    deinit {
        if isHeld { lock.release() }
    }

    /// Frees the lock.
    consuming func release() {}

    /// Says anew what the lock is held for.
    func note(_ use: WriterUse) { lock.note(use) }

    /// Passes the lock on: the token that is returned holds it, this one doesn't any more.
    mutating func pass() -> WriterToken {
        isHeld = false
        return WriterToken(lock)
    }
}
