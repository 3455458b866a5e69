import PageStore
import StorageIO
import Synchronization
import WAL

/// What a handle's calls may still do.
///
/// ```
/// open ── beginClosing ──► closing ── endClosing ──► closed
///   fail: poisoned as well; a handle may be poisoned and go on reading
///   fork: in the child the handle is forked, and can only be let go
/// ```
///
/// Everything here is constant, atomic, or behind a lock of its own, under which nothing else is taken.
struct Lifecycle: ~Copyable {
    /// The data file's path, for errors; empty without a file.
    let path: String
    private let isReadOnly: Bool
    private let closed = Atomic(false)
    /// Set under the writer lock: no transaction begins after that.
    private let closing = Atomic(false)
    /// A child made by `fork` has another one.
    private let forkDepth = System.forkDepth
    private let failure = Guarded<StorageError?>(nil)
    /// Whether there is a failure.
    private let hasFailed = Atomic(false)

    /// An open handle.
    init(path: String, isReadOnly: Bool) {
        self.path = path
        self.isReadOnly = isReadOnly
    }

    // MARK: Forked

    /// Whether this is a child made by `fork`, and the handle its parent's. The child has neither the
    /// parent's threads nor its later changes, so all it may do is to let go.
    var isForked: Bool { forkDepth != System.forkDepth }

    // MARK: Closed

    /// Whether the files are given back.
    var isClosed: Bool {
        schedulePoint()
        return closed.load(ordering: .acquiring)
    }

    /// Whether the last checkpoint is being made, or has been.
    var isClosing: Bool {
        schedulePoint()
        return closing.load(ordering: .acquiring)
    }

    /// Lets no other transaction begin. The caller holds the writer lock. Returns false if another thread
    /// was first.
    func beginClosing() -> Bool { !closing.exchange(true, ordering: .acquiringAndReleasing) }

    /// Lets no other call begin. Returns false if another thread was first.
    func endClosing() -> Bool {
        schedulePoint()
        return endClosingInChild()
    }

    /// Lets no other call begin in a child made by `fork`, which has one thread only.
    func endClosingInChild() -> Bool { !closed.exchange(true, ordering: .acquiringAndReleasing) }

    /// Throws `closed` if nothing can be read any more.
    func requireOpen() throws(StorageError) {
        guard !isForked else {
            throw StorageError(
                .closed,
                "The handle belongs to the process that this one was forked from; open the "
                    + "database after the fork.", path: path)
        }
        guard !isClosed else {
            throw StorageError(.closed, "The database is closed.", path: path)
        }
    }

    /// Throws `closed` if the last checkpoint has begun.
    func requireNotClosing() throws(StorageError) {
        guard !isClosing else {
            throw StorageError(.closed, "The database is being closed.", path: path)
        }
    }

    /// Throws `closed` or `readOnly` if nothing can be written.
    func requireOpenForWriting() throws(StorageError) {
        try requireOpen()
        guard !isReadOnly else {
            throw StorageError(
                .readOnly, "The database is open for reading only; open it with another access.",
                path: path)
        }
    }

    // MARK: Poisoned

    /// Stops all further writing with `error` as the reason.
    func fail(_ error: StorageError) {
        failure.withLock { failure in
            if failure == nil { failure = error }
            hasFailed.store(true, ordering: .releasing)
        }
    }

    /// Why ``fail(_:)`` has stopped all writing, if it has.
    var poison: StorageError? {
        schedulePoint()
        guard hasFailed.load(ordering: .acquiring) else { return nil }
        return failure.withLock { $0 }
    }
}

// What closing and the checks need of the other parts.
extension Engine {
    /// The first error of a write or sync, which stops all further writing ("Failure" in
    /// `Docs/Architecture.md`).
    var poison: StorageError? {
        if let cause = log.poison ?? store.poison { return cause }
        return lifecycle.poison
    }

    /// Throws `closed` if nothing can be read any more.
    func requireOpen() throws(StorageError) { try lifecycle.requireOpen() }

    func requireWritable() throws(StorageError) {
        try lifecycle.requireOpenForWriting()
        try requireUnpoisoned()
    }

    func requireUnpoisoned() throws(StorageError) {
        if let poison {
            throw StorageError(
                .poisoned,
                "An earlier write failed; reopen the database to go on from what is on disk.",
                path: path, cause: poison)
        }
    }

    /// Closes in order; see `DatabaseEngine.close()`.
    func close() throws(StorageError) {
        guard !lifecycle.isClosed else { return }
        guard !lifecycle.isForked else { return letGo() }
        defer { deliverEvents() }
        guard !endSuspension(closing: true) else { return closeSuspended() }
        var problem: StorageError?
        if options.isReadOnly {
            // Nothing to write.
        } else if let poison {
            problem = poison
        } else {
            guard try beginClosing() else { return }
            stopThreads()
            if !options.isVolatile {
                do { try runCheckpoint(endsLog: true) } catch { problem = error }
            }
        }
        stopThreads()
        guard lifecycle.endClosing() else { return }
        finishObservers()
        do {
            // The log goes only when the data file has everything.
            try log.close(removing: problem == nil && !options.isReadOnly)
        } catch {
            if problem == nil { problem = error }
        }
        store.close()
        if let problem { throw problem }
    }

    /// Ends the threads of the database and waits for them. Writes that wait in the queue throw `closed`.
    private func stopThreads() {
        #if !hasFeature(Embedded)
            closeQueues()
        #endif
        maintenance.stop()
    }

    /// Waits for the transaction that runs and lets no other begin: no commit may come between the last
    /// checkpoint and the removal of the log. Returns false if another thread was first.
    private func beginClosing() throws(StorageError) -> Bool {
        // Long enough for a transaction that is just ending, or the start of a checkpoint.
        guard case .taken(let token) = writerLock.acquire(.call, timeout: .seconds(5)) else {
            throw StorageError(
                .busy, "A write transaction is still open; commit or abort it first.",
                path: path)
        }
        let isFirst = lifecycle.beginClosing()
        token.release()
        return isFirst
    }

    /// Closes a suspended database, whose files are given back with everything in them. The log stays for the next open.
    func closeSuspended() {
        stopThreads()
        guard lifecycle.endClosing() else { return }
        finishObservers()
        log.abandon()
        store.close()
    }

    /// In a child made by `fork`: closes the descriptors and does nothing else. The lock stays the
    /// parent's, since it belongs to the open file that both share.
    private func letGo() {
        guard lifecycle.endClosingInChild() else { return }
        log.abandon()
        store.close()
    }

    /// Closes when the last handle goes. What can't be written stays in the log for the next open.
    func closeQuietly() {
        do {
            try close()
        } catch {
            _ = endSuspension(closing: true)
            stopThreads()
            guard lifecycle.endClosing() else { return }
            finishObservers()
            do { try log.close(removing: false) } catch {}
            store.close()
        }
    }
}
