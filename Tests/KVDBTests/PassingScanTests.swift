@_spi(Engine) import DatabaseTesting
@_spi(Engine) import KVDB
import StorageIO
import StorageIOTesting
import Testing

/// Scans that leave big values out of the cache.
@Suite struct PassingScanTests {
    /// A database of values beside their keys and of values of many pages, in two tables.
    private func filled(
        _ files: CrashingFileSystem, _ options: DatabaseOptions
    ) throws -> SimulatedDatabase {
        let database = try SimulatedDatabase.open(on: files, options)
        var random = SeededRandom(seed: 4)
        for number in 0..<60 {
            let count = number % 3 == 0 ? 50 : number * 700
            try database.write { transaction in
                try transaction.put(numberKey(number), random.bytes(count))
                try transaction.put(numberKey(number), random.bytes(count), table: "other")
            }
        }
        try database.close()
        return try SimulatedDatabase.open(on: files, options)
    }

    private func entries(
        _ snapshot: SimulatedSnapshot, _ table: String, reverse: Bool, keepsValues: Bool
    ) throws -> [[UInt8]] {
        var entries: [[UInt8]] = []
        let body = { (key: ByteView, value: ByteView) throws(StorageError) -> Bool in
            entries += [key.array, value.array]
            return true
        }
        if table.isEmpty {
            try snapshot.forEach(reverse: reverse, keepsValues: keepsValues, body)
        } else {
            try snapshot.forEach(table: table, reverse: reverse, keepsValues: keepsValues, body)
        }
        return entries
    }

    @Test(arguments: ["", "other"], [false, true])
    func theSameEntries(table: String, reverse: Bool) throws {
        var options = DatabaseOptions.small
        options.cacheBudget = 32 << 20
        let database = try filled(CrashingFileSystem(), options)
        let snapshot = try database.snapshot()
        let before = try database.statistics().residentByteCount
        let passing = try entries(snapshot, table, reverse: reverse, keepsValues: false)
        let between = try database.statistics().residentByteCount
        // Leaves and what is above them.
        #expect(between - before < 64 << 10)
        let kept = try entries(snapshot, table, reverse: reverse, keepsValues: true)
        #expect(try database.statistics().residentByteCount - between > 500 << 10)
        let isSame = passing == kept
        #expect(isSame && kept.count == 120)
        // Now from the cache.
        let loads = try database.statistics().pageLoads
        let again = try entries(snapshot, table, reverse: reverse, keepsValues: false)
        let isAgain = again == kept
        #expect(isAgain)
        #expect(try database.statistics().pageLoads == loads)
    }

    @Test func anExportLeavesTheCacheAlone() throws {
        var options = DatabaseOptions.small
        options.cacheBudget = 32 << 20
        let database = try filled(CrashingFileSystem(), options)
        let before = try database.statistics().residentByteCount
        var count = 0
        try database.export { count += $0.byteCount }
        #expect(count > 1 << 20)
        #expect(try database.statistics().residentByteCount - before < 128 << 10)
    }

    /// What a transaction wrote is in memory, or in the file; both ways show it to the snapshot.
    @Test func valuesThatAreNewerThanTheCheckpoint() throws {
        let database = try filled(CrashingFileSystem(), .small)
        var random = SeededRandom(seed: 5)
        for round in 0..<20 {
            try database.write { transaction in
                for _ in 0..<4 {
                    try transaction.put(
                        numberKey(random.below(60)), random.bytes(random.below(30_000)))
                }
            }
            let snapshot = try database.snapshot()
            if round % 4 == 3 { try database.checkpoint() }
            let passing = try entries(snapshot, "", reverse: false, keepsValues: false)
            let isSame =
                try entries(snapshot, "", reverse: false, keepsValues: true) == passing
            #expect(isSame, "round \(round)")
        }
    }
}
