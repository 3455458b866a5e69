import StorageIO
import StorageIOTesting
import Testing

@_spi(Engine) @testable import KVDB

/// A database in memory does all that one in files does, and writes nothing anywhere.
struct InMemoryTests {
    /// Bytes of the file that the engine stands on: the two superblocks, which opening makes.
    private func isUnwritten(_ database: Database) -> Bool {
        database.engine.core.store.statistics.fileByteCount == 8192
            && database.engine.core.log.byteCount == 0
            && database.engine.core.store.checkpoint.transaction == 0
    }

    @Test func nothingIsEverWritten() throws {
        let folder = try TemporaryDirectory()
        let database = try Database(inMemory: .init())
        try database.put([UInt8](repeating: 1, count: 500_000), for: "long")
        try database.write(durability: .full) { transaction in
            for number in 0..<5000 { try transaction.put("value", for: "key \(number)") }
        }
        try database.put("1", for: "a", durability: .full)
        try database.load((0..<5000).map { (Array("load \($0)".utf8), [1, 2, 3]) })
        try database[Table<UInt64, String>("typed")].load((0..<5000).map { (UInt64($0), "\($0)") })
        try database.sync()
        try database.checkpoint()
        #expect(try database.verify().isSound)
        #expect(isUnwritten(database))
        let path = folder.file("x.tkdb")
        #expect(try database.export(to: path) == 15_002)
        try database.import(from: path)
        #expect(try database.count == 10_002 && database.get("long")?.count == 500_000)
        try database.write { transaction in
            for number in 0..<5000 { try transaction.delete("load \(number)") }
        }
        let report = try database.compact()
        #expect(report.byteCountAfter <= report.byteCountBefore)
        #expect(try database.count == 5002 && database.verify().isSound)
        #expect(try database[Table<UInt64, String>("typed")].get(4711) == "4711")
        #expect(isUnwritten(database))
        let core = database.engine.core
        try database.close()
        #expect(core.store.checkpoint.transaction == 0)
        #expect(throws: StorageError.self) { try database.get("a") }
    }

    @Test func memoryDoesNotGrowWithRewriting() throws {
        let database = try Database(inMemory: .init())
        func rewrite(_ round: Int) throws {
            try database.write { transaction in
                for number in 0..<500 {
                    try transaction.put(
                        [UInt8](repeating: UInt8(round), count: 200), for: "\(number)")
                }
                try transaction.put([UInt8](repeating: 3, count: 300_000 + round), for: "long")
            }
            for number in 0..<50 { try database.put("\(round)", for: "single \(number)") }
        }
        for round in 0..<5 { try rewrite(round) }
        let before = try database.statistics()
        for round in 5..<100 { try rewrite(round) }
        let after = try database.statistics()
        #expect(after.residentByteCount <= before.residentByteCount * 3 / 2)
        #expect(after.pageCount <= before.pageCount * 3 / 2)
        #expect(after.fileByteCount == 0 && after.logByteCount == 0)
        #expect(after.commitCount - before.commitCount == 95 * 51)
        // What is free gives its memory back.
        try database.delete(in: .all)
        #expect(try database.trim(to: 0) < after.residentByteCount / 4)
        #expect(try database.count == 0)
    }

    @Test func aCompactionInMemoryGivesMemoryBack() throws {
        let database = try Database(inMemory: .init())
        try database.write { transaction in
            for number in 0..<5000 {
                try transaction.put([UInt8](repeating: 1, count: 400), for: "\(number)")
            }
        }
        try database.write { transaction in
            for number in 0..<5000 where number % 4 != 0 { try transaction.delete("\(number)") }
        }
        let report = try database.compact()
        #expect(report.isRepacked && report.byteCountAfter < report.byteCountBefore / 2)
        #expect(try database.count == 1250 && database.verify().isSound)
    }
}

