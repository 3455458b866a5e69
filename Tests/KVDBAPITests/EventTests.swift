import KVDB
import StorageIO
import StorageIOTesting
import Testing

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
