import StorageIO

/// Keys to be looked up together; see ``BPlusTree/withValues(of:_:)``. Holds copies of them, one after
/// the other in one piece of memory, which is kept when the batch is emptied for the next.
public struct KeyBatch: ~Copyable {
    private let scratch = ByteScratch(capacity: 2048)
    private var ends: [Int] = []

    /// An empty batch.
    public init() {}

    /// How many keys there are.
    public var count: Int { ends.count }

    /// Adds a copy of `key`. O(its length).
    public mutating func append(_ key: ByteView) {
        scratch.append(key)
        ends.append(scratch.count)
    }

    /// Takes all keys out and keeps the memory.
    public mutating func removeAll() {
        scratch.truncate(to: 0)
        ends.removeAll(keepingCapacity: true)
    }

    /// The key at `index`, valid until the batch changes.
    public func key(_ index: Int) -> ByteView {
        let start = index == 0 ? 0 : ends[index - 1]
        return scratch.view(start, ends[index] - start)
    }
}
