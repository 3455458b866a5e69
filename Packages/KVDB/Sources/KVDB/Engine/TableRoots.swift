import BTree
import StorageIO
import Synchronization

/// What a version knows about a named table without a look into its catalog.
enum TableEntry {
    /// Nothing: the catalog knows.
    case unknown
    /// There is no such table.
    case missing
    /// The table is there.
    case found(KnownTable)
}

/// Where the named tables of a version begin, by their places: beside the catalog, which is brought up to
/// date by checkpoints only.
///
/// A version does not change, but what is known about it grows: a reader that finds nothing at a place looks
/// into the version's catalog and fills it in. Whatever reader does, it fills in the same. A commit that changes
/// a table makes the next version's roots: a copy of the nodes on the way to the place, and the others are
/// shared. A node that two versions share knows nothing about a table in which they differ.
///
/// Places lie in groups, each 16 times as large as the one before: group *g* is a tree of *g* levels of
/// branches and one of leaves, 16 children or entries a node. So a handle with few tables has one node, and with a
/// hundred thousand of them a change copies five.
@safe final class TableRoots: @unchecked Sendable {
    // Sendable: constant pointers to atomics. Nodes are freed with the last one that refers to them.
    private let groups: UnsafeMutablePointer<Atomic<UInt64>>
    fileprivate static let groupCount = 6

    /// One more than the highest place: 16^6.
    static var limit: Int { 1 << (4 * groupCount) }

    /// Nothing is known.
    init() {
        unsafe groups = .allocate(capacity: Self.groupCount)
        for group in 0..<Self.groupCount {
            unsafe (groups + group).initialize(to: Atomic(0))
        }
    }

    /// Knows what `old` does, except that `changes` hold. The caller is the writer, and has the version's number.
    convenience init(
        _ old: TableRoots, transaction: UInt64, _ changes: [(id: TableID, record: KnownTable?)]
    ) {
        self.init()
        for group in 0..<Self.groupCount {
            let node = unsafe old.groups[group].load(ordering: .acquiring)
            if node != 0 { unsafe TableNode(bits: node).retain() }
            unsafe groups[group].store(node, ordering: .relaxed)
        }
        for (id, record) in changes {
            let group = Self.group(of: id)
            let leaf = unsafe writableLeaf(
                groups + group, level: group, index: Int(id.index), transaction)
            unsafe leaf.setEntry(Int(id.index) & 15, record)
        }
    }

    deinit {
        for group in 0..<Self.groupCount {
            let bits = unsafe groups[group].load(ordering: .relaxed)
            if bits != 0 { unsafe TableNode(bits: bits).release(level: group) }
        }
        unsafe groups.deallocate()
    }

    fileprivate static func group(of id: TableID) -> Int {
        id.index < 16 ? 0 : (31 - id.index.leadingZeroBitCount) / 4
    }

    /// The leaf of a place, with the nodes on the way to it made for `transaction`.
    private func writableLeaf(
        _ link: UnsafeMutablePointer<Atomic<UInt64>>, level: Int, index: Int,
        _ transaction: UInt64
    ) -> TableNode {
        var link = unsafe link
        var level = level
        while true {
            let bits = unsafe link.pointee.load(ordering: .acquiring)
            var node: TableNode
            if bits == 0 {
                unsafe node = TableNode(level: level, birth: transaction)
                unsafe link.pointee.store(node.bits, ordering: .releasing)
            } else {
                unsafe node = TableNode(bits: bits)
                if unsafe node.birth != transaction {
                    let copy = unsafe node.copy(level: level, birth: transaction)
                    unsafe link.pointee.store(copy.bits, ordering: .releasing)
                    unsafe node.release(level: level)
                    unsafe node = copy
                }
            }
            if level == 0 { return unsafe node }
            unsafe link = node.child(index >> (4 * level))
            level -= 1
        }
    }

    /// What the ring of versions leads readers to. Valid as long as its version is registered, held, or the
    /// newest: see ``VersionQueue``.
    var pointer: Pointer { unsafe Pointer(groups) }

    /// The roots of a version, for its readers.
    @safe struct Pointer: Equatable, @unchecked Sendable {
        // Sendable: leads to atomics, which live as long as the version does that has this.
        private let groups: UnsafeMutablePointer<Atomic<UInt64>>

