import PageStore
import StorageIO
import WAL

// A suspended database has everything in its data file, and holds the writer lock: so nobody writes to the files, which
// are given back (`Database.suspend`).
extension Engine {
    /// Whether the writer lock is held for a suspension.
    var isSuspended: Bool { suspension.withLock { $0 != nil } }

    /// Waits for the transaction and the checkpoint that run, brings everything to the data file, and lets nobody write until
    /// ``endSuspension(closing:)``.
    ///
    /// - Throws: `timedOut` with the transaction in the way, `busy` inside one, `closed`, `poisoned`, `diskFull`; nothing has
    ///   changed then.
    func beginSuspension() throws(StorageError) {
        defer { deliverEvents() }
        try requireWritable()
        var token = try acquireWriter(.suspension, timeout: options.writerTimeout)
        try lifecycle.requireNotClosing()
        if let position = try freezeCheckpoint(always: false, endsLog: false) {
            defer { checkpointer.leave() }
            try completeCheckpoint(position: position)
        }
        suspension.withLock { $0 = token.pass() }
    }

    /// Lets writers go on.
    ///
    /// - Parameter closing: whether none may begin, since the database is being closed.
    /// - Returns: whether the database was suspended.
    func endSuspension(closing: Bool = false) -> Bool {
        guard let token = suspension.withLock({ $0.take() }) else { return false }
        if closing { _ = lifecycle.beginClosing() }
        token.release()
        return true
    }

    /// Closes a database whose files another process has changed: nothing is written.
    func abandonSuspended() {
        _ = endSuspension(closing: true)
        closeSuspended()
    }
}
