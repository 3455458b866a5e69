import BTree
import PageStore
import StorageIO
import Synchronization
import WAL

extension EngineCore {
    /// Takes the writer lock and starts a transaction on the head.
    ///
    /// - Parameter timeout: how long to wait for those before; nil as the options say.
    /// - Throws: `closed`, `readOnly`, `poisoned`, `timedOut`, `busy`.
    func beginTransaction(_ use: WriterUse, timeout: Duration? = nil) throws(StorageError) {
        try enterWriter(use, timeout: timeout)
        do throws(StorageError) {
            try startTransaction()
        } catch {
            writerLock.release()
            throw error
        }
    }

    /// Takes the writer lock of a database that can be written to.
    func enterWriter(_ use: WriterUse, timeout: Duration? = nil) throws(StorageError) {
        try requireWritable()
        try relieve()
        try acquireWriter(use, timeout: timeout ?? options.writerTimeout)
        do throws(StorageError) {
            // Both may have changed while this thread waited for its turn.
            try requireWritable()
            schedulePoint()
            guard !isClosing.load(ordering: .acquiring) else {
                throw StorageError(.closed, "The database is being closed.", path: path)
            }
        } catch {
            writerLock.release()
            throw error
        }
    }

    /// Starts a transaction on the head; the caller holds the writer lock.
    func startTransaction() throws(StorageError) {
        let number = writer.head.transaction + 1
        try store.beginTransaction(number)
        writer.begin(number, logged: logsCommits)
    }

    /// Ends the running transaction without a trace (R5).
    func rollback() {
        abandonTransaction()
        writerLock.release()
    }

    /// Ends the running transaction and keeps the writer lock.
    func abandonTransaction() {
        store.abortTransaction()
        writer.noteAbort()
    }

    /// Runs one change of the transaction. An error half-way leaves the private tree in an unknown
    /// state, so the transaction can then only be aborted; arguments are checked before.
    ///
    /// - Parameter removing: whether the change can only make the content smaller, so that it may
    ///   use the space that is kept for a full disk.
    func change<Result>(
        removing: Bool = false, _ body: () throws(StorageError) -> Result
    ) throws(StorageError) -> Result {
        if let failure = writer.failure { throw broken(failure) }
        guard writer.iterations == 0 else {
            throw StorageError(
                .busy, "The transaction is being iterated; gather the changes and make them after.",
                path: path)
        }
        store.setPurpose(removing ? .removal : .growth)
        do {
            let result = try body()
            if dirtyByteCount / 2 > options.dirtyBudget { try store.writeOutDirty() }
            return result
        } catch {
            writer.failure = error
            throw error
        }
    }

    private func broken(_ failure: StorageError) -> StorageError {
        StorageError(
            failure.code, "An earlier operation of this transaction failed; only abort is left.",
            path: path, cause: failure)
    }

    /// Commits the running transaction, and ends it whatever happens.
    ///
    /// - Throws: what the log or the store threw. Before the commit point (disk full, a failed
    ///   operation) nothing has changed; from it on the handle is poisoned and a reopen tells.
    func commit(_ durability: Durability) throws(StorageError) {
        if let failure = writer.failure {
            rollback()
            throw broken(failure)
        }
        guard writer.isChanged else { return try commitNothing(durability) }
        do {
            try writer.updateCatalog(includingMain: false)
            try startMaintenance()
            // A file that is renamed later is still closed well: the checkpoint finds the log there.
            if !logsCommits { try startLog() }
        } catch {
            rollback()
            throw error
        }
        if logsCommits && writer.operations.isComplete {
            try commitToLog(durability)
        } else if logsCommits || durability == .full {
            try commitByCheckpoint()
        } else {
            commitInStore()
            advanceHead()
            writerLock.release()
            publishReady()
        }
        noteCommit(durability)
    }

    /// Ends a transaction that changed nothing. It makes no version, but it stands on the head as any
    /// other does: it may have read what is not out yet, and waits for that. And what it saw must be
    /// as durable as it asked for: a key that a commit at `full` found to be gone must not be back
    /// after a crash because the commit that deleted it was a weaker one.
    private func commitNothing(_ durability: Durability) throws(StorageError) {
        var sync = writer.requiredSync
        var write = writer.requiredWrite
        if logsCommits {
            let seen = log.end
            if durability == .full { sync = seen }
            if durability == .written { write = seen }
        }
        rollback()
        if sync > log.durable { try log.sync(through: sync) }
        if write > log.written { try log.write(through: write) }
        publishReady()
        // Without the log a checkpoint alone makes earlier commits durable.
        if !logsCommits && durability == .full { try runCheckpoint() }
    }