        fileprivate init(_ groups: UnsafeMutablePointer<Atomic<UInt64>>) {
            unsafe self.groups = groups
        }

        static func == (left: Pointer, right: Pointer) -> Bool { left.bits == right.bits }

        /// The pointer as a word.
        var bits: UInt64 { unsafe UInt64(UInt(bitPattern: groups)) }

        /// A pointer from its word; it was one.
        init(bits: UInt64) {
            guard let start = unsafe UnsafeMutableRawPointer(bitPattern: UInt(bits)) else {
                preconditionFailure("a version without tables")
            }
            unsafe groups = start.assumingMemoryBound(to: Atomic<UInt64>.self)
        }

        /// What is known about a table. O(log tables), and no page is touched.
        @inline(__always)
        func entry(_ id: TableID) -> TableEntry {
            guard let leaf = unsafe leaf(id) else { return .unknown }
            return unsafe leaf.entry(Int(id.index) & 15)
        }

        @inline(__always)
        private func leaf(_ id: TableID) -> TableNode? {
            var level = TableRoots.group(of: id)
            schedulePoint()
            var bits = unsafe groups[level].load(ordering: .acquiring)
            while bits != 0, level > 0 {
                schedulePoint()
                bits = unsafe TableNode(bits: bits).child(Int(id.index) >> (4 * level)).pointee
                    .load(ordering: .acquiring)
                level -= 1
            }
            return bits == 0 ? nil : unsafe TableNode(bits: bits)
        }

        /// Notes what the version's catalog says about a table of which nothing is known. Any number of readers.
        func fill(_ id: TableID, _ record: KnownTable?) {
            var level = TableRoots.group(of: id)
            var link = unsafe groups + level
            while true {
                schedulePoint()
                var bits = unsafe link.pointee.load(ordering: .acquiring)
                if bits == 0 {
                    let node = unsafe TableNode(level: level, birth: 0)
                    schedulePoint()
                    let (isFirst, other) = unsafe link.pointee.compareExchange(
                        expected: 0, desired: node.bits, ordering: .acquiringAndReleasing)
                    if !isFirst { unsafe node.release(level: level) }
                    bits = unsafe isFirst ? node.bits : other
                }
                let node = unsafe TableNode(bits: bits)
                if level == 0 { return unsafe node.setEntry(Int(id.index) & 15, record) }
                unsafe link = node.child(Int(id.index) >> (4 * level))
                level -= 1
            }
        }

        /// Notes another number of entries of a table that is there. The caller is the writer, changes the table
        /// where it lies, and nobody reads the version.
        func setCount(_ id: TableID, _ root: TreeRoot) {
            guard let leaf = unsafe leaf(id) else { return }
            unsafe leaf.setCount(Int(id.index) & 15, root)
        }
    }
}

/// What the second word of an entry is made of: marks above the tree's height and its count.
private enum EntryLayout {
    static var countMask: UInt64 { (1 << 48) - 1 }
    static var heightShift: UInt64 { 48 }
    static var known: UInt64 { 1 << 56 }
    static var missing: UInt64 { 1 << 57 }
    /// Words of a node before its links or entries.
    static var headerWords: Int { 2 }
    /// Words of an entry.
    static var entryWords: Int { 3 }
}

/// A node of ``TableRoots``: a count of those that refer to it, the transaction that made it (0: a reader), then
/// 16 links to children, or 16 entries of three words.
///
/// Whoever has one keeps what refers to it.
@unsafe private struct TableNode {
    private let words: UnsafeMutablePointer<Atomic<UInt64>>
    init(bits: UInt64) {
        unsafe words = UnsafeMutableRawPointer(bitPattern: UInt(bits)).unsafelyUnwrapped
            .assumingMemoryBound(to: Atomic<UInt64>.self)
    }

    /// An empty node with one reference.
    init(level: Int, birth: UInt64) {
        let count = EntryLayout.headerWords + 16 * (level == 0 ? EntryLayout.entryWords : 1)
        unsafe words = .allocate(capacity: count)
        unsafe words.initialize(to: Atomic(1))
        unsafe (words + 1).initialize(to: Atomic(birth))
        for index in EntryLayout.headerWords..<count {
            unsafe (words + index).initialize(to: Atomic(0))
        }
    }

