/// Says which database a log belongs to, so that the log of another one is never replayed: 128
/// bits, usually a random UUID.
public struct LogIdentity: Sendable, Equatable {
    /// The first eight bytes.
    public var high: UInt64
    /// The last eight bytes.
    public var low: UInt64

    /// The identity of these two halves.
    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }
}