    private func commitToLog(_ durability: Durability) throws(StorageError) {
        let end: LogSequenceNumber
        do throws(StorageError) {
            end = try appendOperations(transaction: writer.transaction)
        } catch {
            rollback()
            throw error
        }
        commitInStore()
        switch durability {
        case .full: writer.requiredSync = end
        case .written: writer.requiredWrite = end
        case .buffered: break
        }
        let sync = writer.requiredSync
        let write = writer.requiredWrite
        advanceHead()
        writerLock.release()
        // A version stands on the ones before it, so a weaker commit still waits for a stronger one
        // that is under way; on its own it waits for nothing more than it asked for.
        if sync > log.durable { try log.sync(through: sync) }
        if write > log.written { try log.write(through: write) }
        publishReady()
    }

    /// Appends the operations that the writer has gathered to the log.
    func appendOperations(
        transaction: TransactionNumber
    ) throws(StorageError) -> LogSequenceNumber {
        do throws(StorageError) {
            try noteLogInUse()
            return try writer.operations.bytes.withByteView { payload throws(StorageError) in
                try withRoom { () throws(StorageError) in try log.reserve(payload.count) }
                return try log.append(payload, transaction: transaction)
            }
        } catch {
            // A checkpoint gives segments of the log back; see `relieve`.
            if error.isOutOfSpace { store.noteSpaceShort() }
            throw error
        }
    }

    /// Asks the log for room. What the data file took of a nearly full disk beyond its need, only to
    /// grow less often, would keep every commit from having any: then that is given back first.
    func withRoom(_ request: () throws(StorageError) -> Void) throws(StorageError) {
        do throws(StorageError) {
            try request()
        } catch {
            guard error.code == .diskFull, try store.giveSpaceBack() else { throw error }
            try request()
        }
    }

    /// Commits a transaction that is not in the log: its pages are written where they lie, then the
    /// superblock flips. The writer lock is held throughout, because a later commit in the log would
    /// be lost in a crash before the flip.
    func commitByCheckpoint() throws(StorageError) {
        do {
            try writer.updateCatalog(includingMain: true)
            try reserveFreeListSpace()
            try startLog()
            try store.writeOutDirty()
        } catch {
            rollback()
            throw error
        }
        enterCheckpoint()
        defer {
            leaveCheckpoint()
            writerLock.release()
        }
        commitInStore()
        advanceHead(needsCheckpoint: true)
        do {
            try beginCheckpoint()
            try completeCheckpoint(position: log.end)
        } catch {
            // The head stands on a version that is neither logged nor durable; nothing may follow.
            fail(error)
            throw error
        }
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

    /// After a commit: asks for a checkpoint or a sync where one is due.
    func noteCommit(_ durability: Durability) {
        if durability != .full && logsCommits { maintenance.requestSync() }
        guard isCheckpointDue else { return }
        switch options.checkpointPolicy {
        case .automatic: maintenance.requestCheckpoint()
        case .inline:
            // The commit is done; what goes wrong now shows in the next one or in `poison`.
            do { try runCheckpoint() } catch {}
        case .manual: break
        }
    }

    /// Whether the log or the dirty pages have reached their budget.
    var isCheckpointDue: Bool {
        loggedBytes >= UInt64(max(options.logBudget, 1))
            || dirtyByteCount >= options.dirtyBudget
    }

    /// Bytes of pages that are newer than the data file.
    var dirtyByteCount: Int { store.pressure.dirtyPages * PageLayout.pageSize }

    /// Bytes of log that a recovery would read now.
    var loggedBytes: UInt64 {
        let end = log.end
        let position = store.checkpoint.logPosition
        return end > position ? end - position : 0
    }

    /// Keeps writers from outrunning the background checkpoint: at four budgets they do one
    /// themselves. And after the disk was full, one frees what can be freed.
    private func relieve() throws(StorageError) {
        guard options.checkpointPolicy != .manual else { return }
        if store.isSpaceShort {
            do throws(StorageError) {
                try runCheckpoint()
            } catch {
                // Then the transaction has to do with what there is.
                guard error.isOutOfSpace else { throw error }
            }
            return
        }
        guard loggedBytes / 4 >= UInt64(max(options.logBudget, 1))
        else { return }
        try runCheckpoint()
    }
}
