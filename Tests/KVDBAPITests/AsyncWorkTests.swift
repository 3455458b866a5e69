import StorageIO
import StorageIOTesting
import Testing

@_spi(Engine) @testable import KVDB

extension Table where Key == UInt32, Value == String {
    fileprivate static var names: Table { Table("names") }
}

/// What takes long, and streams of entries, for tasks.
struct AsyncWorkTests {
    private func open(_ files: CrashingFileSystem) throws -> Database {
        try Database(at: "a.kvdb", files: files)
    }

    private func fill(_ database: Database, _ count: UInt32) async throws {
        try await database[.names].put(contentsOf: (0..<count).map { ($0, "name \($0)") })
    }

    // MARK: Long work

    @Test func careHasAsynchronousForms() async throws {
        let files = CrashingFileSystem()
        let database = try open(files)
        try await fill(database, 2000)
        try await database.put("1", for: "buffered", durability: .buffered)
        try await database.sync()
        try await database.checkpoint()
        let report = try await database.verify()
        #expect(report.isSound && report.entryCount == 2001)
        try await database[.names].delete(in: 500...)
        try await database.compact()
        #expect(try await database.export(to: "a.tkdb") == 501)
        try await database.delete("buffered")
        #expect(try await database.import(from: "a.tkdb").entryCount == 501)
        #expect(try database.contains("buffered"))
        try await database.close()
        try await database.close()
        let reopened = try open(files)
        #expect(try reopened[.names].count == 500)
        try await reopened.close()
    }

    enum Work: CaseIterable {
        case verify, compact, export, `import`
    }

    private func run(
        _ work: Work, _ database: Database,
        _ progress: @Sendable (Database.Progress) throws -> Void
    ) async throws {
        switch work {
        case .verify: _ = try await database.verify(progress: progress)
        case .compact: try await database.compact(progress: progress)
        case .export: try await database.export(to: "work.tkdb", progress: progress)
        case .import: try await database.import(from: "a.tkdb", progress: progress)
        }
    }

    @Test(arguments: Work.allCases)
    func aCancelledTaskEndsItsLongWork(_ work: Work) async throws {
        let database = try open(CrashingFileSystem())
        try await fill(database, 5000)
        try await database[.names].delete(where: { key, _ in key % 3 != 0 })
        try await database.export(to: "a.tkdb")
        try await database.put("1", for: "added")
        let gate = Gate()
        let calls = Counter()
        let task = Task {
            try await run(work, database) { _ in
                calls.add(1)
                gate.pass()
            }
        }
        await gate.awaitVisitor()
        task.cancel()
        gate.open()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(calls.value == 1)
        // The database is as it was, and free.
        try await database.put("1", for: "key")
        #expect(try await database.verify().isSound)
        #expect(try database[.names].count == 1667 && database.contains("added"))
    }

    private struct Enough: Error {}

    @Test(arguments: Work.allCases)
    func whatItsClosureThrowsEndsLongWork(_ work: Work) async throws {
        let database = try open(CrashingFileSystem())
        try await fill(database, 100)
        try await database.export(to: "a.tkdb")
        await #expect(throws: Enough.self) { try await run(work, database) { _ in throw Enough() } }
        try await fill(database, 200)
        #expect(try await database.verify().isSound)
    }

    @Test func theWorkOfACancelledTaskDoesNotBegin() async throws {
        let database = try open(CrashingFileSystem())
        let task = Task {
            while !Task.isCancelled { await Task.yield() }
            try await database.compact { _ in Issue.record("It has begun.") }
        }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        // Closing is not refused for that.
        let closer = Task {
            while !Task.isCancelled { await Task.yield() }
            try await database.close()
        }
        closer.cancel()
        try await closer.value
        #expect(throws: StorageError.self) { try database.get("key") }
    }

    // MARK: Streams

    @Test(arguments: [1, 7, 256, 5000])
    func aStreamHasTheEntriesOfOneVersion(batchCount: Int) async throws {
        let database = try open(CrashingFileSystem())
        try await fill(database, 600)
        var seen: [UInt32] = []
        for try await (key, value) in database[.names].stream(in: 100..<500, batchCount: batchCount)
        {
            // Beside it others change the table.
            if key % 10 == 0 { try await database[.names].delete(key + 1) }
            #expect(value == "name \(key)")
            seen.append(key)
        }
        #expect(seen == Array(100..<500))
        let snapshot = try database.snapshot()
        seen = []
        for try await (key, _) in try snapshot[.names].stream(
            order: .descending, batchCount: batchCount)
        {
            seen.append(key)
        }
        #expect(try seen == snapshot[.names].keys(order: .descending))
        #expect(seen.count == 560)
        for try await _ in database.stream() { Issue.record("The default table is empty.") }
    }

    @Test func aBigValueEndsABatch() async throws {
        let database = try open(CrashingFileSystem())
        let value = [UInt8](repeating: 7, count: 700_000)
        for key in ["a", "b", "c", "d", "e"] { try await database.put(value, for: key) }
        var count = 0
        for try await (_, found) in database.stream() {
            count += 1
            #expect(found == value)
        }
        #expect(count == 5)
    }

    @Test func aStreamThatIsLeftGivesItsVersionBack() async throws {
        let database = try open(CrashingFileSystem())
        try await fill(database, 600)
        for try await (key, _) in database[.names].stream(batchCount: 10) where key == 50 { break }
        let task = Task {
            var count = 0
            for try await _ in database[.names].stream(batchCount: 10) {
                count += 1
                if count == 100 { unsafe withUnsafeCurrentTask { unsafe $0?.cancel() } }
                #expect(count <= 100)
            }
        }
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(try database.engine.statistics().liveSnapshots.isEmpty)
    }

    @Test func aStreamOfAClosedDatabaseSaysSo() async throws {
        let database = try open(CrashingFileSystem())
        try await fill(database, 600)
        var iterator = database[.names].stream(batchCount: 10).makeAsyncIterator()
        #expect(try await iterator.next()?.key == 0)
        try await database.close()
        await #expect(throws: StorageError.self) { while try await iterator.next() != nil {} }
    }
}
