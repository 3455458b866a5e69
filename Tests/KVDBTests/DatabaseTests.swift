@_spi(Engine) import DatabaseTesting
import PageStore
import StorageIO
import StorageIOTesting
import Testing
import WAL

@_spi(Engine) @testable import KVDB

/// The public interface of a database on real files and in memory.
@Suite struct DatabaseTests {
    /// For databases on a simulated file system: nothing happens by itself.
    private var simulatedOptions: DatabaseOptions {
        var options = DatabaseOptions()
        options.sizeLimit = 64 << 20
        options.checkpointPolicy = .manual
        return options
    }

    private func text(_ bytes: [UInt8]?) -> String? {
        bytes.map { String(decoding: $0, as: UTF8.self) }
    }

    @Test func putGetDeleteReopen() throws {
        let folder = try TemporaryDirectory()
        let path = folder.file("my.db")
        do {
            let database = try FileDatabase.open(path)
            try database.put("apple", "red")
            try database.put("banana", "yellow")
            try database.put("", "the empty key")
            try database.put("empty", "")
            #expect(text(try database.get("apple")) == "red")
            #expect(try database.delete("banana"))
            #expect(try !database.delete("banana"))
            #expect(try database.get("banana") == nil)
            try database.close()
        }
        #expect(try folder.names() == ["my.db"])
        let database = try FileDatabase.open(path)
        #expect(text(try database.get("apple")) == "red")
        #expect(text(try database.get("")) == "the empty key")
        #expect(try database.get("empty") == [])
        #expect(try database.count() == 3)
        #expect(try database.verify().findings.isEmpty)
        try database.close()
    }

    @Test func aTransactionSeesItselfAndOthersSeeItAfterCommit() throws {
        let database = try InMemoryDatabase.openInMemory()
        try database.put("a", "1")
        let transaction = try database.begin()
        try transaction.put("a", "2")
        try transaction.put("b", "3")
        #expect(text(try transaction.get("a")) == "2")
        #expect(text(try database.get("a")) == "1")
        #expect(try database.get("b") == nil)
        try transaction.commit()
        #expect(text(try database.get("a")) == "2")
        #expect(text(try database.get("b")) == "3")
    }

