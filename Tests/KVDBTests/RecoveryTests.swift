@_spi(Engine) import DatabaseTesting
@_spi(Engine) import KVDB
import StorageIO
import StorageIOTesting
import Testing

/// What recovery makes of many records at once is what they made one after another.
@Suite struct RecoveryTests {
    private struct State: Equatable {
        var transaction: UInt64
        /// By table, the default one under no name.
        var entries: [String: [[UInt8]: [UInt8]]] = [:]

        init(_ database: SimulatedDatabase) throws {
            let snapshot = try database.snapshot()
            transaction = snapshot.transaction
            for name in try [""] + snapshot.tableNames() {
                var table: [[UInt8]: [UInt8]] = [:]
                try snapshot.forEach(table: name) { key, value in
                    table[key.array] = value.array
                    return true
                }
                entries[name] = table
            }
        }
    }

    private func change(_ database: SimulatedDatabase, _ random: inout SeededRandom) throws {
        // More tables than recovery keeps open.
        let table = random.oneIn(3) ? "" : "table \(random.below(50))"
        let transaction = try database.begin()
        for _ in 0...random.below(4) {
            let key = Array("key \(random.below(60))".utf8)
            switch random.below(12) {
            case 0..<7:
                let size = random.oneIn(12) ? random.below(9000) : random.below(200)
                try transaction.put(key, random.bytes(size), table: table)
            case 7..<9: try transaction.delete(key, table: table)
            case 9: try transaction.deleteRange(KeyRange(from: key), table: table)
            case 10: try transaction.createTable("table \(random.below(50))")
            default: if random.oneIn(4) { try transaction.dropTable(table) }
            }
        }
        try transaction.commit()
    }

    /// R4, whatever the budgets are: pages are written out, and evicted, in the middle of a replay.
    @Test(arguments: Seeds.first(12))
    func r4ReplayGivesTheStateThatWasCommitted(seed: UInt64) throws {
        let again: Comment = "\(Seeds.again(seed))"
        var random = SeededRandom(seed: seed)
        let options = seed % 2 == 0 ? DatabaseOptions.manual : DatabaseOptions()
        var files = CrashingFileSystem()
        for _ in 0..<3 {
            let database = try SimulatedDatabase.open(on: files, options)
            for _ in 0..<random.number(in: 0...300) { try change(database, &random) }
            if random.oneIn(2) { try database.checkpoint() }
            for _ in 0..<random.number(in: 1...300) { try change(database, &random) }
            let state = try State(database)
            let left = files.survivors(.all)
            var reading = options
            reading.access = .readOnly
            #expect(try State(SimulatedDatabase.open(on: left, reading)) == state, again)
            let reopened = try SimulatedDatabase.open(on: left, options)
            #expect(try State(reopened) == state, again)
            #expect(try reopened.verify().isSound, again)
            // The next life begins after another crash, one that comes before any commit.
            files = left.survivors(.none)
        }
    }

    /// Single puts into one page: only the first copies it.
    @Test func aPageIsCopiedOnce() throws {
        let files = CrashingFileSystem()
        let database = try SimulatedDatabase.open(on: files, .manual)
        for number in 0..<500 { try database.put("key", "\(number)") }
        var options = DatabaseOptions.manual
        options.access = .readOnly
        let reopened = try SimulatedDatabase.open(on: files.survivors(.all), options)
        let statistics = try reopened.statistics()
        #expect(statistics.lastTransaction == 500)
        #expect(statistics.pageCount <= 4)
        #expect(try reopened.get("key") == Array("499".utf8))
    }

    /// What compares pages by age, like salvage, finds the same births as without a crash.
    @Test func aPageIsAsYoungAsItsLastChange() throws {
        let files = CrashingFileSystem()
        let database = try SimulatedDatabase.open(on: files, .manual)
        for number in 0..<500 { try database.put("key", "\(number)") }
        let left = files.survivors(.all)
        let reopened = try SimulatedDatabase.open(on: left, .manual)
        try reopened.close()
        let bytes = try left.open(SimulatedDatabase.testPath, .readOnly).readAll()
        let births = (2..<bytes.count / 4096).map { page in
            bytes[page * 4096 + 8..<page * 4096 + 16].reversed().reduce(UInt64(0)) {
                $0 << 8 | UInt64($1)
            }
        }
        // The leaf's, and that of the catalog, which is a version of its own.
        #expect(births.contains(500))
        #expect(births.contains(501))
        #expect(!births.contains { $0 > 0 && $0 < 500 })
    }
}
