import BTree
import PageStore
import StorageIO
import Synchronization
import WAL

extension EngineCore {
    /// Waits until no checkpoint runs and marks one as running. The caller holds the writer lock.
    func enterCheckpoint() {
        checkpointLock.acquire()
        while isCheckpointRunning { checkpointEnded.wait(checkpointLock) }
        isCheckpointRunning = true
        checkpointLock.release()
    }

    /// Ends what ``enterCheckpoint()`` began.
    func leaveCheckpoint() {
        checkpointLock.acquire()
        isCheckpointRunning = false
        checkpointEnded.broadcast()
        checkpointLock.release()
    }

    private func awaitCheckpoint() {
        checkpointLock.acquire()
        while isCheckpointRunning { checkpointEnded.wait(checkpointLock) }
        checkpointLock.release()
    }

    /// Writes the head to the data file ("Checkpoints" in `Docs/Architecture.md`). Does nothing
    /// when the file is up to date, unless space is short. Writers wait only for the start.
    ///
    /// - Parameters:
    ///   - always: whether it is written even when the file is up to date, to give space back.
    ///   - endsLog: whether the log is removed after it; it is then written even when the file is up
    ///     to date, to say so.
    ///   - timeout: how long to wait for a transaction at most; nil as long as it takes.
    func runCheckpoint(
        always: Bool = false, endsLog: Bool = false, timeout: Duration? = nil
    ) throws(StorageError) {
        // Wait for a running one before the writer lock, so that writers don't queue behind it.
        awaitCheckpoint()
        try acquireWriter(.call, timeout: timeout)
        let position: LogSequenceNumber?
        do {
            position = try freezeCheckpoint(always: always, endsLog: endsLog)
        } catch {
            writerLock.release()
            throw error
        }
        writerLock.release()
        guard let position else { return }
        defer { leaveCheckpoint() }
        try completeCheckpoint(position: position)
    }

    /// Starts a checkpoint of the head; the caller holds the writer lock. Nil when none is needed.
    ///
    /// The catalog is brought up to date in a version of its own, with an empty record in the log,
    /// so that transaction numbers stay without gaps whether the checkpoint is completed or not.
    private func freezeCheckpoint(
        always: Bool, endsLog: Bool
    ) throws(StorageError) -> LogSequenceNumber? {
        try requireWritable()
        enterCheckpoint()
        do throws(StorageError) {
            let last = store.checkpoint
            guard
                always || store.isSpaceShort || writer.head.transaction != last.transaction
                    || (endsLog && last.usesLog && !last.endsLog)
                    // With the log there a damaged slot is no loss; without it, nobody could tell.
                    || (endsLog && store.isSpareSuperblockDamaged)
            else {
                leaveCheckpoint()
                return nil
            }
            schedulePoint()
            guard endsLog || !isClosing.load(ordering: .acquiring) else {
                // The log goes after the closing checkpoint, and no superblock may ask for it then.
                throw StorageError(.closed, "The database is being closed.", path: path)
            }
            let number = writer.head.transaction + 1
            try store.beginTransaction(number)
            store.setPurpose(.checkpoint)
            writer.begin(number, logged: logsCommits)
            do throws(StorageError) {
                try writer.updateCatalog(includingMain: true)
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
            leaveCheckpoint()
            throw error
        }
    }

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
        guard !isLogNoted else { return }
        try startLog()
        let last = store.checkpoint
        if !last.usesLog || last.endsLog { try store.noteLogInUse() }
        isLogNoted = true
    }

    private func appendEmptyRecord(_ number: TransactionNumber) throws(StorageError) {
        try noteLogInUse()
        let nothing: [UInt8] = []
        try nothing.withByteView { payload throws(StorageError) in
            // Not reserved: on a full disk this record takes the slot that every other one leaves.
            _ = try log.append(payload, transaction: number)
        }
    }

    /// Freezes the head; the caller holds the writer lock.
    func beginCheckpoint(endsLog: Bool = false) throws(StorageError) {
        // First, and whatever comes of it: from here on no page of the head changes where it is.
        writer.checkpointed = writer.head.transaction
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
    }
}
