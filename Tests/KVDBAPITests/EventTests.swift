import StorageIO
import StorageIOTesting
import Testing

@_spi(Engine) @testable import KVDB

/// What happened, as an app is told it.
struct EventTests {
    /// Keeps what it is told, by the line that each event prints without its times.
    private final class Journal: Sendable {
        let events = Gathering<Database.Event>()

        var lines: [String] {
            events.elements.map { event in
                switch event {
                case .checkpoint(let pages, _): "checkpoint \(pages > 0)"
                case .sync(_, let commits): "sync \(commits)"
                case .slowWriter(_, let behind): "slow \(behind ?? "nobody")"
                case .recovered(let commits, let byteCount): "recovered \(commits) \(byteCount > 0)"
                case .checkpointFailed(let error): "no checkpoint \(error.code)"
                case .failed(let error): "failed \(error.code)"
                }
            }
        }
    }

    private func options(_ journal: Journal) -> Database.Options {
        Database.Options(
            checkpointPolicy: .manual, onEvent: { journal.events.add([$0]) },
            slowWriterThreshold: .zero)
    }

    @Test func syncsCheckpointsAndRecoveriesAreTold() throws {
        let files = CrashingFileSystem()
        let journal = Journal()
        let database = try Database(at: "e.kvdb", files: files, options: options(journal))
        #expect(journal.lines == [])
        try database.put("1", for: "a")
        #expect(journal.lines == ["sync 1"])
        for number in 0..<3 { try database.put("\(number)", for: "b", durability: .buffered) }
        #expect(journal.lines.count == 1)
        try database.sync()
        #expect(journal.lines.last == "sync 3" && journal.lines.count == 2)
        try database.checkpoint()
        // The record that the checkpoint makes of its own.
        #expect(journal.lines.suffix(2) == ["sync 1", "checkpoint true"])
        for number in 0..<2 { try database.put("\(number)", for: "c") }
        let after = Journal()
        let recovered = try Database(
            at: "e.kvdb", files: files.afterKill(), options: options(after))
        #expect(after.lines == ["recovered 2 true"])
        #expect(try recovered.get("c") == Array("1".utf8))
        try database.close()
        #expect(journal.lines.last == "checkpoint true")
        for event in journal.events.elements {
            switch event {
            case .checkpoint(_, let duration), .sync(let duration, _): #expect(duration > .zero)
            default: break
            }
        }
    }

    @Test func theFirstFailureIsToldOnce() throws {
        let files = CrashingFileSystem()
        let journal = Journal()
        let database = try Database(at: "e.kvdb", files: files, options: options(journal))
        try database.put("1", for: "a")
        #expect(database.failure == nil)
        files.fail(operation: files.count(of: .sync) + 1, of: .sync, forever: true)
        #expect(throws: StorageError.self) { try database.put("2", for: "b") }
        #expect(database.failure?.code == .inputOutput)
        #expect(throws: StorageError.self) { try database.put("2", for: "b") }
        #expect(throws: StorageError.self) { try database.close() }
        #expect(journal.lines.filter { $0.hasPrefix("failed") } == ["failed inputOutput"])
    }

    /// A way to fail for good: what is done, and the kind of the call on the files that fails from then on.
    struct Failing: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let kind: FileOperation.Kind
        let policy: Database.CheckpointPolicy
        let fail: @Sendable (Database) throws -> Void

