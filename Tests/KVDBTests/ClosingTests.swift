@_spi(Engine) import DatabaseTesting
import StorageIO
import StorageIOTesting
import Synchronization
import Testing

@_spi(Engine) @testable import KVDB

/// Closing while others write, read and check.
@Suite struct ClosingTests {
    @Test func whatWasAcknowledgedWhileClosingIsThere() throws {
        // R3, R4: the log goes with a clean close, and no acknowledged commit with it.
        for round in 0..<6 {
            let folder = try TemporaryDirectory()
            let path = folder.file("my.db")
            let acknowledged = Lock()
            final class Keys: @unchecked Sendable { var list: [String] = [] }
            let keys = Keys()
            var options = DatabaseOptions()
            options.logBudget = 16 << 10
            options.dirtyBudget = 64 << 10
            let database = try FileDatabase.open(path, options: options)
            let started = Atomic(0)
            let threads = try (0..<3).map { thread in
                try SystemThread {
                    for number in 0..<100_000 {
                        let key = "key-\(thread)-\(number)"
                        do throws(StorageError) {
                            let durability: Durability = number % 2 == 0 ? .full : .written
                            try database.put(key, "value", durability: durability)
                            acknowledged.withLock { keys.list.append(key) }
                            started.add(1, ordering: .relaxed)
                        } catch {
                            if error.code != .closed { Issue.record("\(error)") }
                            return
                        }
                    }
                }
            }
            let reader = try SystemThread {
                while true {
                    do throws(StorageError) {
                        let snapshot = try database.snapshot()
                        var entries: UInt64 = 0
                        try snapshot.forEach { _, _ in
                            entries += 1
                            return true
                        }
                        if entries != snapshot.count { Issue.record("R6 is broken") }
                        _ = try database.statistics()
                        _ = try database.verify()
                    } catch {
                        if error.code != .closed { Issue.record("\(error)") }
                        return
                    }
                }
            }
            while started.load(ordering: .relaxed) < 20 + round * 5 { System.yield() }
            try closeWhenIdle(database)
            for thread in threads { thread.join() }
            reader.join()
            let again = try FileDatabase.open(path)
            for key in keys.list { #expect(try again.contains(key), "lost \(key)") }
            #expect(try again.verify().findings.isEmpty)
            try again.close()
        }
    }

    /// Closes the database. On a machine with much else to do a writer may run on for longer than a close waits.
    private func closeWhenIdle(_ database: FileDatabase) throws(StorageError) {
        while true {
            do throws(StorageError) { return try database.close() } catch {
                guard error.code == .busy else { throw error }
            }
        }
    }

    @Test func manyCanCloseAtOnce() throws {
        let folder = try TemporaryDirectory()
        let database = try FileDatabase.open(folder.file("my.db"))
        try database.put("a", "1")
        let threads = try (0..<4).map { _ in
            try SystemThread {
                do { try database.close() } catch { Issue.record("\(error)") }
            }
        }
        for thread in threads { thread.join() }
        try database.close()
        #expect(try folder.names() == ["my.db"])
    }

    @Test func snapshotsAndCursorsOutliveClosing() throws {
        let folder = try TemporaryDirectory()
        var options = DatabaseOptions()
        options.cacheBudget = 64 << 10
        let database = try FileDatabase.open(folder.file("my.db"), options: options)
        try database.write { transaction in
            for number in 0..<20_000 { try transaction.put("key\(number)", "value") }
        }
        try database.checkpoint()
        let snapshot = try database.snapshot()
        var cursor = snapshot.makeCursor()
        _ = try cursor.first()
        try database.close()
        // What is in memory reads on; what is not says that the database is closed.
        do {
            while try cursor.next() {}
        } catch {
            #expect(error.code == .closed)
        }
        do {
            try snapshot.forEach { _, _ in true }
        } catch {
            #expect(error.code == .closed)
        }
    }
}
