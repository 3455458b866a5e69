@_spi(Engine) import DatabaseTesting
@_spi(Engine) import KVDB
import StorageIO
import StorageIOTesting
import Testing

/// Going through keys without their values.
@Suite struct KeyListingTests {
    @Test func bigValuesAreNotRead() throws {
        let files = CrashingFileSystem()
        var database = try SimulatedDatabase.open(on: files)
        let count = 60
        for number in 0..<count {
            try database.put(numberKey(number), [UInt8](repeating: 1, count: 50_000))
        }
        try database.close()
        database = try SimulatedDatabase.open(on: files)
        let snapshot = try database.snapshot()
        var keys = 0
        try snapshot.forEachKey { _ in
            keys += 1
            return true
        }
        #expect(keys == count)
        var cursor = snapshot.makeCursor()
        while try cursor.next() { keys += cursor.withKey { $0.count > 0 ? 1 : 0 } ?? 0 }
        #expect(keys == 2 * count)
        // Leaves and what is above them; one big value alone has 13 pages.
        #expect(try database.statistics().pageLoads < 13)
        #expect(
            errorCode { try snapshot.forEachKey(table: "none") { _ in true } } == .tableNotFound)
    }

    @Test(arguments: Seeds.first(4)) func theSameKeysAsEntries(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let database = try SimulatedDatabase.open(on: CrashingFileSystem())
        try database.write { transaction in
            for _ in 0..<2000 {
                try transaction.put(numberKey(random.below(5000)), random.bytes(random.below(2000)))
            }
        }
        let snapshot = try database.snapshot()
        for _ in 0..<60 {
            let bounds = [numberKey(random.below(5200)), numberKey(random.below(5200))]
            let range = KeyRange(
                from: random.oneIn(4) ? nil : bounds[0], upTo: random.oneIn(4) ? nil : bounds[1])
            let reverse = random.oneIn(2)
            let limit = random.oneIn(3) ? random.below(20) : Int.max
            var expected: [[UInt8]] = []
            try snapshot.forEach(in: range, reverse: reverse) { key, _ in
                expected.append(key.array)
                return expected.count < limit
            }
            var keys: [[UInt8]] = []
            try snapshot.forEachKey(in: range, reverse: reverse) { key in
                keys.append(key.array)
                return keys.count < limit
            }
            #expect(keys == expected, "\(Seeds.again(seed))")
        }
    }
}
