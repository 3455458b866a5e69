import BTree
import PageStore
import StorageIO
import WAL

/// What a commit waits for whose version is the head already. (Not inside a generic type: see ``PendingVersion``.)
struct CommitWait {
    /// The log must be durable up to here.
    var sync: LogSequenceNumber = 0
    /// The operating system must have the log up to here.
    var write: LogSequenceNumber = 0
    /// A checkpoint has to be made.
    var needsCheckpoint = false
    /// The level of a commit that has made a version; nil for one that changed nothing.
    var level: Durability?
}

// A write transaction from top to bottom: begin, change, commit, publish; or rollback. A `WriterToken` goes
// along, which only the holder of the writer lock has: where it ends, the lock is free.
extension Engine {
    // MARK: Begin

    /// Takes the writer lock and starts a transaction on the head.
    ///
    /// - Parameters:
    ///   - use: what for.
    ///   - logged: whether its operations are gathered for the log. One that is not commits by a checkpoint.
    ///   - timeout: how long to wait for those before; nil as the options say.
    /// - Returns: what the commit or rollback wants.
    /// - Throws: `closed`, `readOnly`, `poisoned`, `timedOut`, `busy`.
    func begin(
        _ use: WriterUse, logged: Bool = true, timeout: Duration? = nil
    ) throws(StorageError) -> WriterToken {
        let token = try enterWriter(use, timeout: timeout)
        try startTransaction(logged: logged)
        return token
    }

    /// Takes the writer lock of a database that can be written to.
    func enterWriter(
        _ use: WriterUse, timeout: Duration? = nil
    ) throws(StorageError) -> WriterToken {
        do throws(StorageError) {
            try requireWritable()
        } catch {
            // A failure that a read has met is told by now.
            deliverEvents()
            throw error
        }
        try relieve()
        let token = try acquireWriter(use, timeout: timeout ?? options.writerTimeout)
        // Both may have changed while this thread waited for its turn.
        try requireWritable()
        try lifecycle.requireNotClosing()
        return token
    }

    /// What a commit waits for that asks for `durability`; nil asks for the database's own level.
    func level(_ durability: Durability?) -> Durability {
        options.isVolatile ? .buffered : durability ?? options.durability
    }

    /// Takes the writer lock.
    ///
    /// - Parameters:
    ///   - use: what for.
    ///   - timeout: how long to wait for those before; nil as long as it takes, for what has to be done
    ///     once it was begun.
    /// - Throws: `timedOut`, with the holder; `busy` inside a closure that has the lock.
    func acquireWriter(
        _ use: WriterUse, timeout: Duration?
    ) throws(StorageError) -> WriterToken {
        let holder = events == nil ? nil : writerLock.currentHolder
        let start = events == nil ? 0 : System.now
        switch writerLock.acquire(use, timeout: timeout) {
        case .taken(let token):
            noteWait(since: start, behind: holder)
            return token
        case .timedOut(let holder):
            noteWait(since: start, behind: holder)
            deliverEvents()
            throw lateError(holder)
        case .heldByCaller:
            throw StorageError(
                .busy,
                "This thread is inside a write transaction of the database; use that one, or return "
                    + "from it first.",
                path: path)
        }
    }

    /// The error of a wait for the writer lock that took too long.
    ///
    /// - Parameter holder: what it is held for; nil if others got it in turn.
    func lateError(_ holder: WriterUse? = nil) -> StorageError {
        let what =
            holder.map { $0.description(now: System.now) } ?? "Others are changing it in turn."
        return StorageError(
            .timedOut, "The database was not free for a change in time. \(what)", path: path)
    }

    /// Starts a transaction on the head; the caller holds the writer lock.
    func startTransaction(logged: Bool = true) throws(StorageError) {
        let number = writer.head.transaction + 1
        try store.beginTransaction(number)
        let isLogged = logged && logsCommits
        writer.begin(number, logged: isLogged, observed: logged && !isLogged && isObserved)
    }

    // MARK: Change

    /// Runs one change of the transaction. An error half-way leaves the private tree in an unknown
    /// state, so the transaction can then only be aborted; arguments are checked before.
    ///
    /// - Parameter removing: whether the change can only make the content smaller, so that it may
    ///   use the space that is kept for a full disk.
    func change<Result>(
        removing: Bool = false, _ body: () throws(StorageError) -> Result
    ) throws(StorageError) -> Result {
        try beginChange(removing: removing)
        do {
            let result = try body()
            try endChange()
            return result
        } catch {
            writer.failure = error
            throw error
        }
    }