        init(
            _ name: String, _ kind: FileOperation.Kind,
            _ policy: Database.CheckpointPolicy = .manual,
            _ fail: @escaping @Sendable (Database) throws -> Void
        ) {
            testDescription = name
            self.kind = kind
            self.policy = policy
            self.fail = fail
        }
    }

    static let failing: [Failing] = [
        Failing("commit", .sync) { try $0.put("2", for: "b") },
        Failing("written commit", .write) { try $0.put("2", for: "b", durability: .written) },
        Failing("transaction", .sync) { try $0.write { try $0.put("2", for: "b") } },
        Failing("sync", .sync) { try $0.sync() },
        Failing("checkpoint's pages", .write) { try $0.checkpoint() },
        Failing("checkpoint's sync", .sync) { try $0.checkpoint() },
        Failing("load", .sync) { try $0.load([(key: [1], value: [2])]) },
        Failing("compaction", .sync) { try $0.compact() },
        Failing("inline checkpoint", .sync, .inline) {
            try $0.put([UInt8](repeating: 1, count: 100_000), for: "b", durability: .buffered)
        },
        Failing("background sync", .sync, .automatic) {
            try $0.put("2", for: "b", durability: .buffered)
        },
    ]

    @Test(arguments: failing) func everyFailureIsTold(_ failing: Failing) throws {
        let files = CrashingFileSystem()
        let journal = Journal()
        var options = options(journal)
        options.checkpointPolicy = failing.policy
        options.syncInterval = .milliseconds(1)
        options.logBudget = 65_536
        let database = try Database(at: "e.kvdb", files: files, options: options)
        try database.put("1", for: "a")
        try database.put("1", for: "c", durability: .buffered)
        if failing.policy == .automatic {
            while journal.lines.count < 2 { System.yield() }
        }
        files.fail(
            operation: files.count(of: failing.kind) + 1, of: failing.kind, forever: true)
        do { try failing.fail(database) } catch {}
        while database.failure == nil { System.yield() }
        while journal.lines.last?.hasPrefix("failed") != true { System.yield() }
        #expect(journal.lines.filter { $0.hasPrefix("failed") } == ["failed inputOutput"])
        #expect(throws: StorageError.self) { try database.put("2", for: "b") }
        do { try database.close() } catch {}
        #expect(journal.lines.filter { $0.hasPrefix("failed") }.count == 1)
    }

    @Test func aCheckpointThatFindsNoRoomIsTold() throws {
        let journal = Journal()
        var options = options(journal)
        options.checkpointPolicy = .inline
        options.logBudget = 65_536
        /// Which write is the first one to the data file, where `failing` fails.
        func firstPageWrite(failing: Int? = nil) throws -> Int? {
            let files = CrashingFileSystem()
            let database = try Database(at: "e.kvdb", files: files, options: options)
            try database.put("1", for: "a")
            if let failing { files.fail(operation: failing, of: .write, with: .diskFull) }
            let writes = Gathering<String>()
            let before = files.count(of: .write)
            files.beforeOperation = { if $0.kind == .write { writes.add([$0.path]) } }
            let value = [UInt8](repeating: 1, count: 100_000)
            try database.put(value, for: "b", durability: .buffered)
            files.beforeOperation = nil
            #expect(database.failure == nil)
            try database.checkpoint()
            try database.close()
            let first = writes.elements.firstIndex { $0.hasSuffix("e.kvdb") }
            return first.map { before + 1 + $0 }
        }
        let first = try #require(try firstPageWrite())
        #expect(!journal.lines.contains { $0.hasPrefix("no checkpoint") })
        _ = try firstPageWrite(failing: first)
        #expect(journal.lines.filter { $0.hasPrefix("no ") } == ["no checkpoint diskFull"])
    }

    @Test func writesOfTasksThatWaitedAreTold() async throws {
        let journal = Journal()
        let database = try Database(inMemory: options(journal))
        let gate = Gate()
        let holder = try SystemThread {
            do { try database.write { _ in gate.pass() } } catch { Issue.record(error) }
        }
        let line = #line - 2
        await gate.awaitVisitor()
        async let put: Void = database.put("1", for: "a")
        while database.engine.core.queue.count == 0 { await Task.yield() }
        await #expect(throws: StorageError.self) {
            try await database.write(timeout: .zero) { _ in }
        }
        gate.open()
        try await put
        holder.join()
        #expect(
            journal.lines
                == Array(
                    repeating: "slow KVDBAPITests/EventTests.swift:\(line)", count: 2))
    }

    @Test func whoWaitedIsToldBehindWhom() throws {
        let journal = Journal()
        let database = try Database(inMemory: options(journal))
        let transaction = try database.begin()
        let line = #line - 1
        try inParallel(1) { _ in
            #expect(throws: StorageError.self) { try database.write(timeout: .zero) { _ in } }
        }
        transaction.abort()
        #expect(journal.lines == ["slow KVDBAPITests/EventTests.swift:\(line)"])
    }

    /// The handler writes itself, which it could not under any lock of the database's.
    @Test(arguments: [Database.CheckpointPolicy.automatic, .inline, .manual])
    func handlersMayUseTheDatabase(_ policy: Database.CheckpointPolicy) throws {
        let journal = Journal()
        let box = Gathering<Database>()
        var options = options(journal)
        options.checkpointPolicy = policy
        options.logBudget = 10_000
        options.logSegmentSize = 4096
        options.onEvent = { event in
            journal.events.add([event])
            guard let database = box.elements.first else { return }
            do {
                _ = try database.get("a")
                if case .sync = event { return }
                try database.put("\(event)", for: "told", durability: .buffered)
            } catch {
                #expect((error as? StorageError)?.code == .closed, "\(error)")
            }
        }
        let database = try Database(at: "e.kvdb", files: InMemoryFileSystem(), options: options)
        box.add([database])
        try inParallel(2) { thread in
            for number in 0..<60 {
                try database.put([UInt8](repeating: 1, count: 300), for: "\(thread) \(number)")
            }
        }
        try database.checkpoint()
        #expect(try database.verify().isSound)
        try database.compact()
        #expect(try database.contains("told"))
        try database.close()
        let commits = journal.events.elements.reduce(0) { sum, event in
            if case .sync(_, let commits) = event { sum + commits } else { sum }
        }
        // Each put is durable by one of the syncs.
        #expect(commits >= 120)
    }
}
