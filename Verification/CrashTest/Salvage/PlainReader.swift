/// Reads an undamaged data file by `Docs/FileFormat.md` and `Docs/NodeFormat.md` alone, without any
/// code of the engine: what a salvage is measured against.
struct PlainReader {
    /// An entry, and the pages that it lies on.
    struct Entry {
        var table: [UInt8]
        var key: [UInt8]
        var value: [UInt8]
        var leaf: Int
        /// The pages of its overflow run; empty for a value in the leaf.
        var run: Range<Int>
    }

    private let bytes: [UInt8]
    private(set) var entries: [Entry] = []
    /// Every page that the version uses, but for the superblocks and the free list.
    private(set) var usedPages: Set<Int> = []
    private(set) var freeListPages: Set<Int> = []
    private(set) var innerPages: [Int] = []
    private(set) var leafPages: [Int] = []
    private(set) var catalogPages: [Int] = []
    /// For each page of a tree the inner node above it; roots have none.
    private(set) var parents: [Int: Int] = [:]
    /// The table that a page of a tree is of, and for leaves its entries' keys.
    private(set) var tables: [Int: [UInt8]] = [:]
    /// The slot of the superblock that it goes by.
    private(set) var slot = 0
    /// Whether every page that it came to is of the version. Of an older version, pages may have been
    /// used again since.
    private(set) var isWhole = true
    /// The version's transaction.
    private var transaction = 0

    /// Reads the newest version, or the one before as far as it is still there.
    init(_ bytes: [UInt8], isOlder: Bool = false) {
        self.bytes = bytes
        slot = (number(4096 + 72, 8) > number(72, 8)) != isOlder ? 1 : 0
        let base = slot * 4096
        transaction = number(base + 80, 8)
        // Slot 1 of a new file is blank.
        guard transaction > 0 else {
            isWhole = false
            return
        }
        var page = number(base + 116, 4)
        while page != 0 {
            guard isOfVersion(page, 4...4) else { break }
            freeListPages.insert(page)
            page = number(page * 4096 + 20, 4)
        }
        var catalog: [Entry] = []
        walk(number(base + 104, 4), [], &catalog, isCatalog: true)
        for table in catalog {
            guard table.value.count >= 8 else { continue }
            let root = (0..<4).reduce(0) { $0 | Int(table.value[4 + $1]) << (8 * $1) }
            var found: [Entry] = []
            walk(root, table.key, &found, isCatalog: false)
            entries += found
        }
    }

    private func number(_ offset: Int, _ size: Int) -> Int {
        (0..<size).reduce(0) { $0 | Int(bytes[offset + $1]) << (8 * $1) }
    }

    private mutating func isOfVersion(_ page: Int, _ kinds: ClosedRange<Int>) -> Bool {
        let base = page * 4096
        let isOfVersion =
            base + 4096 <= bytes.count && number(base + 4, 4) == page
            && number(base + 8, 8) <= transaction && kinds.contains(number(base + 16, 1))
        if !isOfVersion { isWhole = false }
        return isOfVersion
    }

    private mutating func walk(
        _ page: Int, _ table: [UInt8], _ found: inout [Entry], isCatalog: Bool
    ) {
        guard page != 0, isOfVersion(page, 1...2) else { return }
        usedPages.insert(page)
        let base = page * 4096
        let level = number(base + 17, 1)
        if !isCatalog { tables[page] = table }
        if isCatalog { catalogPages.append(page) }
        if !isCatalog { if level > 0 { innerPages.append(page) } else { leafPages.append(page) } }
        let count = number(base + 18, 2)
        let prefixStart = base + number(base + 26, 2)
        let prefix = bytes[prefixStart..<prefixStart + number(base + 24, 2)]
        for slot in 0..<count {
            let tail = base + 32 + 4 * count + slot * (level > 0 ? 8 : 4)
            guard level == 0 else {
                parents[number(tail, 4)] = page
                walk(number(tail, 4), table, &found, isCatalog: isCatalog)
                continue
            }
            let cell = base + number(tail, 2)
            let suffixLength = number(tail + 2, 2)
            let head = base + 32 + 4 * slot
            var key = Array(prefix)
            for index in 0..<min(4, suffixLength) { key.append(bytes[head + 3 - index]) }
            let mark = number(cell, 2)
            let rest = cell + (mark == 0xFFFF ? 10 : 2)
            let restLength = max(0, suffixLength - 4)
            key += bytes[rest..<rest + restLength]
            if mark == 0xFFFF {
                let first = number(cell + 2, 4)
                let length = number(cell + 6, 4)
                guard isOfVersion(first, 3...3) else { continue }
                let run = first..<first + (32 + length + 4095) / 4096
                usedPages.formUnion(run)
                let value = Array(bytes[first * 4096 + 32..<first * 4096 + 32 + length])
                found.append(
                    Entry(table: table, key: key, value: value, leaf: page, run: run))
            } else {
                let value = Array(bytes[rest + restLength..<rest + restLength + mark])
                found.append(
                    Entry(table: table, key: key, value: value, leaf: page, run: 0..<0))
            }
        }
    }
}
