import StorageIO
import StorageIOTesting
import Testing

@_spi(Engine) @testable import KVDB

/// Entries that an import is lent, one by one.
@Suite struct LentImportTests {
    private func add(
        _ number: Int, _ add: (ByteView, ByteView) throws(StorageError) -> Void
    ) throws(StorageError) {
        let key = Array("key \(100_000 + number)".utf8)
        let value = [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: number % 3000)
        try withByteView(of: key) { key throws(StorageError) in
            try withByteView(of: value) { value throws(StorageError) in try add(key, value) }
        }
    }

    @Test func everyEntryIsThereAndPacked() throws {
        let folder = try TemporaryDirectory()
        let database = try FileDatabase.open(folder.file("my.db"))
        let report = try database.importEntries(replacing: false) { (entry) throws(StorageError) in
            for number in 0..<4000 { try add(number, entry) }
        }
        #expect(report == ImportReport(entryCount: 4000, bulkLoadedCount: 4000))
        #expect(try database.verify().isSound)
        try database.close()
        let again = try FileDatabase.open(folder.file("my.db"))
        #expect(try again.count() == 4000)
        for number in [0, 1, 1999, 3999] {
            let value = try again.get("key \(100_000 + number)")
            #expect(value?.count == number % 3000)
        }
    }

    @Test func entriesOutOfOrderAreMerged() throws {
        let database = try InMemoryDatabase.openInMemory()
        try database.put("key 100007", "old")
        let report = try database.importEntries(replacing: false) { (entry) throws(StorageError) in
            for number in [5, 9, 7, 5] { try add(number, entry) }
        }
        #expect(report.entryCount == 4)
        #expect(try database.count() == 3)
        #expect(try database.get("key 100007")?.count == 7)
        try database.importEntries(replacing: true) { (entry) throws(StorageError) in
            try add(1, entry)
        }
        #expect(try database.count() == 1)
    }

    @Test func anErrorUndoesAll() throws {
        let database = try InMemoryDatabase.openInMemory()
        try database.put("here", "before")
        do throws(StorageError) {
            try database.importEntries(replacing: true) { (entry) throws(StorageError) in
                for number in 0..<100 { try add(number, entry) }
                let long = [UInt8](repeating: 1, count: 5000)
                try withByteView(of: long) { (key) throws(StorageError) in try entry(key, key) }
            }
            Issue.record("a key of 5000 bytes was taken")
        } catch {
            #expect(error.code == .keyTooLong)
        }
        #expect(try database.count() == 1)
        #expect(try database.get("here") == Array("before".utf8))
        #expect(try database.verify().isSound)
    }
}
