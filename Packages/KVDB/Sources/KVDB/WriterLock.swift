import StorageIO

/// The lock that lets one write transaction run at a time: first come, first served, with an
/// optional limit to the wait. Unlike a mutex it may be released by another thread than the one that
/// took it, since a transaction may be handed on.
final class WriterLock: @unchecked Sendable {
    // Sendable: `lock` guards every stored property below it.
    private let lock = Lock()
    private let turn = Condition()
    private var isHeld = false
    private var holder: UInt64 = 0
    private var nextTicket: UInt64 = 0
    private var queue: [UInt64] = []

    /// How the wait for the lock ended.
    enum Outcome {
        case taken
        case timedOut
        /// The calling thread holds it already and would wait for itself.
        case heldByCaller
    }

    /// Waits for the caller's turn, at most `nanoseconds` (nil: as long as it takes).
    func acquire(nanoseconds: UInt64? = nil) -> Outcome {
        let caller = System.threadHint
        lock.acquire()
        defer { lock.release() }
        if isHeld && holder == caller { return .heldByCaller }
        if isHeld || !queue.isEmpty {
            let ticket = nextTicket
            nextTicket += 1
            queue.append(ticket)
            let start = System.now
            while isHeld || queue.first != ticket {
                guard let nanoseconds else {
                    turn.wait(lock)
                    continue
                }
                let waited = System.now - start
                if waited >= nanoseconds {
                    queue.removeAll { $0 == ticket }
                    turn.broadcast()
                    return .timedOut
                }
                _ = turn.wait(lock, nanoseconds: nanoseconds - waited)
            }
            queue.removeFirst()
        }
        isHeld = true
        holder = caller
        return .taken
    }

    /// Gives the lock to the next in line.
    func release() {
        lock.acquire()
        isHeld = false
        holder = 0
        if !queue.isEmpty { turn.broadcast() }
        lock.release()
    }
}
