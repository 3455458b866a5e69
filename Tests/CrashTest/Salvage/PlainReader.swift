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
    /// The slot of the newest superblock.
    private(set) var slot = 0

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
        slot = number(4096 + 72, 8) > number(72, 8) ? 1 : 0
        let base = slot * 4096
        var page = number(base + 116, 4)
        while page != 0 {
            freeListPages.insert(page)
            page = number(page * 4096 + 20, 4)
        }
        var catalog: [Entry] = []
        walk(number(base + 104, 4), [], &catalog, isCatalog: true)
        for table in catalog {
            let root = (0..<4).reduce(0) { $0 | Int(table.value[4 + $1]) << (8 * $1) }
            var found: [Entry] = []
            walk(root, table.key, &found, isCatalog: false)
            entries += found
        }
    }

    private func number(_ offset: Int, _ size: Int) -> Int {
        (0..<size).reduce(0) { $0 | Int(bytes[offset + $1]) << (8 * $1) }
    }

    private mutating func walk(
        _ page: Int, _ table: [UInt8], _ found: inout [Entry], isCatalog: Bool
    ) {
        guard page != 0 else { return }
        usedPages.insert(page)
        let base = page * 4096
        let level = number(base + 17, 1)
        if isCatalog { catalogPages.append(page) }
        if !isCatalog { if level > 0 { innerPages.append(page) } else { leafPages.append(page) } }
        let count = number(base + 18, 2)
        let prefixStart = base + number(base + 26, 2)
        let prefix = bytes[prefixStart..<prefixStart + number(base + 24, 2)]
        for slot in 0..<count {
            let tail = base + 32 + 4 * count + slot * (level > 0 ? 8 : 4)
            guard level == 0 else {
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