    @Test func abortAndErrorsLeaveNoTrace() throws {
        // R5
        struct Stop: Error {}
        let database = try InMemoryDatabase.openInMemory()
        try database.put("a", "1")
        let aborted = try database.begin()
        try aborted.put("a", "2")
        aborted.abort()
        #expect(throws: Stop.self) {
            try database.write { transaction in
                try transaction.put("a", "3")
                throw Stop()
            }
        }
        do {
            let dropped = try database.begin()
            try dropped.delete("a")
        }
        #expect(text(try database.get("a")) == "1")
        #expect(try database.verify().findings.isEmpty)
    }

    @Test func snapshotsKeepTheirVersion() throws {
        // R6
        let folder = try TemporaryDirectory()
        let database = try FileDatabase.open(folder.file("my.db"))
        try database.write { transaction in
            for number in 0..<2000 { try transaction.put("key\(number)", "old\(number)") }
        }
        let snapshot = try database.snapshot()
        for round in 0..<5 {
            try database.write { transaction in
                for number in 0..<2000 { try transaction.put("key\(number)", "new\(round)") }
            }
            try database.checkpoint()
        }
        try database.compact()
        #expect(snapshot.count == 2000)
        var entries = 0
        try snapshot.forEach { key, value in
            let name = String(decoding: key.array, as: UTF8.self).dropFirst(3)
            #expect(value.array == Array("old\(name)".utf8))
            entries += 1
            return true
        }
        #expect(entries == 2000)
        #expect(text(try database.get("key7")) == "new4")
        #expect(try database.statistics().liveSnapshots.count == 1)
    }

    @Test func rangesPrefixesAndOrderStatistics() throws {
        // R10
        let database = try InMemoryDatabase.openInMemory()
        try database.write { transaction in
            for number in 1000..<2000 { try transaction.put("n\(number)", "\(number)") }
            try transaction.put("other", "x")
        }
        let snapshot = try database.snapshot()
        #expect(try snapshot.count(in: .prefix("n12")) == 100)
        #expect(try snapshot.rank("n1500") == 500)
        #expect(text(try snapshot.entry(at: 500)?.key) == "n1500")
        #expect(text(try snapshot.first()?.key) == "n1000")
        #expect(text(try snapshot.last()?.key) == "other")
        var reversed: [String] = []
        try snapshot.forEach(in: KeyRange(from: "n1100", upTo: "n1103"), reverse: true) { key, _ in
            reversed.append(String(decoding: key.array, as: UTF8.self))
            return true
        }
        #expect(reversed == ["n1102", "n1101", "n1100"])
        #expect(try database.deleteRange(.prefix("n1")) == 1000)
        #expect(try database.count() == 1)
    }

    @Test func namedTables() throws {
        let folder = try TemporaryDirectory()
        let path = folder.file("my.db")
        do {
            let database = try FileDatabase.open(path)
            try database.write { transaction in
                try transaction.put("k", "default")
                try transaction.put("k", "first", table: "one")
                try transaction.put("k", "second", table: "two")
                try transaction.createTable("empty")
            }
            try database.write { transaction in
                #expect(try transaction.dropTable("one"))
                try transaction.put("l", "more", table: "two")
            }
            try database.close()
        }
        let database = try FileDatabase.open(path)
        let snapshot = try database.snapshot()
        #expect(try snapshot.tableNames() == ["empty", "two"])
        #expect(text(try snapshot.get("k")) == "default")
        #expect(text(try snapshot.get("k", table: "two")) == "second")
        #expect(try snapshot.count(table: "two") == 2)
        #expect(try snapshot.get("k", table: "one") == nil)
        #expect(try database.verify().findings.isEmpty)
    }

    @Test func oneWriterAndFriendlyRefusals() throws {
        let folder = try TemporaryDirectory()
        let path = folder.file("my.db")
        var options = DatabaseOptions()
        options.writerTimeout = .milliseconds(1)
        let database = try FileDatabase.open(path, options: options)
        #expect(throws: StorageError.self) { try FileDatabase.open(path) }
        let transaction = try database.begin()
        do {
            try database.put("a", "b")
            Issue.record("a second transaction began")
        } catch {
            #expect(error.code == .timedOut)
        }
        try transaction.put("a", "b")
        try transaction.commit()
        do {
            try database.put([UInt8](repeating: 1, count: 1025), "x")
            Issue.record("a key too long was taken")
        } catch {
            #expect(error.code == .keyTooLong)
        }
        try database.close()
        do {
            _ = try database.get("a")
            Issue.record("a closed database was read")
        } catch {
            #expect(error.code == .closed)
        }
    }

    @Test func recoveryAfterAHandleThatNeverClosed() throws {
        let files = CrashingFileSystem()
        let options = simulatedOptions
        let database = try SimulatedDatabase.open("a.db", files: files, options: options)
        for number in 0..<500 { try database.put("key\(number)", "value\(number)") }
        let survivors = files.survivors(.none)
        let again = try SimulatedDatabase.open("a.db", files: survivors, options: options)
        #expect(try again.count() == 500)
        #expect(text(try again.get("key77")) == "value77")
        #expect(try again.verify().findings.isEmpty)
        var readOnly = options
        readOnly.access = .readOnly
        let reader = try SimulatedDatabase.open(
            "a.db", files: files.survivors(.none), options: readOnly)
        #expect(try reader.count() == 500)
    }

    @Test func exportAndImportGiveTheSameContent() throws {
        let source = try InMemoryDatabase.openInMemory()
        try source.write { transaction in
            for number in 0..<3000 { try transaction.put("key\(number)", "value\(number)") }
            try transaction.put("big", [UInt8](repeating: 7, count: 100_000))
            try transaction.put("in", "table", table: "named")
        }
        final class Collected { var bytes: [UInt8] = [] }
        let stream = Collected()
        try source.export { block in withByteView(of: block) { stream.bytes += $0.array } }
        let folder = try TemporaryDirectory()
        let target = try FileDatabase.open(folder.file("copy.db"))
        try target.put("old", "gone")
        let report = try target.importEntries(
            replacing: true, from: ExportReader(bytes: stream.bytes))
        #expect(report.entryCount == 3002)
        #expect(report.bulkLoadedCount == 3002)
        #expect(try target.count() == 3001)
        #expect(try target.get("old") == nil)
        let second = Collected()
        try target.export { block in withByteView(of: block) { second.bytes += $0.array } }
        #expect(second.bytes == stream.bytes)
        #expect(try target.verify().findings.isEmpty)
    }

    @Test func aCursorGoesBothWays() throws {
        let database = try InMemoryDatabase.openInMemory()
        try database.write { transaction in
            for number in 100..<400 { try transaction.put("k\(number)", "v\(number)") }
        }
        var cursor = try database.snapshot().makeCursor()
        #expect(try cursor.next())
        #expect(text(cursor.key) == "k100")
        #expect(try cursor.seek("k2500"))
        #expect(text(cursor.key) == "k251")
        #expect(try cursor.previous())
        #expect(text(try cursor.value()) == "v250")
        #expect(try cursor.seekBefore("k250"))
        #expect(text(cursor.key) == "k249")
        #expect(try cursor.last())
        #expect(try !cursor.next())
        #expect(cursor.key == nil)
        #expect(try cursor.previous())
        #expect(text(cursor.key) == "k399")
    }

    @Test func aDropAndWhatFollowsItIsReplayedAsItWas() throws {
        // The log names tables only where they change, so a drop in between must not shift them.
        let options = simulatedOptions
        let files = CrashingFileSystem()
        let database = try SimulatedDatabase.open("a.db", files: files, options: options)
        try database.write { transaction in
            try transaction.put("k", "1", table: "one")
            try transaction.put("k", "2", table: "two")
            try transaction.dropTable("one")
            try transaction.put("l", "3", table: "two")
            try transaction.put("m", "default")
            try transaction.put("k", "again", table: "one")
        }
        let again = try SimulatedDatabase.open(
            "a.db", files: files.survivors(.none), options: options)
        let snapshot = try again.snapshot()
        #expect(text(try snapshot.get("k", table: "one")) == "again")
        #expect(try snapshot.count(table: "one") == 1)
        #expect(text(try snapshot.get("l", table: "two")) == "3")
        #expect(text(try snapshot.get("m")) == "default")
        #expect(snapshot.count == 1)
        #expect(try again.verify().findings.isEmpty)
    }

    @Test func aChangeFromWithinAnIterationIsRefused() throws {
        let database = try InMemoryDatabase.openInMemory()
        let transaction = try database.begin()
        try transaction.put("a", "1")
        var refusal: StorageError.Code?
        try transaction.forEach { key, value in
            do throws(StorageError) {
                try transaction.put(key, value)
            } catch {
                refusal = error.code
            }
            return true
        }
        #expect(refusal == .busy)
        try transaction.put("b", "2")
        try transaction.commit()
        #expect(try database.count() == 2)
    }

    @Test func aLostLogIsToldFromACleanClose() throws {
        // R4: after a crash the log holds acknowledged commits, so without it open must refuse.
        let options = simulatedOptions
        let files = CrashingFileSystem()
        let database = try SimulatedDatabase.open("a.db", files: files, options: options)
        try database.put("a", "1")
        try database.checkpoint()
        try database.put("b", "2")
        let crashed = files.survivors(.none)
        try crashed.remove("a.db-wal")
        do {
            _ = try SimulatedDatabase.open("a.db", files: crashed, options: options)
            Issue.record("a database without its log was opened")
        } catch {
            #expect(error.code == .damaged)
        }
        try database.close()
        let closed = try SimulatedDatabase.open(
            "a.db", files: files.survivors(.none), options: options)
        #expect(try closed.count() == 2)
    }

    @Test func twoThatCreateAtOnceGetOneDatabase() throws {
        let options = simulatedOptions
        let files = CrashingFileSystem()
        let hasRun = Lock()
        files.beforeOperation = { operation in
            // The other comes when this one has seen that there is no database, and is done first.
            guard operation.kind == .open, operation.path == "a.db-new", hasRun.tryAcquire() else {
                return
            }
            do {
                let other = try SimulatedDatabase.open("a.db", files: files, options: options)
                try other.put("from", "the other")
                try other.close()
            } catch {
                Issue.record("the other failed: \(error)")
            }
        }
        let database = try SimulatedDatabase.open("a.db", files: files, options: options)
        #expect(text(try database.get("from")) == "the other")
        try database.close()
        #expect(files.paths == ["a.db"])
    }

    @Test func compactionPacksOnlyWhatNoSnapshotPins() throws {
        let folder = try TemporaryDirectory()
        let database = try FileDatabase.open(folder.file("my.db"))
        var random = SeededRandom(seed: 1)
        try database.write { transaction in
            for _ in 0..<20_000 { try transaction.put(random.bytes(16), random.bytes(50)) }
        }
        do {
            let snapshot = try database.snapshot()
            let pinned = try database.compact()
            #expect(!pinned.isRepacked)
            #expect(pinned.byteCountAfter < pinned.byteCountBefore + pinned.byteCountBefore / 4)
            #expect(snapshot.count == 20_000)
        }
        let free = try database.compact()
        #expect(free.isRepacked)
        #expect(free.byteCountAfter < free.byteCountBefore)
        #expect(try database.count() == 20_000)
        #expect(try database.verify().findings.isEmpty)
    }
}