/// Live figures, and what is done about memory.
struct StatisticsTests {
    @Test func figuresFollowWhatIsDone() throws {
        let folder = try TemporaryDirectory()
        let path = folder.file("a.kvdb")
        var options = Database.Options()
        options.checkpointPolicy = .manual
        let database = try Database(at: path, options: options)
        #expect(try database.statistics().syncs == .init())
        for number in 0..<10 { try database.put("\(number)", for: "\(number)") }
        var now = try database.statistics()
        let version = try database.version
        #expect(now.commitCount == 10 && now.version == version)
        #expect(now.entryCount == 10 && now.syncs.count == 10)
        let (median, worst) = (try #require(now.syncs.median), try #require(now.syncs.worst))
        #expect(median > .zero && worst >= median)
        #expect(now.logByteCount > 0 && now.unappliedLogByteCount > 0 && now.fileByteCount > 0)
        #expect(now.snapshots == [])
        let snapshot = try database.snapshot()
        #expect(try database.statistics().snapshots.first?.outdatedFor == nil)
        try database.checkpoint()
        for number in 0..<10 { try database.put("new", for: "\(number)") }
        now = try database.statistics()
        let held = try #require(now.snapshots.first)
        // The checkpoint made a newer one.
        #expect(try #require(held.outdatedFor) > .zero)
        #expect(now.snapshots.count == 1 && held.version == snapshot.version)
        #expect(held.versionsBehind == 11 && held.pinnedPages > 0)
        #expect(try snapshot.get("1") == Array("1".utf8))
        try database.close()
        options.monitoring = false
        let other = try Database(at: path, options: options)
        try other.put("1", for: "1")
        now = try other.statistics()
        #expect(now.syncs.count == 1 && now.syncs.median == nil && now.syncs.worst == nil)
    }

    @Test func anInspectionReadsAsAPersonReads() throws {
        let database = try Database(inMemory: .init())
        try database.put([UInt8](repeating: 0, count: 10_000), for: "long")
        try database[Table<UInt64, String>("events")].load((0..<1000).map { (UInt64($0), "event") })
        let inspection = try database.inspect()
        #expect(inspection.tables.map(\.name) == ["", "events"])
        #expect(inspection.tables[1].entryCount == 1000 && inspection.tables[1].fill > 0.8)
        #expect(inspection.tables[0].overflowPages == 3)
        let lines = "\(inspection)".split(separator: "\n")
        #expect(lines.first == "in memory")
        #expect(
            lines.suffix(3).map { $0.split(separator: " ").first } == [
                "table", "(default)", "events",
            ])
        #expect(Set(lines.suffix(3).map(\.count)).count == 1)
        #expect(throws: Interruption.self) { try database.inspect { _ in throw Interruption() } }
    }

    private struct Interruption: Error {}

    @Test func aTrimmedCacheGivesItsMemoryBackAndComesAgain() throws {
        let folder = try TemporaryDirectory()
        let database = try Database(at: folder.file("a.kvdb"))
        try database.write { transaction in
            for number in 0..<5000 {
                try transaction.put([UInt8](repeating: 1, count: 400), for: "\(number)")
            }
        }
        try database.checkpoint()
        let before = try database.statistics().residentByteCount
        #expect(before > 2_000_000)
        let snapshot = try database.snapshot()
        let rest = try database.trim(to: 1 << 20)
        #expect(rest <= 1 << 20)
        let less = try database.trim(to: 0)
        #expect(less < 1 << 18 && less <= rest)
        #expect(try database.statistics().evictions > 0)
        #expect(try snapshot.count == 5000 && snapshot.get("77")?.count == 400)
        #expect(try database.verify().isSound)
        // Nonsense is taken for nothing.
        #expect(try database.trim(to: -5) <= before)
        try database.close()
        #expect(throws: StorageError.self) { try database.trim(to: 0) }
    }

    @Test func whatTheStoreCannotDoIsRefused() throws {
        let error = #expect(throws: StorageError.self) {
            try Database(inMemory: .init(erasesDeleted: true))
        }
        #expect(error?.code == .invalidArgument)
    }
}
