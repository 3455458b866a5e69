import BTree
import PageStore
import StorageIO
import WAL

/// Whether a checkpoint runs: one at a time. Its lock (number 2 in "Locks", `Docs/Architecture.md`) is held
/// only to look and to change that.
struct Checkpointer: ~Copyable {
    private let isRunning = Guarded(false)
    private let ended = Condition()

    /// Waits until no checkpoint runs and marks one as running. The caller holds the writer lock.
    func enter() {
        isRunning.withLock(after: ended, while: { $0 }) { $0 = true }
    }

    /// Ends what ``enter()`` began.
    func leave() {
        isRunning.withLock {
            $0 = false
            ended.broadcast()
        }
    }

    /// Waits until no checkpoint runs.
    func awaitEnd() {
        isRunning.withLock(after: ended, while: { $0 }) { _ in }
    }
}

// A checkpoint from its start to the end of what it makes superfluous ("Checkpoints" in
// `Docs/Architecture.md`): run, freeze, complete.
extension Engine {
    /// Writes the head to the data file. Does nothing when the file is up to date, unless space is short.
    /// Writers wait only for the start.
    ///
    /// - Parameters:
    ///   - always: whether it is written even when the file is up to date, to give space back.
    ///   - endsLog: whether the log is removed after it; it is then written even when the file is up
    ///     to date, to say so.
    ///   - timeout: how long to wait for a transaction at most; nil as long as it takes.
    func runCheckpoint(
        always: Bool = false, endsLog: Bool = false, timeout: Duration? = nil
    ) throws(StorageError) {
        // Last of all, when nothing is held any more.
        defer { deliverEvents() }
        // In memory there is nowhere to write to.
        if options.isVolatile { return try requireWritable() }
        // Wait for a running one before the writer lock, so that writers don't queue behind it.
        checkpointer.awaitEnd()
        let token = try acquireWriter(.call, timeout: timeout)
        let position = try freezeCheckpoint(always: always, endsLog: endsLog)
        token.release()
        guard let position else { return }
        defer { checkpointer.leave() }
        try completeCheckpoint(position: position)
    }

    /// Makes a checkpoint that nobody has called for. A full disk leaves things as they are until the next one; any
    /// other failure poisons the store, and the next commit reports it.
    func tryCheckpoint() {
        do throws(StorageError) {
            try runCheckpoint()
        } catch {
            noteFailedCheckpoint(error)
            deliverEvents()
        }
    }

    /// Lets the app know of a checkpoint that did not come about, unless the whole handle has failed.
    private func noteFailedCheckpoint(_ error: StorageError) {
        guard let events, poison == nil, error.code != .closed else { return }
        events.add(.checkpointFailed(error))
    }

    /// Starts a checkpoint of the head; the caller holds the writer lock. Nil when none is needed.
    ///
    /// The catalog is brought up to date in a version of its own, with an empty record in the log,
    /// so that transaction numbers stay without gaps whether the checkpoint is completed or not.
    func freezeCheckpoint(
        always: Bool, endsLog: Bool
    ) throws(StorageError) -> LogSequenceNumber? {
        try requireWritable()
        checkpointer.enter()
        do throws(StorageError) {
            let last = store.checkpoint
            guard
                always || store.isSpaceShort || writer.head.transaction != last.transaction
                    || (endsLog && last.usesLog && !last.endsLog)
                    // With the log there a damaged slot is no loss; without it, nobody could tell.
                    || (endsLog && store.isSpareSuperblockDamaged)
            else {
                checkpointer.leave()
                return nil
            }
            // The log goes after the closing checkpoint, and no superblock may ask for it then.
            if !endsLog { try lifecycle.requireNotClosing() }
            let number = writer.head.transaction + 1
            try store.beginTransaction(number)
            store.setPurpose(.checkpoint)
            writer.begin(number, logged: logsCommits)
            do throws(StorageError) {
                try writer.updateCatalog(includingRoots: true)
                try startLog()
                if logsCommits { try appendEmptyRecord(number) }
            } catch {
                abandonTransaction()
                throw error
            }
            commitInStore()
            advanceHead()
            try beginCheckpoint(endsLog: endsLog)
            return log.end
        } catch {
            checkpointer.leave()
            throw error
        }
    }

