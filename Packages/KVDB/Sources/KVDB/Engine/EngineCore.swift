import BTree
import PageStore
import StorageIO
import Synchronization
import WAL

/// A committed version that readers may not see yet (R3), and what it waits for. (Not inside the generic
/// core: a look into an array of it would then ask the runtime for its metadata each time.)
struct PendingVersion {
    var version: Version
    /// The log must be durable up to here.
    var sync: LogSequenceNumber
    /// The operating system must have the log up to here.
    var write: LogSequenceNumber
    /// It is not in the log: only a durable checkpoint brings it out.
    var needsCheckpoint: Bool
}

/// What a database handle, its snapshots and its transactions share.
///
/// Locks, in the order in which they are taken:
/// 1. `writerLock`: one write transaction, or the start of a checkpoint, at a time. Guards `writer`.
/// 2. `checkpointLock`: guards `isCheckpointRunning`. One checkpoint at a time; the start needs the
///    writer lock, the long rest does not.
/// 3. `publishLock`: guards `pending`, `failure`, and serialises publications.
///
/// The page store and the log have locks of their own below these and never call back up.
final class EngineCore<Store: CheckpointedStorage, Log: CommitLog>: @unchecked Sendable {
    // Sendable: every `var` is guarded as said above; the rest is constant or atomic.

    /// Says how many records it read, whether there is a log at all, and the damage it met, if any.
    typealias LogCheck =
        @Sendable (LogSequenceNumber) throws(StorageError) -> (
            records: Int, isThere: Bool, damage: StorageError?
        )

    let store: Store
    let log: Log
    let options: DatabaseOptions
    let path: String
    /// Reads the log's file from a position on, and checks every record; nil without a log.
    let checkLog: LogCheck?
    let writerLock = WriterLock()
    let writer: WriterState<Store>
    let publication: Publication
    let checkpointLock = Lock()
    let checkpointEnded = Condition()
    var isCheckpointRunning = false
    let publishLock = Lock()
    var pending: [PendingVersion] = []
    private(set) var failure: StorageError?
    /// Whether there is one.
    private let hasFailed = Atomic(false)
    /// Whether the data file says that a log is in use. Guarded by `writerLock`.
    var isLogNoted = false
    /// Whether the background thread has been started. Guarded by `writerLock`.
    var isMaintained = false
    let isClosed = Atomic(false)
    /// Set under the writer lock by whoever closes: no transaction begins after that.
    let isClosing = Atomic(false)
    /// A child made by `fork` has another one; see ``requireOpen()``.
    let forkDepth = System.forkDepth
    /// The background thread's requests.
    let maintenance = Maintenance()

    /// Goes on from where recovery left `writer`.
    init(
        store: Store, log: Log, options: DatabaseOptions, path: String,
        writer: WriterState<Store>, checkLog: LogCheck? = nil
    ) {
        self.checkLog = checkLog
        self.store = store
        self.log = log
        self.options = options
        self.path = path
        self.writer = writer
        publication = Publication(writer.head)
        mustWork { () throws(StorageError) in try store.publish(writer.head.transaction) }
    }

    /// Whether commits go to the log.
    var logsCommits: Bool { options.usesLog && !options.isReadOnly }

    // MARK: Checks

    /// Whether this is a child made by `fork`, and the handle its parent's. The child has neither the
    /// parent's threads nor its later changes, so all it may do is to let go.
    var isForked: Bool { forkDepth != System.forkDepth }

    func requireOpen() throws(StorageError) {
        guard !isForked else {
            throw StorageError(
                .closed,
                "The handle belongs to the process that this one was forked from; open the "
                    + "database after the fork.", path: path)
        }
        schedulePoint()
        guard !isClosed.load(ordering: .acquiring) else {
            throw StorageError(.closed, "The database is closed.", path: path)
        }
    }

    /// The first error of a write or sync, which stops all further writing ("Failure" in
    /// `Docs/Architecture.md`).
    var poison: StorageError? {
        if let cause = log.poison ?? store.poison { return cause }
        schedulePoint()
        guard hasFailed.load(ordering: .acquiring) else { return nil }
        return publishLock.withLock { failure }
    }

