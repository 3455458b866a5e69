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

    /// Waits for the caller's turn, at most `nanoseconds` (nil: as long as it takes).
    func acquire(_ use: WriterUse, nanoseconds: UInt64? = nil) -> Outcome {
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
            guard wait(nanoseconds) else { return .timedOut(holder: holder) }
        } else if !queue.isEmpty {
            passCount += 1
        }
        holder = use
        return .taken(WriterToken(self))
    }

    private var isHeld: Bool { holder != nil }

    /// Whether a running thread may take the free lock.
    private var mayPass: Bool { queue.isEmpty || passCount < Self.passLimit }

    /// Waits in the queue until the lock is the caller's to take; false when the time was over first.
    private func wait(_ nanoseconds: UInt64?) -> Bool {
        let waiter = Waiter()
        queue.append(waiter)
        let start = System.now
        while isHeld || queue.first !== waiter {
            guard let nanoseconds else {
                waiter.turn.wait(lock)
                continue
            }
            let waited = System.now - start
            if waited >= nanoseconds {
                leave(waiter)
                // Who comes next may have been the one to wake instead.
                if !isHeld { queue.first?.turn.signal() }
                return false
            }
            _ = waiter.turn.wait(lock, nanoseconds: nanoseconds - waited)
        }
        leave(waiter)
        return true
    }

    private func leave(_ waiter: Waiter) {
        if queue.first === waiter { passCount = 0 }
        queue.removeAll { $0 === waiter }
    }

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

    /// Passes the lock on: the token that is returned holds it, this one doesn't any more.
    mutating func pass() -> WriterToken {
        isHeld = false
        return WriterToken(lock)
    }
}
