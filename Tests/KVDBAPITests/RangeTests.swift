import KVDB
import StorageIOTesting
import Testing

extension Table where Key == UInt64, Value == String {
    fileprivate static var numbers: Table { Table("numbers") }
}

/// Pages of a list, samples and splits: of a database's table, a snapshot's and a transaction's.
struct RangeTests {
    /// A database whose table holds the even numbers below `count` × 2.
    private func database(_ count: UInt64) throws -> Database {
        let database = try Database(inMemory: .init())
        try database[.numbers].put(contentsOf: (0..<count).map { ($0 * 2, "\($0 * 2)") })
        return database
    }

    /// Calls `body` with the table of a database, of a snapshot and of a transaction.
    private func forEachTable(
        of database: Database,
        _ body: (any TableReading<UInt64, String>) throws -> Void
    ) throws {
        try body(database[.numbers])
        try body(database.snapshot()[.numbers])
        try database.write { transaction in try body(transaction[.numbers]) }
    }

    @Test func aListIsReadPageByPage() throws {
        try forEachTable(of: database(25)) { table in
            #expect(try table.keys(limit: 3) == [0, 2, 4])
            #expect(try table.keys(after: 4, limit: 3) == [6, 8, 10])
            #expect(try table.keys(after: 5, limit: 2) == [6, 8])
            #expect(try table.keys(order: .descending, after: 5, limit: 2) == [4, 2])
            #expect(try table.keys(in: 4...8, after: 4, limit: 9) == [6, 8])
            #expect(try table.keys(in: 4...8, after: 1, limit: 9) == [4, 6, 8])
            #expect(try table.keys(in: 4...8, order: .descending, after: 8, limit: 9) == [6, 4])
            #expect(try table.keys(in: 4..<8, order: .descending, after: 99, limit: 1) == [6])
            #expect(try table.keys(after: 48, limit: 9).isEmpty)
            #expect(try table.keys(after: .max, limit: 9).isEmpty)
            #expect(try table.keys(order: .descending, after: 0, limit: 9).isEmpty)
            #expect(try table.keys(after: 0, limit: 0).isEmpty)
            #expect(try table.keys(after: 0, limit: -1).isEmpty)
            #expect(try table.entries(in: 10..., after: 10, limit: 1).first?.value == "12")
            var all: [UInt64] = []
            while true {
                let page =
                    try all.last.map { try table.entries(after: $0, limit: 4) }
                    ?? table.entries(limit: 4)
                all += page.map(\.key)
                if page.count < 4 { break }
            }
            #expect(all == (0..<25).map { $0 * 2 })
        }
    }

    @Test func aSampleHasDifferentEntriesInOrder() throws {
        try forEachTable(of: database(1_000)) { table in
            for seed in 1...20 as ClosedRange<UInt64> {
                var random = SeededRandom(seed: seed)
                let sample = try table.randomSample(count: 50, using: &random)
                #expect(sample.count == 50 && Set(sample.map(\.key)).count == 50)
                #expect(sample.map(\.key).sorted() == sample.map(\.key))
                #expect(sample.allSatisfy { $0.value == "\($0.key)" })
                var again = SeededRandom(seed: seed)
                let same = try table.randomSample(count: 50, using: &again)
                #expect(same.map(\.key) == sample.map(\.key))
                let part = try table.randomSample(count: 5, in: 100..<150, using: &random)
                #expect(part.count == 5 && part.allSatisfy { (100..<150).contains($0.key) })
            }
        }
    }

    @Test func aSampleTakesEachEntryAsOftenAsAnother() throws {
        let table = try database(10)[.numbers]
        var random = SeededRandom(seed: 7)
        var counts: [UInt64: Int] = [:]
        for _ in 0..<5_000 {
            for entry in try table.randomSample(count: 3, using: &random) {
                counts[entry.key, default: 0] += 1
            }
        }
        // 1,500 on average, with a standard deviation of 32.
        #expect(counts.count == 10 && counts.values.allSatisfy { (1_340...1_660).contains($0) })
    }

