import StorageIO

/// Entries to be put together; see ``BPlusTree/put(_:)``. Holds copies of them, in memory that is kept
/// when the batch is emptied for the next.
public struct EntryBatch: ~Copyable {
    /// The keys.
    public private(set) var keys = KeyBatch()
    private let values = ByteScratch(capacity: 4096)
    private var ends: [Int] = []

    /// An empty batch.
    public init() {}

    /// How many entries there are.
    public var count: Int { ends.count }

    /// Adds a copy of an entry. O(its length).
    public mutating func append(_ key: ByteView, _ value: ByteView) {
        keys.append(key)
        values.append(value)
        ends.append(values.count)
    }

    /// Takes all entries out and keeps the memory.
    public mutating func removeAll() {
        keys.removeAll()
        values.truncate(to: 0)
        ends.removeAll(keepingCapacity: true)
    }

    /// The key of the entry at `index`, valid until the batch changes.
    public func key(_ index: Int) -> ByteView { keys.key(index) }

    /// Its value, valid until the batch changes.
    public func value(_ index: Int) -> ByteView {
        let start = index == 0 ? 0 : ends[index - 1]
        return values.view(start, ends[index] - start)
    }
}
