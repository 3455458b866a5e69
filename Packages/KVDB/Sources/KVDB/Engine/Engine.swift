import BTree
import PageStore
import StorageIO
import WAL

/// What a database handle, its snapshots and its transactions share: a page store, a log, and the parts
/// that turn the two into a database.
///
/// Each part owns its state and the lock around it, and lies in the file of its name:
///
/// - ``Lifecycle``: what calls may still do.
/// - The writer: ``WriterLock`` lets one transaction run at a time, ``WriterState`` is what it guards, and
///   `Writer.swift` is a commit from its begin to its publication.
/// - ``VersionQueue``: from a commit to what readers get.
/// - ``Checkpointer``: from the head to the data file.
/// - ``Maintenance``: the background thread.
/// - ``WriteQueue``: the writes of tasks, and the thread that runs them.
/// - ``WorkThreads``: what else tasks wait for.
/// - ``Observers``: who wants to know which commits touch some keys.
///
/// Locks, in the order in which they are taken:
/// 1. `writerLock`: one write transaction, or the start of a checkpoint, at a time. Guards `writer`.
/// 2. The lock of `checkpointer`: one checkpoint at a time; the start needs the writer lock, the long
///    rest does not.
/// 3. The lock of `versions`: the commits that wait for their publication.
///
/// The page store and the log have locks of their own below these and never call back up.
final class Engine<Store: CheckpointedStorage, Log: CommitLog>: @unchecked Sendable {
    // Sendable: every part guards its own state, `writer` is guarded by `writerLock`, the rest is constant.

    /// Says how many records it read, whether there is a log at all, and the damage it met, if any.
    typealias LogCheck =
        @Sendable (LogSequenceNumber) throws(StorageError) -> (
            records: Int, isThere: Bool, damage: StorageError?
        )

    let store: Store
    let log: Log
    let options: DatabaseOptions
    /// Reads the log's file from a position on, and checks every record; nil without a log.
    let checkLog: LogCheck?
    let lifecycle: Lifecycle
    let writerLock = WriterLock()
    /// The right to write while the database is suspended: so nobody writes.
    let suspension = Guarded<WriterToken?>(nil)
    let writer: WriterState<Store>
    let versions: VersionQueue
    /// When versions were the newest.
    let versionTimes = VersionTimes()
    /// The version that it began with.
    let firstTransaction: TransactionNumber
    let checkpointer = Checkpointer()
    let maintenance = Maintenance()
    /// What the app is told; nil where it does not want to know.
    let events: EventQueue?
    /// Which transaction is open, for the calls on it.
    let transactionUse = TransactionUse()
    #if !hasFeature(Embedded)
        /// Those who want to know which commits touch some keys.
        let observers = Observers()
        /// The writes of tasks.
        let queue = WriteQueue()
        /// For short waits of tasks: a read from the medium, a sync.
        let readers = WorkThreads(limit: 4)
        /// For what takes long: a verification, a compaction, an export.
        let workers = WorkThreads(limit: 64)
    #endif

    /// Goes on from where recovery left `writer`.
    init(
        store: Store, log: Log, options: DatabaseOptions, path: String,
        writer: WriterState<Store>, checkLog: LogCheck? = nil
    ) {
        self.checkLog = checkLog
        self.store = store
        self.log = log
        self.options = options
        events = options.onEvent.map { EventQueue($0) }
        self.writer = writer
        lifecycle = Lifecycle(path: path, isReadOnly: options.isReadOnly)
        firstTransaction = writer.head.transaction
        versions = VersionQueue(writer.head, writer.roots, registry: store.versions)
        mustWork { () throws(StorageError) in try store.publish(writer.head.transaction) }
    }

    /// The names of the tables that the handle has to do with.
    var tables: TableSet { writer.names }

    /// The data file's path; empty without a file.
    var path: String { lifecycle.path }

    /// Whether commits go to the log.
    var logsCommits: Bool { options.usesLog && !options.isReadOnly }

    // MARK: Readers

    /// Registers a snapshot of the newest published version. Returns its slot and what it reads.
    func acquireVersion() throws(StorageError) -> (slot: Int, version: Version) {
        try requireOpen()
        return versions.acquire()
    }

    func releaseVersion(_ slot: Int) { versions.release(slot) }

    /// Lets readers see every committed version whose wait is over, in order.
    func publishReady() { versions.publishReady(store, log) }

    // MARK: Durability

    /// Makes every commit so far durable.
    func sync() throws(StorageError) {
        defer { deliverEvents() }
        try requireWritable()
        if logsCommits {
            try log.sync(through: log.end)
            publishReady()
        } else {
            try runCheckpoint()
        }
    }
}

/// Runs a call of the store that fails only when its order is wrong, and the order is the engine's own.
func mustWork(_ call: () throws(StorageError) -> Void) {
    do throws(StorageError) {
        try call()
    } catch {
        preconditionFailure("The engine called its store in the wrong order.")
    }
}
