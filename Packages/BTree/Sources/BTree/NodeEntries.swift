import PageStore
import StorageIO

/// The entries of one node or two, taken out of their pages with whole keys, to be changed and
/// written to pages anew: what splitting, merging and bulk loading work on.
struct NodeEntries: ~Copyable {
    /// One entry. Offsets are into the scratch.
    struct Entry {
        var keyOffset: Int
        var keyLength: Int
        /// Leaf: the inline value.
        var valueOffset = 0
        var valueLength = 0
        /// Leaf: the value is in the overflow run at `link`, with `number` bytes.
        var isOverflow = false
        /// Inner node: the child. Leaf: the overflow run.
        var link: PageNumber = 0
        /// Inner node: the entries below the child. Leaf: the overflow value's length.
        var number: UInt64 = 0
    }

    let level: Int
    private(set) var list: [Entry] = []
    private let scratch: ByteScratch

    var isLeaf: Bool { level == 0 }
    var count: Int { list.count }

    init(level: Int) {
        self.level = level
        scratch = ByteScratch(capacity: 3 * PageLayout.pageSize)
    }

    /// The entries of `node`.
    init(_ node: Node) {
        self.init(level: node.level)
        list.reserveCapacity(node.count + 1)
        append(node)
    }

    // MARK: Filling

    /// Adds the entries of a node of the same level. The first of an inner node has no key of its
    /// own; `separator` gives it the one that it has in the parent.
    mutating func append(_ node: Node, separator: ByteView? = nil) {
        // One copy of all cells costs less than one of each value.
        let cells = isLeaf ? node.cellStart : PageLayout.pageSize
        let image = scratch.append(node.page.bytes(cells, count: PageLayout.pageSize - cells))
        for index in 0..<node.count {
            var entry: Entry
            if index == 0, !isLeaf, let separator {
                entry = Entry(keyOffset: scratch.append(separator), keyLength: separator.count)
            } else {
                let offset = scratch.appendKey(of: node, index)
                entry = Entry(keyOffset: offset, keyLength: scratch.count - offset)
                if index == 0, !isLeaf { entry.keyLength = 0 }
            }
            if !isLeaf {
                entry.link = node.child(index)
                entry.number = node.entryCount(index)
            } else if case .inline(let bytes) = node.value(index) {
                entry.valueOffset = image + node.valueOffset(index) - cells
                entry.valueLength = bytes.count
            } else {
                setValue(node.value(index), of: &entry)
            }
            list.append(entry)
        }
    }

    /// Puts the entries of another leaf before those of a leaf.
    mutating func prepend(_ leaf: Node) {
        let own = list
        list = []
        list.reserveCapacity(leaf.count + own.count)
        append(leaf)
        list += own
    }

    /// Forgets all entries but those of a part of the list.
    mutating func keep(_ range: Range<Int>) { list = Array(list[range]) }

    private func setValue(_ value: LeafValue, of entry: inout Entry) {
        switch value {
        case .inline(let bytes):
            entry.valueOffset = scratch.append(bytes)
            entry.valueLength = bytes.count
        case .overflow(let page, let byteCount):
            entry.isOverflow = true
            entry.link = page
            entry.number = UInt64(byteCount)
        }
    }

    /// Puts a leaf entry before position `index`.
    mutating func insert(_ key: ByteView, _ value: LeafValue, at index: Int) {
        var entry = Entry(keyOffset: scratch.append(key), keyLength: key.count)
        setValue(value, of: &entry)
        if index >= list.count { list.append(entry) } else { list.insert(entry, at: index) }
    }

    /// Puts a child before position `index`.
    mutating func insertChild(
        _ separator: ByteView, _ child: PageNumber, entryCount: UInt64, at index: Int
    ) {
        var entry = Entry(keyOffset: scratch.append(separator), keyLength: separator.count)
        entry.link = child
        entry.number = entryCount
        list.insert(entry, at: min(index, list.count))
    }

    /// Gives the child at `index` another separator.
    mutating func setSeparator(_ separator: ByteView, at index: Int) {
        list[index].keyOffset = scratch.append(separator)
        list[index].keyLength = separator.count
    }

    /// Replaces the child at `index` and its count.
    mutating func setChild(_ child: PageNumber, entryCount: UInt64, at index: Int) {
        list[index].link = child
        list[index].number = entryCount
    }

    /// The child at `index`.
    func child(_ index: Int) -> PageNumber { list[index].link }

    /// A list of its own with the entries from `start` on.
    func suffix(from start: Int) -> NodeEntries {
        var rest = NodeEntries(level: level)
        for index in start..<count {
            if isLeaf {
                rest.insert(key(index), value(index), at: rest.count)
            } else {
                rest.insertChild(
                    key(index), list[index].link, entryCount: list[index].number, at: rest.count)
            }
        }
        return rest
    }

    // MARK: Reading

    func key(_ index: Int) -> ByteView {
        scratch.view(list[index].keyOffset, list[index].keyLength)
    }

    func value(_ index: Int) -> LeafValue {
        let entry = list[index]
        return entry.isOverflow
            ? .overflow(page: entry.link, byteCount: Int(truncatingIfNeeded: entry.number))
            : .inline(scratch.view(entry.valueOffset, entry.valueLength))
    }

    /// How many tree entries lie in or below a part of the list.
    func totalEntryCount(_ range: Range<Int>) -> UInt64 {
        guard !isLeaf else { return UInt64(range.count) }
        return range.reduce(0) { $0 &+ list[$1].number }
    }

    /// Keeps the bytes that views were handed out of alive up to here.
    func extendLifetime() { withExtendedLifetime(scratch) {} }

    /// The shortest key that is above everything before `index` and not above anything from there
    /// on. In an inner node the entry's own key is that already.
    func separator(at index: Int) -> ByteView {
        let key = self.key(index)
        guard isLeaf, index > 0 else { return key }
        return key.prefix(self.key(index - 1).commonPrefixLength(with: key) + 1)
    }
}
