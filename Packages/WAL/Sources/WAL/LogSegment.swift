/// A slot of a log file, as inspection shows it.
public struct LogSegment: Sendable {
    /// What the slot holds.
    public enum State: UInt8, Sendable {
        /// A segment that leads to the newest one.
        case linked
        /// A sound segment that the log left behind: recycled, or cut off by a recovery.
        case stale
        /// No sound header: never used, or cut short by a crash, or damaged.
        case unreadable
        /// A segment of another log.
        case foreign
    }

    /// Which slot of the file, from 0.
    public let slot: Int
    /// The byte in the file that it starts at.
    public let fileOffset: UInt64
    /// What it holds.
    public let state: State
    /// The segment's number; 0 when the header is not this log's.
    public let sequence: UInt64
    /// The salt of its frames; 0 when the header is not this log's.
    public let salt: UInt32
    /// Where the log's content before it ends.
    public let previousEnd: LogSequenceNumber
    /// The position known to be durable when it was started.
    public let syncedThrough: LogSequenceNumber

    init(slot: Int, segmentSize: Int, state: State, header: SegmentHeader? = nil) {
        self.slot = slot
        fileOffset = UInt64(slot) * UInt64(segmentSize)
        self.state = state
        sequence = header?.sequence ?? 0
        salt = header?.salt ?? 0
        previousEnd = header?.previousEnd ?? 0
        syncedThrough = header?.syncedThrough ?? 0
    }
}
