/// The latest syncs of a log: how long they took, and how many records each made durable.
public struct SyncTimes: Sendable, Equatable {
    /// One sync.
    public struct Sync: Sendable, Equatable {
        /// How long it took; nil where that was not measured.
        public var nanoseconds: UInt64?
        /// How many records it made durable.
        public var recordCount: Int
    }

    /// How many of them are kept.
    static var limit: Int { 64 }

    /// How many syncs there were since the log was opened.
    public private(set) var count = 0
    /// The latest ones: number *n* at `n % limit`.
    private var ring: [Sync] = []

    /// No sync yet.
    public init() {}

    /// The median of the latest ones in nanoseconds; nil before the first.
    public var median: UInt64? {
        let known = ring.compactMap { $0.nanoseconds }.sorted()
        return known.isEmpty ? nil : known[known.count / 2]
    }

    /// The longest of the latest ones in nanoseconds; nil before the first.
    public var worst: UInt64? { ring.compactMap { $0.nanoseconds }.max() }

    /// Returns the latest syncs in order, as many as are kept at most.
    ///
    /// - Parameter wanted: how many.
    public func latest(_ wanted: Int) -> [Sync] {
        let number = max(0, min(wanted, ring.count))
        return (count - number..<count).map { ring[$0 % Self.limit] }
    }

    mutating func add(_ sync: Sync) {
        if ring.count < Self.limit {
            ring.append(sync)
        } else {
            ring[count % Self.limit] = sync
        }
        count += 1
    }
}