    var bits: UInt64 { unsafe UInt64(UInt(bitPattern: words)) }

    /// The transaction that made it; 0 when a reader did.
    var birth: UInt64 { unsafe words[1].load(ordering: .relaxed) }

    func retain() { unsafe words[0].add(1, ordering: .relaxed) }

    func release(level: Int) {
        guard unsafe words[0].subtract(1, ordering: .acquiringAndReleasing).newValue == 0 else {
            return
        }
        if level > 0 {
            for index in 0..<16 {
                let bits = unsafe child(index).pointee.load(ordering: .relaxed)
                if bits != 0 { unsafe TableNode(bits: bits).release(level: level - 1) }
            }
        }
        unsafe words.deallocate()
    }

    /// The link to the child for a place that was shifted right by the levels below.
    func child(_ index: Int) -> UnsafeMutablePointer<Atomic<UInt64>> {
        unsafe words + (EntryLayout.headerWords + index & 15)
    }

    /// A copy for the writer. What a reader fills in meanwhile may be missing there: then it is filled in again.
    func copy(level: Int, birth: UInt64) -> TableNode {
        let copy = unsafe TableNode(level: level, birth: birth)
        for index in 0..<16 {
            if level > 0 {
                let bits = unsafe child(index).pointee.load(ordering: .acquiring)
                if bits != 0 { unsafe TableNode(bits: bits).retain() }
                unsafe copy.child(index).pointee.store(bits, ordering: .relaxed)
            } else {
                // The second word first: with its mark, the first one is there.
                let mark = unsafe entryWord(index, 1).pointee.load(ordering: .acquiring)
                for word in [0, 2] {
                    let value = unsafe entryWord(index, word).pointee.load(ordering: .relaxed)
                    unsafe copy.entryWord(index, word).pointee.store(value, ordering: .relaxed)
                }
                unsafe copy.entryWord(index, 1).pointee.store(mark, ordering: .relaxed)
            }
        }
        return unsafe copy
    }

    // MARK: Entries

    private func entryWord(_ index: Int, _ word: Int) -> UnsafeMutablePointer<Atomic<UInt64>> {
        unsafe words + (EntryLayout.headerWords + EntryLayout.entryWords * index + word)
    }

    /// An entry: its first word is page and number, the second count, height and marks, and stored last; the third
    /// is the table's kind.
    func entry(_ index: Int) -> TableEntry {
        schedulePoint()
        let second = unsafe entryWord(index, 1).pointee.load(ordering: .acquiring)
        guard second & EntryLayout.known != 0 else { return .unknown }
        guard second & EntryLayout.missing == 0 else { return .missing }
        schedulePoint()
        let first = unsafe entryWord(index, 0).pointee.load(ordering: .relaxed)
        return .found(
            KnownTable(
                number: UInt32(truncatingIfNeeded: first >> 32),
                root: TreeRoot(
                    page: UInt32(truncatingIfNeeded: first),
                    height: UInt8(truncatingIfNeeded: second >> EntryLayout.heightShift),
                    entryCount: second & EntryLayout.countMask),
                kind: TableKind(
                    index: UInt32(
                        truncatingIfNeeded: unsafe entryWord(index, 2).pointee.load(
                            ordering: .relaxed)))))
    }

    /// Sets an entry. One whose count has no room stays unknown: no tree has so many entries, and the catalog
    /// that says so is damaged.
    func setEntry(_ index: Int, _ record: KnownTable?) {
        guard let record else {
            schedulePoint()
            unsafe entryWord(index, 1).pointee.store(
                EntryLayout.known | EntryLayout.missing, ordering: .releasing)
            return
        }
        guard record.root.entryCount <= EntryLayout.countMask else { return }
        schedulePoint()
        unsafe entryWord(index, 0).pointee.store(
            UInt64(record.root.page) | UInt64(record.number) << 32, ordering: .relaxed)
        unsafe entryWord(index, 2).pointee.store(
            UInt64(record.kind.index), ordering: .relaxed)
        schedulePoint()
        unsafe setCount(index, record.root)
    }

    func setCount(_ index: Int, _ root: TreeRoot) {
        unsafe entryWord(index, 1).pointee.store(
            EntryLayout.known | UInt64(root.height) << EntryLayout.heightShift | root.entryCount,
            ordering: .releasing)
    }
}