    func requireWritable() throws(StorageError) {
        try requireOpen()
        guard !options.isReadOnly else {
            throw StorageError(
                .readOnly, "The database is open for reading only; open it with another access.",
                path: path)
        }
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

    // MARK: The writer lock

    /// Takes the writer lock.
    ///
    /// - Parameters:
    ///   - use: what for.
    ///   - timeout: how long to wait for those before; nil as long as it takes, for what has to be done
    ///     once it was begun.
    /// - Throws: `timedOut`, with the holder; `busy` inside a closure that has the lock.
    func acquireWriter(_ use: WriterUse, timeout: Duration?) throws(StorageError) {
        switch writerLock.acquire(use, nanoseconds: timeout?.wholeNanoseconds) {
        case .taken: return
        case .timedOut(let holder):
            let what =
                holder.map { $0.description(now: System.now) } ?? "Others are changing it in turn."
            throw StorageError(
                .timedOut, "The database was not free for a change in time. \(what)", path: path)
        case .heldByCaller:
            throw StorageError(
                .busy,
                "This thread is inside a write transaction of the database; use that one, or return "
                    + "from it first.",
                path: path)
        }
    }

    // MARK: Versions

    /// Registers a snapshot of the newest published version: its slot and what it reads.
    func acquireVersion() throws(StorageError) -> (slot: Int, version: Version) {
        try requireOpen()
        var transaction = publication.transaction
        let slot = store.versions.register(transaction)
        while true {
            // Registered first, looked again after: when nothing newer was published in between,
            // whoever reclaims pages from now on sees the registration.
            let newest = publication.transaction
            if newest == transaction, let version = publication.read(transaction) {
                return (slot, version)
            }
            transaction = newest
            store.versions.update(slot, transaction)
        }
    }

    func releaseVersion(_ slot: Int) { store.versions.release(slot) }

    /// Lets readers see every committed version whose wait is over, in order.
    func publishReady() {
        publishLock.withLock {
            let durable = log.durable
            let written = log.written
            let checkpointed = store.checkpoint.transaction
            var ready = 0
            while ready < pending.count {
                let next = pending[ready]
                let isReady =
                    next.version.transaction <= checkpointed
                    || (!next.needsCheckpoint && next.sync <= durable && next.write <= written)
                guard isReady else { break }
                ready += 1
            }
            guard ready > 0 else { return }
            let version = pending[ready - 1].version
            if ready > 1, publication.takesPlaceOfNewest(version.transaction) {
                // Or readers would find no entry, and wait for this thread until it is done.
                publication.publish(pending[ready - 2].version)
            }
            pending.removeFirst(ready)
            // The publication first: the store frees what only older versions need as soon as it is
            // told, and a reader must not be able to get one of those any more by then.
            publication.publish(version)
            mustWork { () throws(StorageError) in try store.publish(version.transaction) }
        }
    }

    /// Notes that the head moved to `version`; the caller holds the writer lock.
    func advanceHead(needsCheckpoint: Bool = false) {
        let version = writer.version
        writer.head = version
        publishLock.withLock {
            pending.append(
                PendingVersion(
                    version: version, sync: writer.requiredSync, write: writer.requiredWrite,
                    needsCheckpoint: needsCheckpoint))
        }
    }

    /// Ends the running transaction in the store.
    func commitInStore() {
        mustWork { () throws(StorageError) in try store.commitTransaction() }
    }

    /// Runs a call of the store that fails only when its order is wrong, and the order is this core's.
    func mustWork(_ call: () throws(StorageError) -> Void) {
        do throws(StorageError) {
            try call()
        } catch {
            preconditionFailure("The engine called its store in the wrong order.")
        }
    }

    /// Stops all further writing with `error` as the reason.
    func fail(_ error: StorageError) {
        publishLock.withLock {
            if failure == nil { failure = error }
            hasFailed.store(true, ordering: .releasing)
        }
    }
}