    @Test func samplesOfFewEntriesAreAllOfThem() throws {
        for count in [0, 1, 3] as [UInt64] {
            try forEachTable(of: database(count)) { table in
                var random = SeededRandom(seed: 1)
                let all = try table.keys()
                for wanted in [Int(count), Int(count) + 1, .max] {
                    let sample = try table.randomSample(count: wanted, using: &random)
                    #expect(sample.map(\.key) == all)
                }
                #expect(try table.randomSample(count: 0, using: &random).isEmpty)
                let none = try table.randomSample(
                    count: 2, in: .init(from: .with(9), to: .without(3)), using: &random)
                #expect(none.isEmpty)
                let error = #expect(throws: StorageError.self) {
                    _ = try table.randomSample(count: -1, using: &random)
                }
                #expect(error?.code == .invalidArgument)
            }
        }
    }

    @Test func piecesFollowEachOtherAndAreTheRange() throws {
        for count in [0, 1, 2, 7, 1_000] as [UInt64] {
            try forEachTable(of: database(count)) { table in
                for pieces in [1, 2, 3, 8, 64, 5_000, .max] {
                    try check(table, pieces, .all)
                    try check(table, pieces, .init(from: .with(3), to: .without(900)))
                    try check(table, pieces, .init(from: .without(4), to: .with(8)))
                    try check(table, pieces, .init(from: .with(9), to: .without(3)))
                }
                for pieces in [0, -1, .min] {
                    let error = #expect(throws: StorageError.self) {
                        _ = try table.split(into: pieces)
                    }
                    #expect(error?.code == .invalidArgument)
                }
            }
        }
    }

    private func check(
        _ table: any TableReading<UInt64, String>, _ pieces: Int, _ range: KeyInterval<UInt64>
    ) throws {
        let parts = try table.split(into: pieces, in: range)
        let keys = try table.keys(in: range)
        #expect(parts.count == max(1, min(pieces, keys.count)))
        #expect(try parts.flatMap { try table.keys(in: $0) } == keys)
        let counts = try parts.map { try table.count(in: $0) }
        let smallest = try #require(counts.min())
        let largest = try #require(counts.max())
        #expect(largest - smallest <= 1)
        // Also where no key is yet: nothing of the range is outside of all parts.
        let bytes = parts.map(\.keyRange)
        #expect(bytes.first?.lowerBound == range.keyRange.lowerBound)
        #expect(bytes.last?.upperBound == range.keyRange.upperBound)
        #expect(zip(bytes, bytes.dropFirst()).allSatisfy { $0.upperBound == $1.lowerBound })
        #expect(
            try parts.reversed().flatMap { try table.keys(in: $0, order: .descending) }
                == keys.reversed())
    }

    @Test func piecesOfTextAndOfParts() throws {
        let database = try Database(inMemory: .init())
        let names = Table<String, [UInt8]>("names")
        let events = Table<Keys<UInt64, String>, [UInt8]>("events")
        for number in 0..<100 as Range<UInt64> {
            try database[names].put([], for: "\(number % 10)\u{0}\(number)")
            try database[events].put([], for: Keys(number % 2, "\u{0}\(number)"))
        }
        let parts = try database[names].split(into: 7, in: .prefix("3"))
        #expect(try parts.map { try database[names].count(in: $0) } == [2, 2, 2, 1, 1, 1, 1])
        let halves = try database[events].split(into: 5, in: .prefix(1))
        #expect(try halves.map { try database[events].count(in: $0) } == [10, 10, 10, 10, 10])
        // A piece is also a range of the last part of longer keys.
        let inner = try database[names].split(into: 2)
        let longer = Table<Keys<UInt64, String>, [UInt8]>("longer")
        for name in try database[names].keys() {
            try database[longer].put([], for: Keys(1, name))
        }
        for part in inner {
            #expect(try database[longer].count(in: .prefix(1, in: part)) == 50)
        }
    }
}