    /// Before a change: makes sure that one can be made.
    func beginChange(removing: Bool = false) throws(StorageError) {
        if let failure = writer.failure { throw broken(failure) }
        guard writer.iterations == 0 else {
            throw StorageError(
                .busy, "The transaction is being iterated; gather the changes and make them after.",
                path: path)
        }
        store.setPurpose(removing ? .removal : .growth)
    }

    /// After a change: keeps memory within the budget (R8).
    func endChange() throws(StorageError) {
        if dirtyByteCount / 2 > options.dirtyBudget { try store.writeOutDirty() }
    }

    private func broken(_ failure: StorageError) -> StorageError {
        StorageError(
            failure.code, "An earlier operation of this transaction failed; only abort is left.",
            path: path, cause: failure)
    }

    // MARK: Commit

    /// Commits the running transaction, and ends it whatever happens.
    ///
    /// - Throws: what the log or the store threw. Before the commit point (disk full, a failed
    ///   operation) nothing has changed; from it on the handle is poisoned and a reopen tells.
    func commit(_ token: consuming WriterToken, _ durability: Durability) throws(StorageError) {
        let wait: CommitWait
        do throws(StorageError) {
            wait = try commitToHead(token, durability)
        } catch {
            deliverEvents()
            throw error
        }
        try complete(wait)
    }

    /// Makes the running transaction the head, and ends it whatever happens.
    ///
    /// - Returns: what ``complete(_:)`` has to wait for. Until then nobody sees the commit.
    /// - Throws: as ``commit(_:_:)``.
    func commitToHead(
        _ token: consuming WriterToken, _ durability: Durability
    ) throws(StorageError) -> CommitWait {
        if let failure = writer.failure {
            rollback(token)
            throw broken(failure)
        }
        guard writer.isChanged else { return commitNothing(token, durability) }
        do {
            try writer.updateCatalog(includingRoots: false)
            try startMaintenance()
            // A file that is renamed later is still closed well: the checkpoint finds the log there.
            if !logsCommits, !options.isVolatile { try startLog() }
        } catch {
            rollback(token)
            throw error
        }
        if logsCommits && writer.operations.isComplete {
            return try commitToLog(token, durability)
        } else if logsCommits || durability == .full {
            try commitByCheckpoint(token)
        } else {
            commitInStore()
            advanceHead()
            token.release()
        }
        return CommitWait(level: durability)
    }

    /// Waits until a commit is what it asked to be, and lets readers see it.
    ///
    /// - Throws: what the log threw; the handle is poisoned then.
    func complete(_ wait: CommitWait) throws(StorageError) {
        defer { deliverEvents() }
        // A version stands on the ones before it, so a weaker commit still waits for a stronger one
        // that is under way; on its own it waits for nothing more than it asked for.
        if wait.sync > log.durable { try log.sync(through: wait.sync) }
        if wait.write > log.written { try log.write(through: wait.write) }
        publishReady()
        if let level = wait.level { return noteCommit(level) }
        if wait.needsCheckpoint { try runCheckpoint() }
    }

    /// Whether ``complete(_:)`` has nothing to wait for.
    func isOver(_ wait: CommitWait) -> Bool {
        wait.sync <= log.durable && wait.write <= log.written && !wait.needsCheckpoint
    }

    /// Ends a transaction that changed nothing. It makes no version, but it stands on the head as any
    /// other does: it may have read what is not out yet, and waits for that. And what it saw must be
    /// as durable as it asked for: a key that a commit at `full` found to be gone must not be back
    /// after a crash because the commit that deleted it was a weaker one.
    private func commitNothing(
        _ token: consuming WriterToken, _ durability: Durability
    ) -> CommitWait {
        var sync = writer.requiredSync
        var write = writer.requiredWrite
        if logsCommits {
            let seen = log.end
            if durability == .full { sync = seen }
            if durability == .written { write = seen }
        }
        rollback(token)
        // Without the log a checkpoint alone makes earlier commits durable.
        return CommitWait(
            sync: sync, write: write, needsCheckpoint: !logsCommits && durability == .full)
    }

