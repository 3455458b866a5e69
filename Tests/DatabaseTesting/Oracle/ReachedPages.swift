/// All pages that a superblock refers to, found by the words of `Docs/FileFormat.md`,
/// `Docs/NodeFormat.md` and `Docs/RecordFormat.md`.
struct ReachedPages {
    /// Trees, overflow runs, and the free list's chain.
    private(set) var pages: Set<Int> = []
    /// What is wrong; only the first finding.
    private(set) var problem: String?
    private var free: Set<Int> = []
    private let file: [UInt8]
    private let superblock: DecodedSuperblock

    init(_ superblock: DecodedSuperblock, in file: [UInt8]) {
        self.file = file
        self.superblock = superblock
        walkTree(superblock.catalogRoot, level: superblock.catalogHeight - 1, isCatalog: true)
        walkFreeList()
        let lost = superblock.pageCount - 2 - pages.count - free.count
        if problem == nil, !pages.isDisjoint(with: free) {
            problem = "page \(pages.intersection(free).min()!) is both in use and free"
        } else if problem == nil, lost != 0 {
            problem = "\(lost) pages are neither in use nor free"
        }
    }

    private mutating func report(_ message: String) {
        if problem == nil { problem = message }
    }

    /// Notes the page as reached; nil when it can't be read or was there before.
    private mutating func reach(_ number: Int) -> LittleEndianBytes? {
        guard number >= 2, number < superblock.pageCount,
            let page = WatchedFile.page(number, of: file)
        else {
            report("page \(number) lies outside")
            return nil
        }
        guard pages.insert(number).inserted else {
            report("page \(number) is reached twice")
            return nil
        }
        return page
    }

    /// The same for a page with a header over all of it.
    private mutating func reachWhole(_ number: Int, kinds: ClosedRange<Int>) -> LittleEndianBytes? {
        guard let page = reach(number) else { return nil }
        guard page.checksum(4..<4096) == UInt32(page.number(0, 4)), page.integer(4, 4) == number,
            kinds.contains(page.integer(16, 1)), page.number(8, 8) <= superblock.transaction
        else {
            report("page \(number) is not a sound page of kind \(kinds)")
            return nil
        }
        return page
    }

    private mutating func walkTree(_ root: Int, level: Int, isCatalog: Bool) {
        if level < 0 { return }
        guard let node = reachWhole(root, kinds: 1...2) else { return }
        guard node.integer(17, 1) == level else {
            return report("page \(root) is at another level")
        }
        let slots = node.integer(18, 2)
        for slot in 0..<slots {
            if level > 0 {
                let child = node.integer(32 + 4 * slots + 8 * slot, 4)
                walkTree(child, level: level - 1, isCatalog: isCatalog)
                continue
            }
            let tail = 32 + 4 * slots + 4 * slot
            let cell = node.integer(tail, 2)
            let rest = max(0, node.integer(tail + 2, 2) - 4)
            let valueLength = node.integer(cell, 2)
            if valueLength == 0xFFFF {
                reachRun(node.integer(cell + 2, 4), byteCount: node.integer(cell + 6, 4))
            } else if isCatalog {
                let record = node.part(cell + 2 + rest, valueLength)
                walkTree(
                    record.integer(4, 4), level: record.integer(8, 1) - 1, isCatalog: false)
            }
            if problem != nil { return }
        }
    }

    private mutating func reachRun(_ first: Int, byteCount: Int) {
        guard let page = reach(first) else { return }
        let pageCount = (32 + byteCount + 4095) / 4096
        let start = first * WatchedFile.pageSize
        guard page.integer(16, 1) == 3, page.integer(4, 4) == first,
            page.integer(20, 4) == byteCount, page.integer(24, 4) == pageCount,
            start + 32 + byteCount <= file.count,
            LittleEndianBytes(file[start..<start + 32 + byteCount]).checksum(4..<32 + byteCount)
                == UInt32(page.number(0, 4))
        else { return report("page \(first) does not begin a sound run of \(byteCount) bytes") }
        for number in first + 1..<max(first + 1, first + pageCount) { _ = reach(number) }
    }

    private mutating func walkFreeList() {
        var next = superblock.freeList
        for _ in 0..<superblock.freeListPages {
            guard let page = reachWhole(next, kinds: 4...4) else { return }
            for index in 0..<min(page.integer(24, 4), 508) {
                let first = page.integer(32 + 8 * index, 4)
                let count = page.integer(36 + 8 * index, 4)
                guard first >= 2, first + count <= superblock.pageCount else {
                    return report("the free list holds pages outside")
                }
                free.formUnion(first..<first + count)
            }
            next = page.integer(20, 4)
        }
        if next != 0 { report("the free list does not end") }
        if free.count != superblock.freePages { report("the free list's count is wrong") }
    }
}
