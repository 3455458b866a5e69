import StorageIO

/// What reading a log found.
public struct LogReport: Sendable {
    /// Where reading started.
    public internal(set) var start: LogSequenceNumber = 0
    /// Whether the position to start from is part of the log, though nothing may follow it.
    public internal(set) var isFound = false
    /// The end of the last complete record.
    public internal(set) var end: LogSequenceNumber = 0
    /// The end of the last sound frame; after `end` when the last record was cut.
    public internal(set) var frameEnd: LogSequenceNumber = 0
    /// How many sound frames there are.
    public internal(set) var frameCount = 0
    /// How many complete records there are.
    public internal(set) var recordCount = 0
    /// The bytes of payload in the frames.
    public internal(set) var payloadByteCount: UInt64 = 0
    /// Set when records that had been durable are missing at the end of what was read, or before its
    /// beginning although nothing of the log was ever recycled. Its code is `positionRecycled` when the log
    /// has recycled what was to be read: then nothing is damaged, and the reader came too late.
    public internal(set) var damage: StorageError?
    /// Set when what was asked for is all that there is, and it does not begin where the log began: a
    /// segment before this position was durable, and nothing shows that it was recycled, while a slot that
    /// may have held it can't be read.
    public internal(set) var missingBefore: LogSequenceNumber?
}
