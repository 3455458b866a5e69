/// A ``Survival`` with its dice: what one crash leaves, decided from a seed.
struct SurvivalPlan {
    private static let sectorSize: UInt64 = 512

    let survival: Survival
    var random: SeededRandom
    /// For `prefix`: the number of the last operation that survives, in part. For
    /// `tornLastWrite`: the number of the last write.
    private let point: Int

    /// - Parameters:
    ///   - lastWrite: the number of the last write that was not synced.
    ///   - numbers: the numbers of all changes that were not synced.
    init(_ survival: Survival, seed: UInt64, lastWrite: Int, numbers: [Int]) {
        self.survival = survival
        random = SeededRandom(seed: seed)
        switch survival {
        case .prefix: point = numbers.isEmpty ? 0 : numbers[random.below(numbers.count)]
        case .tornLastWrite: point = lastWrite
        default: point = 0
        }
    }

    /// How many of a file's changes have had their effect on its size.
    mutating func survivingSizeChanges(_ pending: [CrashingContents.Change]) -> Int {
        switch survival {
        case .none: 0
        case .all, .tornLastWrite: pending.count
        case .prefix: pending.prefix { $0.number <= point }.count
        // All of them as often as not, or hardly any data of a growing file would ever survive.
        case .random, .garbage:
            random.oneIn(2) ? pending.count : random.below(pending.count + 1)
        }
    }

    /// How many of the directory's changes survive; always the first ones.
    mutating func survivingDirectoryChanges(_ numbers: [Int]) -> Int {
        switch survival {
        case .none: 0
        case .all, .tornLastWrite: numbers.count
        case .prefix: numbers.prefix { $0 <= point }.count
        case .random, .garbage: random.below(numbers.count + 1)
        }
    }

    /// Calls `body` with the runs of sectors of a write that survive. Sectors at the ends are whole
    /// sectors, whatever part of them was written.
    mutating func forEachSurvivingRun(
        _ range: Range<UInt64>, of number: Int, _ body: (Range<UInt64>) -> Void
    ) {
        let isTorn: Bool
        switch survival {
        case .none: return
        case .all: isTorn = false
        case .prefix:
            if number > point { return }
            isTorn = number == point
        case .tornLastWrite: isTorn = number == point
        case .random, .garbage: isTorn = true
        }
        let first = range.lowerBound / Self.sectorSize
        let end = (range.upperBound + Self.sectorSize - 1) / Self.sectorSize
        if !isTorn { return body(first * Self.sectorSize..<end * Self.sectorSize) }
        var start: UInt64?
        var dice: UInt64 = 0
        for sector in first..<end {
            if (sector - first) % 64 == 0 { dice = random.next() }
            if dice & 1 != 0 {
                if start == nil { start = sector }
            } else if let begin = start {
                body(begin * Self.sectorSize..<sector * Self.sectorSize)
                start = nil
            }
            dice >>= 1
        }
        if let start { body(start * Self.sectorSize..<end * Self.sectorSize) }
    }
}
