import StorageIO

/// A record as replay gives it back.
public struct LogRecord: Sendable {
    /// What was appended. Lent for the length of the call.
    public let payload: ByteView
    /// The number it was appended with.
    public let transaction: UInt64
    /// The position of its first frame.
    public let start: LogSequenceNumber
    /// The position after its last frame, as `append` returned it.
    public let end: LogSequenceNumber
}

/// One frame, a record or a fragment of one, as inspection shows it.
public struct LogFrame: Sendable {
    /// The position of its header.
    public let start: LogSequenceNumber
    /// The position after it, padding included.
    public let end: LogSequenceNumber
    /// The byte in the file that its header starts at.
    public let fileOffset: UInt64
    /// The transaction of its record.
    public let transaction: UInt64
    /// The position known to be durable when it was encoded.
    public let syncedThrough: LogSequenceNumber
    /// Whether it starts a record.
    public let isFirst: Bool
    /// Whether it ends a record.
    public let isLast: Bool
    /// Its part of the record. Lent for the length of the call.
    public let payload: ByteView
}
