@_spi(Engine) import DatabaseTesting
@_spi(Engine) import KVDB
import PageStore
import StorageIO
import StorageIOTesting
import Testing
import WAL

/// Single puts that change the newest version's pages where they are ("Changes in place" in
/// Docs/Architecture.md). Threads beside them are crashtest's family `schedule`.
@Suite struct PutInPlaceTests {
    private static let keys = (0..<300).map { numberKey($0 * 7) }

    private func open(_ files: CrashingFileSystem) throws -> SimulatedDatabase {
        var options = DatabaseOptions()
        options.sizeLimit = 64 << 20
        options.checkpointPolicy = .manual
        options.logSegmentSize = 4096
        return try SimulatedDatabase.open("a.db", files: files, options: options)
    }

    /// A database with some entries; the log is in use.
    private func filled(_ files: CrashingFileSystem) throws -> SimulatedDatabase {
        let database = try open(files)
        try database.write { transaction in
            for key in Self.keys { try transaction.put(key, [UInt8](repeating: 0, count: 50)) }
        }
        return database
    }

    private func pages(_ database: SimulatedDatabase) throws -> [Int] {
        let statistics = try database.statistics()
        return [statistics.pageCount, statistics.freePages, statistics.pendingPages]
    }

    @Test(arguments: [Durability.written, .buffered])
    func putsTakeNoPages(durability: Durability) throws {
        let files = CrashingFileSystem()
        let database = try filled(files)
        let before = try pages(database)
        for round in 0..<20 as Range<UInt8> {
            for key in Self.keys {
                try database.put(key, [UInt8](repeating: round, count: 50), durability: durability)
                #expect(try database.get(key) == [UInt8](repeating: round, count: 50))
            }
        }
        #expect(try pages(database) == before)
        try database.checkSound()
        // At `written` the puts survive the process; a sync keeps them from a power cut too.
        if durability == .buffered { try database.sync() }
        let again = try open(files.survivors(durability == .written ? .all : .none))
        for key in Self.keys {
            #expect(try again.get(key) == [UInt8](repeating: 19, count: 50))
        }
    }

    @Test func snapshotsAndCheckpointsStay() throws {
        let files = CrashingFileSystem()
        let database = try filled(files)
        var random = SeededRandom(seed: 3)
        var model = DatabaseModel()
        for key in Self.keys { model.main.put(key, [UInt8](repeating: 0, count: 50)) }
        var held: [(SimulatedSnapshot, DatabaseModel)] = []
        for step in 0..<2000 {
            let key = numberKey(random.below(2500))
            let value = random.bytes(random.below(90))
            try database.put(key, value, durability: random.element(of: [.written, .buffered]))
            model.main.put(key, value)
            switch random.below(60) {
            case 0: held.append((try database.snapshot(), model))
            case 1 where !held.isEmpty: held.remove(at: random.below(held.count))
            case 2: try database.checkpoint()
            case 3: try database.put(numberKey(1), [1], durability: .full)
            default: continue
            }
            if let value = try database.get(numberKey(1)) { model.main.put(numberKey(1), value) }
            for (snapshot, model) in held {
                if let difference = try model.difference(from: snapshot) {
                    Issue.record("step \(step), version \(snapshot.transaction): \(difference)")
                }
            }
        }
        try model.check(database, "at the end")
        try database.checkSound()
        try database.sync()
        try model.check(try open(files.survivors(.none)), "after a power cut")
    }

    @Test func aPutThatFindsNoRoomInTheLogLeavesNoTrace() throws {
        let files = CrashingFileSystem()
        let database = try filled(files)
        let before = try database.snapshot().transaction
        files.capacity = 0
        var refused = 0
        for number in 0..<40_000 where refused == 0 {
            do {
                try database.put(Self.keys[3], numberKey(number), durability: .written)
            } catch {
                #expect(error.code == .diskFull)
                refused = number
            }
        }
        #expect(refused > 0)
        #expect(try database.get(Self.keys[3]) == numberKey(refused - 1))
        #expect(try database.snapshot().transaction == before + UInt64(refused))
        #expect(database.poison == nil)
        files.capacity = nil
        try database.put(Self.keys[3], [7], durability: .written)
        #expect(try database.get(Self.keys[3]) == [7])
        try database.checkSound()
    }

    @Test func aPutWhoseRecordIsNotWrittenIsNotRead() throws {
        let files = CrashingFileSystem()
        let database = try filled(files)
        try database.put(Self.keys[3], [1], durability: .written)
        files.fail(
            operation: files.count(of: [.write]) + 1, of: [.write], with: .inputOutput,
            forever: false)
        #expect(throws: StorageError.self) {
            try database.put(Self.keys[3], [2], durability: .written)
        }
        #expect(database.poison?.code == .inputOutput)
        #expect(try database.get(Self.keys[3]) == [1])
    }

    /// A reader that gets the version while the put's record is on its way keeps it: the put is made by
    /// shadowing, also when the disk is full by then.
    @Test(arguments: [false, true])
    func aReaderInTheLastMomentKeepsItsVersion(isDiskFull: Bool) throws {
        let files = CrashingFileSystem()
        let database = try filled(files)
        try database.put(Self.keys[3], [1], durability: .written)
        let before = try pages(database)
        let moment = Moment()
        files.beforeOperation = { [unowned files] operation in
            guard operation.kind == .write, moment.snapshot == nil else { return }
            moment.snapshot = try? database.snapshot()
            if isDiskFull { files.capacity = 0 }
        }
        try database.put(Self.keys[3], [2], durability: .written)
        files.beforeOperation = nil
        let snapshot = try #require(moment.snapshot)
        #expect(try snapshot.get(Self.keys[3]) == [1])
        #expect(try database.get(Self.keys[3]) == [2])
        // What the snapshot reads was copied.
        #expect(try pages(database) != before)
        #expect(database.poison == nil)
        moment.snapshot = nil
        files.capacity = nil
        try database.checkSound()
        #expect(try open(files.survivors(.all)).get(Self.keys[3]) == [2])
    }

    private final class Moment: @unchecked Sendable {
        // Sendable: one thread uses it.
        var snapshot: SimulatedSnapshot?
    }
}
