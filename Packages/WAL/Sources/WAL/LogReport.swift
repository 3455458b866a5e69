import StorageIO

/// What reading a log found.
public struct LogReport: Sendable {
    /// Where reading started.
    public internal(set) var start: LogSequenceNumber = 0
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
    /// Set when records that had been durable are missing at the end of what was read.
    public internal(set) var damage: StorageError?
}
