@_spi(Engine) import DatabaseTesting
@_spi(Engine) import KVDB
import StorageIO
import StorageIOTesting
import Testing

/// The file's sizes around a compaction: what the report says is what the file has, and it never becomes
/// larger.
@Suite struct CompactionSizeTests {
    private func size(_ files: CrashingFileSystem) throws -> UInt64 {
        let file = try files.open(SimulatedDatabase.testPath, .readOnly)
        defer { file.close() }
        return try file.size()
    }

    /// Compacts, and holds the report to the file; the size afterwards.
    private func compact(
        _ database: SimulatedDatabase, _ files: CrashingFileSystem, _ place: String
    ) throws -> UInt64 {
        let before = try size(files)
        let report = try database.compact()
        let after = try size(files)
        try check(
            report.byteCountBefore == before, "\(place) \(report) before, and it was \(before)")
        try check(report.byteCountAfter == after, "\(place) \(report) after, and it is \(after)")
        try check(after <= before, "\(place) grew from \(before) to \(after)")
        return after
    }

    @Test func aDatabaseOfOneEntryStaysAsItIs() throws {
        let files = CrashingFileSystem()
        var database = try SimulatedDatabase.open(on: files)
        try database.put("a", "b")
        try database.close()
        #expect(try size(files) == 16_384)
        for _ in 0..<3 {
            database = try SimulatedDatabase.open(on: files)
            #expect(try compact(database, files, "one entry") == 16_384)
            try database.close()
            #expect(try size(files) == 16_384)
        }
    }

    /// After many rewrites of a few pages nothing but they are left.
    @Test func aSmallDatabaseBecomesAsSmallAsItCan() throws {
        let files = CrashingFileSystem()
        let database = try SimulatedDatabase.open(on: files)
        for number in 0..<40 {
            try database.put("a", [UInt8](repeating: UInt8(number), count: 100))
            try database.checkpoint()
        }
        #expect(try compact(database, files, "a small database") == 16_384)
        try database.put("b", "c")
        try database.close()
        #expect(try size(files) <= 7 * 4096)
        let again = try SimulatedDatabase.open(on: files)
        #expect(try again.count() == 2)
        #expect(try compact(again, files, "opened again") == 16_384)
    }

    @Test(arguments: Seeds.first(12)) func neverLarger(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let files = CrashingFileSystem()
        var database = try SimulatedDatabase.open(on: files)
        var model = DatabaseModel()
        for round in 0..<6 {
            for _ in 0..<random.number(in: 1...60) {
                let key = numberKey(random.below(3000))
                let table = random.oneIn(4) ? "t\(random.below(3))" : ""
                let change: Change =
                    random.oneIn(3)
                    ? .delete(key, table: table)
                    : .put(
                        key, random.bytes(random.element(of: [10, 900, 3000, 20_000])), table: table
                    )
                try database.commit([change], .buffered)
                model.apply(change)
            }
            try database.checkpoint()
            // What is in the log only is no part of the size before.
            let place = "round \(round), \(Seeds.again(seed)):"
            let snapshot = random.oneIn(3) ? try database.snapshot() : nil
            let small = try compact(database, files, place)
            if snapshot == nil {
                let again = try compact(database, files, "\(place) again,")
                try check(small - again <= 2 * 4096, "\(place) left \(small - again) bytes")
            }
            try model.check(database, place)
            try database.checkSound(place)
            withExtendedLifetime(snapshot) {}
            if random.oneIn(2) {
                let before = try size(files)
                try database.close()
                let after = try size(files)
                try check(
                    after <= before + 4096, "\(place) closing took it from \(before) to \(after)")
                database = try SimulatedDatabase.open(on: files)
            }
        }
    }
}
