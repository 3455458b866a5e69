import PageStore
import StorageIO

/// Builds a tree from entries that come in ascending order, writing each page once and full.
///
/// Leaves and inner nodes are filled to the last entry that fits; only the last node of each level
/// may be short, and none but a lone leaf has fewer than two slots unless its entries are that big
/// (no inner node has a single child). Memory is one node per level.
///
/// It runs in the store's write transaction. If it is given up, the transaction must be aborted,
/// which is also what gives its pages back.
public final class BulkLoader<Store: PageStorage> {
    // Used by the writing thread alone.
    private let store: Store
    private var levels: [BulkLevel] = [BulkLevel(level: 0)]
    private var entryCount: UInt64 = 0

    /// A loader for a new tree in `store`.
    public init(store: Store) { self.store = store }

    /// Adds an entry after all others.
    ///
    /// - Parameters:
    ///   - key: 0 to 1024 bytes, above every key before.
    ///   - value: 0 to 2^30 bytes.
    /// - Throws: `notSorted`, `keyTooLong` and `valueTooLong`, with nothing added; `diskFull`,
    ///   `fileTooLarge`, `inputOutput`.
    /// - Complexity: O(key + value) amortized.
    public func append(_ key: ByteView, _ value: ByteView) throws(StorageError) {
        try TreeLimits.check(keyLength: key.count, valueLength: value.count)
        let leaf = levels[0]
        if let last = leaf.lastKey, last.compare(to: key) >= 0 {
            throw StorageError(
                .notSorted, "The keys of a bulk load must ascend; entry \(entryCount) does not.")
        }
        if TreeLimits.isInline(keyLength: key.count, valueLength: value.count) {
            leaf.add(key, .inline(value))
        } else {
            let page = try store.allocateOverflow(value)
            leaf.add(key, .overflow(page: page, byteCount: value.count))
        }
        entryCount += 1
        try drain()
    }

    /// Writes what is left and gives the tree's root. The loader is of no use afterwards.
    ///
    /// - Throws: `diskFull`, `fileTooLarge`, `inputOutput`.
    public func finish() throws(StorageError) -> TreeRoot {
        guard entryCount > 0 else { return .empty }
        var level = 0
        while true {
            let current = levels[level]
            let node = try write(current, current.entries.count)
            level += 1
            if level == levels.count {
                return TreeRoot(
                    page: node.page, height: UInt8(truncatingIfNeeded: level),
                    entryCount: entryCount)
            }
            levels[level].addChild(current.separator, node.page, entryCount: node.entryCount)
            try drain(from: level)
        }
    }

    /// Writes the nodes that have outgrown their page, from the leaves up.
    private func drain(from lowest: Int = 0) throws(StorageError) {
        var level = lowest
        while level < levels.count, levels[level].isOverfull {
            let current = levels[level]
            let node = try write(current, current.fullCount)
            level += 1
            if level == levels.count {
                guard level < TreeLimits.maximumHeight else {
                    throw StorageError(
                        .fileTooLarge,
                        "A tree can't have more than \(TreeLimits.maximumHeight) levels.")
                }
                levels.append(BulkLevel(level: level))
            }
            levels[level].addChild(current.separator, node.page, entryCount: node.entryCount)
            current.dropWritten()
        }
    }

    /// Writes the first `count` entries of a level to a page.
    private func write(
        _ level: BulkLevel, _ count: Int
    ) throws(StorageError) -> (page: PageNumber, entryCount: UInt64) {
        let number = try store.allocate()
        let page = store.window.address(number)
        page.writeHeader(
            number: number, birth: store.transaction, kind: level.level == 0 ? .leaf : .inner,
            level: UInt8(truncatingIfNeeded: level.level))
        try level.entries.write(0..<count, to: page)
        return (number, level.entries.totalEntryCount(0..<count))
    }
}

/// The node that a bulk load is filling at one level.
private final class BulkLevel {
    let level: Int
    private(set) var entries: NodeEntries
    /// The separator that leads to the node, for its parent.
    private var separatorBytes = ByteScratch(capacity: 64)
    /// The bytes of the node as it would be written now, and of the prefix in that.
    private var size = 0
    private var prefixLength = 0

    init(level: Int) {
        self.level = level
        entries = NodeEntries(level: level)
    }

    var separator: ByteView { separatorBytes.view(0, separatorBytes.count) }

    /// Whether the last entry was one too many.
    var isOverfull: Bool { size > NodeLayout.capacity }

    /// How many entries of an overfull node are written: a leaf keeps the one that didn't fit; an
    /// inner node one more, so that none ends with a single child.
    var fullCount: Int { entries.count - (level == 0 ? 1 : 2) }

    /// The last key of a leaf level.
    var lastKey: ByteView? { entries.count == 0 ? nil : entries.key(entries.count - 1) }

    func add(_ key: ByteView, _ value: LeafValue) {
        entries.insert(key, value, at: entries.count)
        measure()
    }

    func addChild(_ separator: ByteView, _ child: PageNumber, entryCount: UInt64) {
        entries.insertChild(separator, child, entryCount: entryCount, at: entries.count)
        if entries.count == 1 { setSeparator(separator) }
        measure()
    }

    /// Goes on with the entries that were not written.
    func dropWritten() {
        let count = fullCount
        setSeparator(entries.separator(at: count))
        entries = entries.suffix(from: count)
        prefixLength = entries.commonPrefixLength(0..<entries.count)
        size = entries.encodedSize
    }

    private func setSeparator(_ bytes: ByteView) {
        separatorBytes.truncate(to: 0)
        separatorBytes.append(bytes)
    }

    /// Counts in the entry added last. The prefix rarely changes; when it does all is counted anew.
    private func measure() {
        let all = 0..<entries.count
        let length = entries.commonPrefixLength(all)
        if length == prefixLength, entries.count > 1 {
            size += entries.size(
                entries.count - 1, prefixLength: length, isFirst: false)
        } else {
            prefixLength = length
            size = entries.encodedSize
        }
    }
}
