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
        case verify, compact, export, `import`, inspect, load, loadStream, exportStream,
            importStream
        case verifyFiles, salvage
    }

    private func run(
        _ work: Work, _ database: Database, _ files: CrashingFileSystem,
        _ progress: @escaping @Sendable (Database.Progress) throws -> Void
    ) async throws {
        let entries = (0..<3000 as Range<UInt32>).lazy.map { (key: $0, value: "loaded") }
        switch work {
        case .inspect: _ = try await database.inspect(progress: progress)
        case .load: try await database[.names].load(entries, progress: progress)
        case .loadStream:
            let stream = AsyncStream { continuation in
                for entry in entries { continuation.yield(entry) }
                continuation.finish()
            }
            try await database[.names].load(from: stream, progress: progress)
        case .exportStream:
            try await database.export(progress: progress) { bytes in
                let isEmpty = bytes.isEmpty
                #expect(!isEmpty)
            }
        case .importStream:
            let export = Array(try #require(files.image(of: "a.tkdb")).current)
            var isRead = false
            let reader = ExportReader { buffer throws(StorageError) in
                guard !isRead else { return 0 }
                isRead = true
                buffer = export
                return export.count
            }
            try await database.import(from: reader, progress: progress)
        case .verifyFiles:
            let copy = files.afterKill()
            _ = try await Database.verify(at: "a.kvdb", files: copy, progress: progress)
        case .salvage:
            let copy = files.afterKill()
            defer { #expect(copy.image(of: "new.kvdb") == nil) }
            try await Database.salvage(
                from: "a.kvdb", to: "new.kvdb", files: copy, progress: progress)
        case .verify: _ = try await database.verify(progress: progress)
        case .compact: try await database.compact(progress: progress)
        case .export: try await database.export(to: "work.tkdb", progress: progress)
        case .import: try await database.import(from: "a.tkdb", progress: progress)
        }
    }

    @Test(arguments: Work.allCases)
    func aCancelledTaskEndsItsLongWork(_ work: Work) async throws {
        let files = CrashingFileSystem()
        let database = try open(files)
        try await fill(database, 5000)
        try await database[.names].delete(where: { key, _ in key % 3 != 0 })
        try await database.export(to: "a.tkdb")
        try await database.put("1", for: "added")
        let gate = Gate()
        let calls = Counter()
        let task = Task {
            try await run(work, database, files) { _ in
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
        let files = CrashingFileSystem()
        let database = try open(files)
        try await fill(database, 100)
        try await database.export(to: "a.tkdb")
        await #expect(throws: Enough.self) {
            try await run(work, database, files) { _ in throw Enough() }
        }
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

    @Test func filesAndStreamsHaveAsynchronousForms() async throws {
        let files = CrashingFileSystem()
        let database = try open(files)
        try await fill(database, 2000)
        let told = Gathering<Database.Progress>()
        let export = Gathering<UInt8>()
        let count = try await database.export(progress: { told.add([$0]) }) { bytes in
            export.add(withByteView(of: bytes) { $0.array })
        }
        #expect(count == 2000)
        let last = try #require(told.elements.last)
        #expect(last.done == 2000 && last.total == 2000 && last.rate > 0)
        let other = try Database(inMemory: .init())
        var rest = export.elements[...]
        let reader = ExportReader { buffer throws(StorageError) in
            let count = min(1000, rest.count)
            buffer.replaceSubrange(0..<count, with: rest.prefix(count))
            rest = rest.dropFirst(count)
            return count
        }
        #expect(try await other.import(from: reader).entryCount == 2000)
        #expect(try other[.names].count == 2000)
        #expect(try await database.inspect().tables.map(\.entryCount) == [0, 2000])
        let copy = files.afterKill()
        #expect(try await Database.verify(at: "a.kvdb", files: copy).isSound)
        let report = try await Database.salvage(from: "a.kvdb", to: "b.kvdb", files: copy)
        #expect(report.isComplete && report.entryCount == 2000)
    }

    // MARK: Loads

    @Test func aTaskLoadsASequenceOfEitherKind() async throws {
        let database = try open(CrashingFileSystem())
        let entries = (0..<3000 as Range<UInt32>).map { (key: $0, value: "\($0)") }
        #expect(try await database[.names].load(entries).bulkLoadedCount == 3000)
        let stream = AsyncStream { continuation in
            for entry in entries.reversed() { continuation.yield((entry.key + 1000, "new")) }
            continuation.finish()
        }
        let more = stream.map { (key: $0.0, value: $0.1) }
        #expect(try await database[.names].load(from: more).entryCount == 3000)
        #expect(try database[.names].count == 4000)
        #expect(try database[.names].get(999) == "999" && database[.names].get(1000) == "new")
        // It begins only when the writer is free, so a stream may wait for nothing else.
        let none = AsyncStream<(key: UInt32, value: String)> { $0.finish() }
        #expect(try await database[.names].load(from: none).entryCount == 0)
        #expect(try await database.verify().isSound)
    }

    @Test func aSequenceThatThrowsUndoesTheLoad() async throws {
        let database = try open(CrashingFileSystem())
        for failsAt in [0, 1, 255, 256, 257, 600, 1000] {
            let stream = AsyncThrowingStream { continuation in
                for number in 0..<UInt32(failsAt) { continuation.yield((key: number, value: "")) }
                continuation.finish(throwing: Enough())
            }
            await #expect(throws: Enough.self) { try await database[.names].load(from: stream) }
            #expect(try database[.names].isEmpty)
        }
        try await fill(database, 10)
    }

    /// The sequence of a cancelled task just ends, and half of the entries must not be taken for all.
    @Test func aCancelledLoadOfAStreamLoadsNothing() async throws {
        let database = try open(CrashingFileSystem())
        let (stream, continuation) = AsyncStream.makeStream(of: (key: UInt32, value: String).self)
        let task = Task { try await database[.names].load(from: stream) }
        for number in 0..<500 as Range<UInt32> { continuation.yield((key: number, value: "")) }
        while database.engine.core.writerLock.currentHolder == nil { await Task.yield() }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(try database[.names].isEmpty)
        try await fill(database, 10)
    }

    @Test func aLoadThatIsRefusedLeavesItsStream() async throws {
        let database = try open(CrashingFileSystem())
        let stream = AsyncStream { continuation in
            for number in 0..<5000 as Range<UInt32> { continuation.yield((key: number, value: "")) }
            continuation.finish()
        }
        await #expect(throws: Enough.self) {
            try await database[.names].load(from: stream) { _ in throw Enough() }
        }
        try await database.close()
        await #expect(throws: StorageError.self) {
            try await database[.names].load(from: AsyncStream { $0.yield((key: 1, value: "")) })
        }
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