    private func commitToLog(
        _ token: consuming WriterToken, _ durability: Durability
    ) throws(StorageError) -> CommitWait {
        let end: LogSequenceNumber
        do throws(StorageError) {
            end = try appendOperations(transaction: writer.transaction)
        } catch {
            rollback(token)
            throw error
        }
        commitInStore()
        switch durability {
        case .full: writer.requiredSync = end
        case .written: writer.requiredWrite = end
        case .buffered: break
        }
        let wait = CommitWait(
            sync: writer.requiredSync, write: writer.requiredWrite, level: durability)
        advanceHead()
        token.release()
        return wait
    }

    /// Appends the operations that the writer has gathered to the log.
    func appendOperations(
        transaction: TransactionNumber
    ) throws(StorageError) -> LogSequenceNumber {
        do throws(StorageError) {
            try noteLogInUse()
            return try withByteView(of: writer.operations.bytes) { payload throws(StorageError) in
                try withRoom { () throws(StorageError) in try log.reserve(payload.count) }
                return try log.append(payload, transaction: transaction)
            }
        } catch {
            // A checkpoint gives segments of the log back; see `relieve`.
            if error.isOutOfSpace { store.noteSpaceShort() }
            throw error
        }
    }

    /// Commits a transaction that is not in the log: its pages are written where they lie, then the
    /// superblock flips. The writer lock is held throughout, because a later commit in the log would
    /// be lost in a crash before the flip.
    func commitByCheckpoint(_ token: consuming WriterToken) throws(StorageError) {
        do {
            try writer.updateCatalog(includingRoots: true)
            try reserveFreeListSpace()
            try startLog()
            try store.writeOutDirty()
        } catch {
            rollback(token)
            throw error
        }
        checkpointer.enter()
        commitInStore()
        advanceHead(needsCheckpoint: true)
        do {
            try beginCheckpoint()
            try completeCheckpoint(position: log.end)
        } catch {
            // The head stands on a version that is neither logged nor durable; nothing may follow.
            lifecycle.fail(error)
            checkpointer.leave()
            token.release()
            throw error
        }
        checkpointer.leave()
        token.release()
    }

    /// Makes sure that the free list finds room without growing the file, so that a full disk shows
    /// here, where the transaction can still be aborted: pages taken and given back at once are free
    /// and have their space on the disk.
    private func reserveFreeListSpace() throws(StorageError) {
        let statistics = store.statistics
        // Eight bytes a run, and no more runs than pages.
        let listed = statistics.freePages + statistics.pendingPages + statistics.freeListPages
        let needed = 1 + listed / 400
        guard statistics.freePages < needed else { return }
        var pages: [PageNumber] = []
        for _ in 0..<needed { pages.append(try store.allocate()) }
        for page in pages { try store.retire(page, birth: store.transaction) }
    }

    /// Ends the running transaction in the store.
    func commitInStore() {
        mustWork { () throws(StorageError) in try store.commitTransaction() }
    }

    // MARK: Publish

    /// Moves the head to the version that the transaction has made, which readers get when what it waits
    /// for is done (`VersionQueue.publishReady`). The caller holds the writer lock.
    func advanceHead(needsCheckpoint: Bool = false) {
        writer.advance()
        let isObserved = versions.append(
            PendingVersion(
                version: writer.head, sync: writer.requiredSync, write: writer.requiredWrite,
                needsCheckpoint: needsCheckpoint), writer.roots)
        if isObserved { noteChanges() }
    }

    /// After a commit: asks for a checkpoint or a sync where one is due.
    func noteCommit(_ durability: Durability) {
        if durability != .full && logsCommits { maintenance.requestSync() }
        guard isCheckpointDue else { return }
        switch options.checkpointPolicy {
        case .automatic: maintenance.requestCheckpoint()
        case .inline:
            // The commit is done; what goes wrong now shows in the next one or in `poison`.
            tryCheckpoint()
        case .manual: break
        }
    }

    // MARK: Rollback

    /// Ends the running transaction without a trace (R5).
    func rollback(_ token: consuming WriterToken) {
        abandonTransaction()
        token.release()
        deliverEvents()
    }

    /// Ends the running transaction and keeps the writer lock.
    func abandonTransaction() {
        store.abortTransaction()
        writer.noteAbort()
    }
}
