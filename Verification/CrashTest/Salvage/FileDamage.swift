import StorageIOTesting

/// Random damage to the files of a database.
struct FileDamage {
    /// What a round of damage is aimed at.
    enum Aim: CaseIterable {
        case anyPages, leaves, innerNodes, roots, freeList, catalog, newestSuperblock
        case bothSuperblocks, log, tail, swap
    }

    private(set) var data: [UInt8]
    private(set) var log: [UInt8]?
    private(set) var aims: [Aim] = []
    private let plain: PlainReader

    init(_ data: [UInt8], _ log: [UInt8]?, _ plain: PlainReader, _ random: inout SeededRandom) {
        self.data = data
        self.log = log
        self.plain = plain
        for _ in 0..<random.element(of: [1, 1, 2, 4]) {
            let aim = random.element(of: Aim.allCases)
            aims.append(aim)
            apply(aim, &random)
        }
    }

    private mutating func apply(_ aim: Aim, _ random: inout SeededRandom) {
        let count = random.element(of: [1, 2, 5, 20])
        switch aim {
        case .anyPages: hit((2..<max(3, data.count / 4096)).map { $0 }, count, &random)
        case .leaves: hit(plain.leafPages, count, &random)
        case .innerNodes: hit(plain.innerPages, count, &random)
        case .roots: hit(Array(plain.innerPages.prefix(1)), 1, &random)
        case .freeList: hit(plain.freeListPages.sorted(), count, &random)
        case .catalog: hit(plain.catalogPages, 1, &random)
        case .newestSuperblock: hit([plain.slot], 1, &random)
        case .bothSuperblocks: hit([0], 1, &random); hit([1], 1, &random)
        case .log:
            guard let size = log?.count, size > 0 else { return }
            let start = random.below(size)
            for index in start..<min(size, start + random.element(of: [1, 8, 600, 5000])) {
                log?[index] ^= UInt8(random.number(in: 1...255))
            }
        case .tail:
            let pages = data.count / 4096
            data.removeLast(random.below(data.count * min(20, pages) / pages / 2 + 1))
        case .swap:
            let pages = data.count / 4096
            for _ in 0..<count {
                let a = 2 + random.below(pages - 2)
                let b = 2 + random.below(pages - 2)
                for index in 0..<4096 { data.swapAt(a * 4096 + index, b * 4096 + index) }
            }
        }
    }

    private mutating func hit(_ pages: [Int], _ count: Int, _ random: inout SeededRandom) {
        guard !pages.isEmpty else { return }
        for _ in 0..<count {
            let start = random.element(of: pages) * 4096
            guard start + 4096 <= data.count else { continue }
            switch random.below(4) {
            case 0: data[start + random.below(4096)] ^= 1 << UInt8(random.below(8))
            case 1: for index in start..<start + 4096 { data[index] = 0 }
            case 2:
                let garbage = random.bytes(4096)
                data.replaceSubrange(start..<start + 4096, with: garbage)
            default:
                let from = start + 512 * random.below(8)
                for index in from..<from + 512 { data[index] = UInt8(random.below(256)) }
            }
        }
    }

    /// Whether a page is byte by byte what it was.
    func isUntouched(_ page: Int, in original: [UInt8]) -> Bool {
        let range = page * 4096..<(page + 1) * 4096
        return range.upperBound <= data.count && data[range] == original[range]
    }
}
