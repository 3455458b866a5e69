import PageStore
import StorageIO

/// The entries of one node or two, taken out of their pages with whole keys, to be changed and
/// written to pages anew: what splitting, merging and bulk loading work on.
struct NodeEntries: ~Copyable {
    /// One entry. Offsets are into the scratch.
    struct Entry: BitwiseCopyable {
        var keyOffset: UInt32
        var keyLength: UInt16
        /// Bytes of the cell beside those of the key.
        var cellBytes = UInt16(NodeLayout.countFieldSize)
        /// Leaf: the inline value.
        var valueOffset: UInt32 = 0
        var valueLength: UInt16 = 0
        /// How many of the key's last bytes lie just before the value in the scratch.
        var adjoining: UInt16 = 0
        /// Inner node: the child. Leaf: the overflow run.
        var link: PageNumber = 0
        /// Leaf: the value is in the overflow run at `link`, with `number` bytes.
        var isOverflow = false
        /// Inner node: the entries below the child. Leaf: the overflow value's length.
        var number: UInt64 = 0

        @inline(__always)
        init(keyOffset: Int, keyLength: Int) {
            self.keyOffset = UInt32(truncatingIfNeeded: keyOffset)
            self.keyLength = UInt16(truncatingIfNeeded: keyLength)
        }
    }

    let level: Int
    let list: EntryList
    private let scratch: ByteScratch

    var isLeaf: Bool { level == 0 }
    var count: Int { list.count }

    init(level: Int) { self.init(level: level, capacity: 16) }

    private init(level: Int, capacity: Int) {
        self.level = level
        list = EntryList(capacity: capacity)
        scratch = ByteScratch(capacity: 4 * PageLayout.pageSize)
    }

    /// The entries of `node`.
    init(_ node: Node) {
        // A neighbour's will often join them.
        self.init(level: node.level, capacity: 2 * node.count + 16)
        append(node)
    }

    // MARK: Filling

    /// Adds the entries of a node of the same level. The first of an inner node has no key of its
    /// own; `separator` gives it the one that it has in the parent.
    mutating func append(_ node: Node, separator: ByteView? = nil) {
        list.reserve(node.count)
        if isLeaf { appendLeaf(node) } else { appendInner(node, separator) }
    }

    private mutating func appendLeaf(_ node: Node) {
        // One copy of all cells costs less than one of each value.
        let page = node.page
        let cells = node.cellStart
        let image = scratch.append(page.bytes(cells, count: PageLayout.pageSize - cells)) - cells
        let prefix = node.prefix
        for index in 0..<node.count {
            let cell = node.cellOffset(index)
            let suffixLength = node.suffixLength(index)
            let mark = page.u16(cell)
            let isOverflow = mark == NodeLayout.overflowMark
            let rest = page.bytes(
                cell
                    + (isOverflow ? NodeLayout.overflowFieldSize : NodeLayout.inlineFieldSize),
                count: suffixLength - NodeLayout.headSize)
            let offset = scratch.appendKey(
                prefix, head: node.head(index), suffixLength, rest)
            var entry = Entry(keyOffset: offset, keyLength: scratch.count - offset)
            if isOverflow {
                setValue(node.value(index), of: &entry)
            } else {
                let value = cell + NodeLayout.inlineFieldSize + rest.count
                entry.valueOffset = UInt32(truncatingIfNeeded: image + value)
                entry.valueLength = UInt16(
                    truncatingIfNeeded: page.bytes(value, count: Int(mark)).count)
                entry.adjoining = UInt16(truncatingIfNeeded: rest.count)
                entry.cellBytes = entry.valueLength &+ UInt16(NodeLayout.inlineFieldSize)
            }
            list.append(entry)
        }
    }

    private mutating func appendInner(_ node: Node, _ separator: ByteView?) {
        for index in 0..<node.count {
            var entry: Entry
            if index == 0, let separator {
                entry = Entry(keyOffset: scratch.append(separator), keyLength: separator.count)
            } else {
                let offset = scratch.appendKey(of: node, index)
                entry = Entry(keyOffset: offset, keyLength: scratch.count - offset)
                if index == 0 { entry.keyLength = 0 }
            }
            entry.link = node.child(index)
            entry.number = node.entryCount(index)
            list.append(entry)
        }
    }

    /// Puts the entries of another leaf before those of a leaf.
    mutating func prepend(_ leaf: Node) {
        let own = count
        append(leaf)
        list.rotate(to: own)
    }

    /// Forgets all entries but those of a part of the list.
    mutating func keep(_ range: Range<Int>) { list.keep(range) }

    /// The key of the entry must have been added last.
    private func setValue(_ value: LeafValue, of entry: inout Entry) {
        switch value {
        case .inline(let bytes):
            entry.valueOffset = UInt32(truncatingIfNeeded: scratch.append(bytes))
            entry.valueLength = UInt16(truncatingIfNeeded: bytes.count)
            entry.adjoining = entry.keyLength
            entry.cellBytes = entry.valueLength &+ UInt16(NodeLayout.inlineFieldSize)
        case .overflow(let page, let byteCount):
            entry.isOverflow = true
            entry.link = page
            entry.number = UInt64(byteCount)
            entry.cellBytes = UInt16(NodeLayout.overflowFieldSize)
        }
    }

    /// Puts a leaf entry before position `index`.
    mutating func insert(_ key: ByteView, _ value: LeafValue, at index: Int) {
        var entry = Entry(keyOffset: scratch.append(key), keyLength: key.count)
        setValue(value, of: &entry)
        list.insert(entry, at: index)
    }

    /// Puts a child before position `index`.
    mutating func insertChild(
        _ separator: ByteView, _ child: PageNumber, entryCount: UInt64, at index: Int
    ) {
        var entry = Entry(keyOffset: scratch.append(separator), keyLength: separator.count)
        entry.link = child
        entry.number = entryCount
        list.insert(entry, at: index)
    }

    /// Gives the child at `index` another separator.
    mutating func setSeparator(_ separator: ByteView, at index: Int) {
        list[index].keyOffset = UInt32(truncatingIfNeeded: scratch.append(separator))
        list[index].keyLength = UInt16(truncatingIfNeeded: separator.count)
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
        let entry = list[index]
        return scratch.view(Int(entry.keyOffset), Int(entry.keyLength))
    }

    func value(_ index: Int) -> LeafValue {
        let entry = list[index]
        return entry.isOverflow
            ? .overflow(page: entry.link, byteCount: Int(truncatingIfNeeded: entry.number))
            : .inline(scratch.view(Int(entry.valueOffset), Int(entry.valueLength)))
    }

    /// The last `keyBytes` of a key and the inline value after them, where they lie side by side.
    func keyAndValue(_ index: Int, keyBytes: Int) -> ByteView? {
        let entry = list[index]
        guard keyBytes <= Int(entry.adjoining), !entry.isOverflow else { return nil }
        let count = keyBytes + Int(entry.valueLength)
        let bytes = scratch.view(Int(entry.valueOffset) - keyBytes, count)
        return bytes.count == count ? bytes : nil
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
