import StorageIO

/// A ``Survival`` with its dice: what one crash leaves, decided from a seed.
struct SurvivalPlan {
    static let sectorSize: UInt64 = 512
    private static let sectorsPerPage: UInt64 = 8

    let survival: Survival
    var random: SeededRandom
    /// The number of the operation at which the order is cut, or of the one write that is meant.
    private let point: Int
    /// The same within the file at hand, or its last write.
    private var filePoint = 0
    private var isFileKept = false

    /// - Parameters:
    ///   - numbers: the numbers of all changes that were not synced, ascending.
    ///   - writes: those of them that are writes.
    init(_ survival: Survival, seed: UInt64, numbers: [Int], writes: [Int]) {
        self.survival = survival
        var random = SeededRandom(seed: seed)
        func draw(_ numbers: [Int]) -> Int {
            numbers.isEmpty ? 0 : numbers[random.below(numbers.count)]
        }
        switch survival.data {
        case .prefix, .suffix: point = draw(numbers)
        case .tornLastWrite: point = writes.last ?? 0
        case .allButOneWrite, .onlyOneWrite, .allButOneSector: point = draw(writes)
        default: point = 0
        }
        self.random = random
    }

    /// Whether nothing is lost of any file.
    var keepsAll: Bool { survival.data == .all && survival.sizes == .all }

    /// Turns to the next file; how many of its changes have had their effect on its size.
    mutating func begin(_ pending: [CrashingContents.Change]) -> Int {
        switch survival.data {
        case .filePrefix:
            filePoint = pending.isEmpty ? 0 : pending[random.below(pending.count)].number
        case .lastOfEachFile: filePoint = pending.last(where: \.isWrite)?.number ?? 0
        case .files: isFileKept = random.oneIn(2)
        default: break
        }
        switch survival.sizes {
        case .none: return 0
        case .all: return pending.count
        case .drawn:
            return random.oneIn(2) ? pending.count : random.below(pending.count + 1)
        case .likeData:
            switch survival.data {
            case .prefix: return pending.prefix { $0.number <= point }.count
            case .filePrefix: return pending.prefix { $0.number <= filePoint }.count
            case .files: return isFileKept ? pending.count : 0
            default: return pending.count
            }
        }
    }

    /// Which of the changes of names survive.
    mutating func surviving(
        _ changes: [CrashingFileSystem.NameChange]
    ) -> [CrashingFileSystem.NameChange] {
        switch survival.names {
        case .none: return []
        case .all: return changes
        case .likeData: return changes.filter { $0.number <= point }
        case .prefix: return Array(changes.prefix(random.below(changes.count + 1)))
        case .subset:
            // A name's entry is a place on the disk like a sector: what stands there has all that
            // was done to it until then.
            var lost: Set<String> = []
            return changes.filter { change in
                let isKept = random.oneIn(2) && !change.names.contains { lost.contains($0) }
                if !isKept { lost.formUnion(change.names) }
                return isKept
            }
        }
    }

    /// Calls `body` with the runs of sectors of a write that survive. Sectors at the ends are whole
    /// sectors, whatever part of them was written.
    mutating func forEachSurvivingRun(
        _ write: CrashingContents.Write, of number: Int, _ body: (Range<UInt64>) -> Void
    ) {
        let sectors = write.start / Self.sectorSize..<write.sectorsEnd / Self.sectorSize
        func whole() { body(write.start..<write.sectorsEnd) }
        switch survival.data {
        case .none: break
        case .all: whole()
        case .prefix:
            if number == point { tear(sectors, 4, body) } else if number < point { whole() }
        case .filePrefix:
            if number == filePoint { tear(sectors, 4, body) } else if number < filePoint { whole() }
        case .suffix:
            if number == point { tear(sectors, 4, body) } else if number > point { whole() }
        case .tornLastWrite:
            if number == point { tear(sectors, 4, body) } else { whole() }
        case .sectors(let eighths): tear(sectors, eighths, body)
        case .pages(let eighths): tear(sectors, eighths, unit: Self.sectorsPerPage, body)
        case .writes(let eighths): if random.below(8) < eighths { whole() }
        case .files: if isFileKept { whole() }
        case .allButOneWrite: if number != point { whole() }
        case .onlyOneWrite: if number == point { whole() }
        case .lastOfEachFile: if number == filePoint { whole() }
        case .allButOneSector:
            if number != point { return whole() }
            let hole = sectors.lowerBound + UInt64(random.below(sectors.count))
            body(write.start..<hole * Self.sectorSize)
            body((hole + 1) * Self.sectorSize..<write.sectorsEnd)
        }
    }

    /// Each aligned group of `unit` sectors survives with a probability of so many eighths.
    private mutating func tear(
        _ sectors: Range<UInt64>, _ eighths: Int, unit: UInt64 = 1,
        _ body: (Range<UInt64>) -> Void
    ) {
        var start: UInt64?
        var dice: UInt64 = 0
        var left = 0
        var sector = sectors.lowerBound
        while sector < sectors.upperBound {
            if left == 0 {
                dice = random.next()
                left = 21
            }
            if Int(dice & 7) < eighths {
                if start == nil { start = sector }
            } else if let begin = start {
                body(begin * Self.sectorSize..<sector * Self.sectorSize)
                start = nil
            }
            dice >>= 3
            left -= 1
            sector = (sector / unit + 1) * unit
        }
        if let start {
            body(start * Self.sectorSize..<sectors.upperBound * Self.sectorSize)
        }
    }

    /// What stands in `range`, which was reserved and not written yet: zeros, or whatever the medium held
    /// there before.
    func fillReserved(_ range: Range<UInt64>, in image: inout MemoryImage) {
        guard survival.gap == .garbage else { return }
        // Dice of its own: what survives is as it would be without.
        var random = SeededRandom(seed: range.lowerBound &* 31 &+ range.upperBound)
        let filling = random.bytes(Int(range.count))
        unsafe filling.withUnsafeBytes { unsafe image.write($0, at: range.lowerBound) }
    }

    /// What stands in `range`, where `file` has grown and nothing has been written yet.
    mutating func fillGap(
        _ range: Range<UInt64>, in image: inout MemoryImage, of file: MemoryImage
    ) {
        if range.isEmpty || survival.gap == .zeros { return }
        let count = Int(range.count)
        var filling: [UInt8]
        if survival.gap == .garbage {
            filling = random.bytes(count)
        } else {
            // In steps of a page, so that what is found there is aligned as a page is.
            let pages = Int(range.lowerBound / 4096)
            let back = UInt64(pages == 0 ? 0 : random.below(pages) + 1) * 4096
            filling = file.bytes(range.lowerBound - back, count)
        }
        unsafe filling.withUnsafeBytes { unsafe image.write($0, at: range.lowerBound) }
    }
}
