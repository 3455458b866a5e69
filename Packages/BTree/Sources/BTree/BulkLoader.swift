import PageStore
import StorageIO

/// Builds a tree from entries that come in ascending order, writing each page once and full.
///
/// Leaves and inner nodes are filled to the last entry that fits; only the last node of each level
/// may be short, and none but a lone leaf has fewer than two slots unless its entries are that big
/// (no inner node has a single child). Memory is one node per level, and the nodes that are written next:
/// they go to the store side by side and not through its cache, inner nodes apart from leaves. Spread over
/// the whole file as they come, the few inner nodes would have a cache of large memory pages take one for
/// each of them.
///
/// It runs in the store's write transaction. If it is given up, the transaction must be aborted,
/// which is also what gives its pages back.
public final class BulkLoader<Store: PageStorage> {
    // Used by the writing thread alone.
    private let store: Store
    private let leaf = BulkLeaf()
    private let leaves: PageRunWriter<Store>
    private let innerNodes: PageRunWriter<Store>
    /// The inner levels, from 1 up.
    private var levels: [BulkLevel] = []
    private var entryCount: UInt64 = 0
    private var isFinished = false

    /// A loader for a new tree in `store`.
    public init(store: Store) {
        self.store = store
        leaves = PageRunWriter(store: store, longestRun: 64)
        innerNodes = PageRunWriter(store: store, longestRun: 16)
    }

    /// Adds an entry after all others.
    ///
    /// - Parameters:
    ///   - key: 0 to 1024 bytes, above every key before.
    ///   - value: 0 to 2^30 bytes.
    /// - Throws: `notSorted`, `keyTooLong` and `valueTooLong`, with nothing added; `diskFull`,
    ///   `fileTooLarge`, `inputOutput`; `invalidArgument` outside of a write transaction and after
    ///   ``finish()``, at the latest when the next page is to be written.
    /// - Complexity: O(key + value) amortized.
    public func append(_ key: ByteView, _ value: ByteView) throws(StorageError) {
        try makeRoom(for: key, valueLength: value.count)
        if TreeLimits.isInline(keyLength: key.count, valueLength: value.count) {
            leaf.append(key, inline: value)
        } else {
            leaf.append(key, overflow: try store.allocateOverflow(value), byteCount: value.count)
        }
        entryCount += 1
    }

    /// Adds an entry after all others whose value is in an overflow run of the transaction already.
    ///
    /// - Parameters:
    ///   - key: 0 to 1024 bytes, above every key before.
    ///   - run: the first page of the run.
    ///   - byteCount: the value's length: more than fits into a leaf.
    /// - Throws: as ``append(_:_:)``; `invalidArgument` for a value that belongs into a leaf.
    public func append(
        _ key: ByteView, run: PageNumber, byteCount: Int
    ) throws(StorageError) {
        guard !TreeLimits.isInline(keyLength: key.count, valueLength: byteCount) else {
            throw StorageError(.invalidArgument, "A value of a leaf can't be in an overflow run.")
        }
        try makeRoom(for: key, valueLength: byteCount)
        leaf.append(key, overflow: run, byteCount: byteCount)
        entryCount += 1
    }

    /// Checks an entry, and writes the leaf where that is too full for one more.
    @inline(__always)
    private func makeRoom(for key: ByteView, valueLength: Int) throws(StorageError) {
        try TreeLimits.check(keyLength: key.count, valueLength: valueLength)
        if let last = leaf.lastKey, last.compare(to: key) >= 0 {
            throw StorageError(
                .notSorted, "The keys of a bulk load must ascend; entry \(entryCount) does not.")
        }
        // Here and not when it got too full, so that a leaf that could not be written never grows.
        if leaf.isOverfull {
            try refuseIfFinished()
            try passOnLeaf()
        }
    }

    /// Writes what is left and gives the tree's root. The loader is of no use afterwards, whether this
    /// succeeds or not.
    ///
    /// - Throws: `diskFull`, `fileTooLarge`, `inputOutput`; `invalidArgument` when it was called before.
    public func finish() throws(StorageError) -> TreeRoot {
        try refuseIfFinished()
        isFinished = true
        return try writeRest()
    }

    private func refuseIfFinished() throws(StorageError) {
        if isFinished {
            throw StorageError(
                .invalidArgument, "The bulk load is finished; begin another one with a new loader.")
        }
    }

    private func writeRest() throws(StorageError) -> TreeRoot {
        guard entryCount > 0 else { return .empty }
        if leaf.isOverfull { try passOnLeaf() }
        var page = try writeLeaf(leaf.count)
        try leaves.flush()
        guard !levels.isEmpty else {
            return TreeRoot(page: page, height: 1, entryCount: entryCount)
        }
        levels[0].addChild(leaf.separator, page, entryCount: UInt64(leaf.count))
        var index = 0
        while true {
            try drain(from: index)
            let current = levels[index]
            let count = current.entries.count
            page = try write(current, count)
            index += 1
            if index == levels.count {
                try innerNodes.flush()
                return TreeRoot(
                    page: page, height: UInt8(truncatingIfNeeded: index + 1),
                    entryCount: entryCount)
            }
            levels[index].addChild(
                current.separator, page, entryCount: current.entries.totalEntryCount(0..<count))
        }
    }

    /// Writes the leaf without the entry that was one too many, and goes on with that one.
    private func passOnLeaf() throws(StorageError) {
        let count = leaf.count - 1
        let page = try writeLeaf(count)
        if levels.isEmpty { levels.append(BulkLevel(level: 1)) }
        levels[0].addChild(leaf.separator, page, entryCount: UInt64(count))
        leaf.dropWritten()
        try drain(from: 0)
    }

    /// Writes the inner nodes that have outgrown their page, from the index of a level up.
    private func drain(from lowest: Int) throws(StorageError) {
        var index = lowest
        while index < levels.count, levels[index].isOverfull {
            let current = levels[index]
            let count = current.fullCount
            let page = try write(current, count)
            index += 1
            if index == levels.count {
                guard index + 1 < TreeLimits.maximumHeight else {
                    throw StorageError(
                        .fileTooLarge,
                        "A tree can't have more than \(TreeLimits.maximumHeight) levels.")
                }
                levels.append(BulkLevel(level: index + 1))
            }
            levels[index].addChild(
                current.separator, page, entryCount: current.entries.totalEntryCount(0..<count))
            current.dropWritten()
        }
    }

    /// Writes the first `count` entries of the leaf to a page.
    private func writeLeaf(_ count: Int) throws(StorageError) -> PageNumber {
        let (number, page) = try leaves.next(.leaf)
        leaf.write(count, to: page)
        return number
    }

    /// Writes the first `count` entries of a level to a page.
    private func write(_ level: BulkLevel, _ count: Int) throws(StorageError) -> PageNumber {
        let (number, page) = try innerNodes.next(.inner)
        try level.entries.write(0..<count, to: page)
        return number
    }
}

/// The inner node that a bulk load is filling at one level.
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

    /// How many entries of an overfull node are written: all but the one that didn't fit and one
    /// more, so that none ends with a single child.
    var fullCount: Int { entries.count - 2 }

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
