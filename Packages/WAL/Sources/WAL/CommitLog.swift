import StorageIO

/// A position in the log: `segment sequence * segment size + offset in the segment`. Grows with
/// every record, over the whole life of a database; 0 means "before everything".
public typealias LogSequenceNumber = UInt64

/// A log that commits go to: append, then wait until it is written or durable.
///
/// ``WriteAheadLog`` is the one on disk; ``NullLog`` is for databases without a log.
public protocol CommitLog: AnyObject, Sendable {
    /// Makes sure that the log is there, durably, as the first `append` or `reserve` does otherwise: a
    /// log that is missing after this was lost. A full disk may be met here, with nothing changed.
    ///
    /// - Throws: `poisoned`, `closed`, `readOnly`; what creating a file throws.
    func start() throws(StorageError)

    /// Adds a record to the log's buffer.
    ///
    /// - Parameters:
    ///   - payload: the record; copied before the call returns.
    ///   - transaction: a number that replay gives back with the record.
    /// - Returns: the position after the record; the record is durable when
    ///   `sync(through:)` has returned for it.
    /// - Throws: `poisoned`, `closed`, `readOnly`; `valueTooLong`, `diskFull`, `fileTooLarge`,
    ///   `inputOutput` with nothing appended.
    func append(_ payload: ByteView, transaction: UInt64) throws(StorageError) -> LogSequenceNumber

    /// Returns when everything before `position` has been handed to the operating system: it then
    /// survives the end of the process. Positions after `end` count as `end`.
    ///
    /// - Throws: `poisoned`; `closed`, unless `position` was written before the log was closed.
    func write(through position: LogSequenceNumber) throws(StorageError)

    /// Returns when everything before `position` is durable. Positions after `end` count as `end`.
    ///
    /// - Throws: `poisoned`; `closed`, unless `position` was durable before the log was closed.
    func sync(through position: LogSequenceNumber) throws(StorageError)

    /// The position after the last record appended.
    var end: LogSequenceNumber { get }
    /// The position up to which the operating system has the log.
    var written: LogSequenceNumber { get }
    /// The position up to which the log is durable.
    var durable: LogSequenceNumber { get }

    /// Allows segments to be reused that hold nothing at or after `position`. The caller must have
    /// made durable elsewhere that it never again replays from before `position`.
    ///
    /// - Throws: `closed`, `readOnly`.
    func recycle(before position: LogSequenceNumber) throws(StorageError)

    /// Makes sure that a record of `byteCount` bytes can be appended without needing disk space, and
    /// after it one empty record that was not reserved: a checkpoint's, which makes space.
    ///
    /// - Throws: `diskFull`, `fileTooLarge`, `inputOutput` with nothing changed; `poisoned`,
    ///   `closed`, `readOnly`.
    func reserve(_ byteCount: Int) throws(StorageError)

    /// The size of the log's file in bytes.
    var byteCount: UInt64 { get }

    /// The bytes of all records, with their frames' headers, from `position` to ``end``: what a replay would
    /// read. Gaps between them in the file, such as the unused ends of segments, don't count.
    func recordByteCount(from position: LogSequenceNumber) -> UInt64

    /// How many syncs there were, and how long the latest took.
    var syncTimes: SyncTimes { get }

    /// The first failed write or sync. Once it is set, nothing can be appended, written or synced
    /// any more.
    var poison: StorageError? { get }

    /// Syncs what is buffered and closes the log. Calls after the first do nothing.
    ///
    /// - Parameter removing: whether the file is removed as well, durably.
    /// - Throws: what the sync or the removal throws; the log is closed all the same. A log that
    ///   could not be synced is not removed.
    func close(removing: Bool) throws(StorageError)

    /// Closes the file without writing or waiting: for a child made by `fork`, whose parent goes on.
    func abandon()
}

extension CommitLog {
    /// None: for a log that keeps nothing.
    public var syncTimes: SyncTimes { SyncTimes() }
}
