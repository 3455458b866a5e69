import StorageIO
import Synchronization

/// A log that keeps nothing: whatever is appended is at once as durable as it will ever be. For
/// databases that run without a log, and for tests of what stands on one.
public final class NullLog: CommitLog {
    // Both change by atomic operations only.
    private let position: Atomic<UInt64>
    private let isClosed = Atomic<Bool>(false)

    /// A log whose positions go on from `start`.
    public init(from start: LogSequenceNumber = 0) { position = Atomic(start) }

    /// Does nothing: there is no file.
    public func start() throws(StorageError) { try refuseIfClosed() }

    /// Advances the position by one frame's size.
    public func append(_ payload: ByteView, transaction: UInt64) throws(StorageError)
        -> LogSequenceNumber
    {
        try refuseIfClosed()
        let size = UInt64(LogLayout.frameSize(payload: payload.count))
        return position.add(size, ordering: .sequentiallyConsistent).newValue
    }

    /// Returns at once.
    public func write(through position: LogSequenceNumber) throws(StorageError) {
        try refuseIfClosed()
    }

    /// Returns at once.
    public func sync(through position: LogSequenceNumber) throws(StorageError) {
        try refuseIfClosed()
    }

    /// The position after the last record appended.
    public var end: LogSequenceNumber { position.load(ordering: .acquiring) }
    /// The same as ``end``.
    public var written: LogSequenceNumber { end }
    /// The same as ``end``.
    public var durable: LogSequenceNumber { end }

    /// Does nothing: nothing is kept.
    public func recycle(before position: LogSequenceNumber) throws(StorageError) {
        try refuseIfClosed()
    }

    /// Does nothing: no space is needed.
    public func reserve(_ byteCount: Int) throws(StorageError) { try refuseIfClosed() }

    /// 0.
    public var byteCount: UInt64 { 0 }
    /// See ``CommitLog/recordByteCount(from:)``; nothing is ever replayed.
    public func recordByteCount(from position: LogSequenceNumber) -> UInt64 { 0 }
    /// Never set.
    public var poison: StorageError? { nil }

    /// Refuses all further calls.
    public func close(removing: Bool) throws(StorageError) {
        isClosed.store(true, ordering: .releasing)
    }

    /// Refuses all further calls.
    public func abandon() { isClosed.store(true, ordering: .releasing) }

    private func refuseIfClosed() throws(StorageError) {
        if isClosed.load(ordering: .acquiring) {
            throw StorageError(.closed, "The log is closed.")
        }
    }
}