    private func appendEmptyRecord(_ number: TransactionNumber) throws(StorageError) {
        try noteLogInUse()
        let nothing: [UInt8] = []
        try withByteView(of: nothing) { payload throws(StorageError) in
            // Not reserved: on a full disk this record takes the slot that every other one leaves.
            _ = try log.append(payload, transaction: number)
        }
    }

    /// Freezes the head; the caller holds the writer lock.
    func beginCheckpoint(endsLog: Bool = false) throws(StorageError) {
        // First, and whatever comes of it: from here on no page of the head changes where it is.
        writer.checkpointed = writer.head.transaction
        events?.beginCheckpoint(pages: store.pressure.dirtyPages)
        try store.beginCheckpoint(checkpointRecord(endsLog: endsLog))
    }

    /// The superblock's content for the head.
    private func checkpointRecord(endsLog: Bool) -> CheckpointRecord {
        CheckpointRecord(
            transaction: writer.head.transaction, catalogRoot: writer.head.catalog.page,
            catalogHeight: writer.head.catalog.height,
            catalogCount: writer.head.catalog.entryCount, logPosition: log.end,
            usesLog: logsCommits, endsLog: endsLog && logsCommits)
    }

    /// Makes a frozen checkpoint durable and lets the log be reused before `position`.
    func completeCheckpoint(position: LogSequenceNumber) throws(StorageError) {
        // The superblock will name `position`: the log must be durable up to it, so that its segment
        // is there at the next open whatever of the newer ones survives.
        try log.sync(through: position)
        // What is logged up to there is durable now. Published before the store gives space back, or
        // the pages that the newest versions replaced would wait for the next checkpoint.
        publishReady()
        try store.finishCheckpoint()
        try log.recycle(before: position)
        publishReady()
        versionTimes.note(versions.newest)
        if let events {
            events.add(log.syncTimes)
            events.endCheckpoint()
        }
    }

    // MARK: When one is due

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
    func relieve() throws(StorageError) {
        guard isReliefDue else { return }
        if store.isSpaceShort {
            do throws(StorageError) {
                try runCheckpoint()
            } catch {
                // Then the transaction has to do with what there is.
                guard error.isOutOfSpace else { throw error }
                noteFailedCheckpoint(error)
            }
            return
        }
        try runCheckpoint()
    }

    /// Whether ``relieve()`` has anything to do.
    var isReliefDue: Bool {
        options.checkpointPolicy != .manual
            && (store.isSpaceShort || loggedBytes / 4 >= UInt64(max(options.logBudget, 1)))
    }

    // MARK: The log's part

    /// Before a superblock is written or a record logged: makes sure that the log is there. A superblock
    /// that says so must not come before it; and where none is there, a superblock that a crash cut off
    /// is taken for one that was damaged later. Also where commits don't go to the log: with its name
    /// the data file's becomes durable, which whoever created that may not have lived to see. On a
    /// full disk nothing has changed when it throws; the caller holds the writer lock.
    func startLog() throws(StorageError) {
        try withRoom { () throws(StorageError) in try log.start() }
    }

    /// Before the first record goes to the log since the open: makes sure that the data file says
    /// durably that a log is in use, so that a log that is deleted after a crash is missed whatever
    /// it holds. Costs one sync of the data file, once; the caller holds the writer lock.
    ///
    /// No checkpoint runs then: one that this handle began has noted it itself.
    func noteLogInUse() throws(StorageError) {
        guard !writer.isLogNoted else { return }
        try startLog()
        let last = store.checkpoint
        if !last.usesLog || last.endsLog { try store.noteLogInUse() }
        writer.isLogNoted = true
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
}
