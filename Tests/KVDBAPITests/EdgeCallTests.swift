import Foundation
import StorageIO
import StorageIOTesting
import Testing

@_spi(Engine) @testable import KVDB

/// Calls that somebody who is in a hurry makes, each with its right answer.
@Suite struct EdgeCallTests {
    private func folder() throws -> String {
        let folder = FileManager.default.temporaryDirectory.path + "/kvdb-edge-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        return folder
    }

    private func filled(_ count: Int) throws -> Database {
        let database = try Database(inMemory: .init())
        for number in 0..<count { try database.put("value", for: "key \(number)") }
        return database
    }

    @Test func anExportReplacesNoPipe() throws {
        let folder = try folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        #expect(unsafe mkfifo(folder + "/pipe", 0o600) == 0)
        let database = try filled(3)
        #expect(throws: StorageError.self) { try database.export(to: folder + "/pipe") }
        var status = stat()
        #expect(unsafe stat(folder + "/pipe", &status) == 0 && status.st_mode & S_IFMT == S_IFIFO)
        #expect(!FileManager.default.fileExists(atPath: folder + "/pipe-draft"))
    }

    @Test func anExportReplacesNoOpenDatabase() throws {
        let folder = try folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let open = try Database(at: folder + "/open.kvdb")
        try open.put("value", for: "key")
        let database = try filled(3)
        let error = #expect(throws: StorageError.self) {
            try database.export(to: folder + "/open.kvdb")
        }
        #expect(error?.code == .locked)
        try open.put("other", for: "key")
        try open.close()
        let again = try Database(at: folder + "/open.kvdb")
        #expect(try again.get("key") == Array("other".utf8))
        try again.close()
        // A file that nobody has open is replaced, also twice.
        #expect(try database.export(to: folder + "/a.tkdb") == 3)
        #expect(try database.export(to: folder + "/a.tkdb") == 3)
    }

    @Test func anExportThatWasReadIsNotImported() throws {
        var bytes: [UInt8] = []
        try filled(10).export { bytes += [UInt8](copying: $0) }
        for read in [1, 5, 11] {
            let reader = ExportReader(bytes: bytes)
            for _ in 0..<read { _ = try reader.next() }
            let database = try filled(2)
            let error = #expect(throws: StorageError.self) { try database.import(from: reader) }
            #expect(error?.code == .invalidArgument)
            #expect(try database.count == 2)
        }
    }

    @Test func anUpdateThatLeavesNilDeletes() throws {
        let database = try Database(inMemory: .init())
        try database.write { transaction in
            let table = transaction[Table<String, UInt64>("numbers")]
            try table.update("key") { value in
                #expect(value == nil)
                try table.put(7, for: "key")
            }
            #expect(try table.get("key") == nil)
        }
    }

    @Test func aDeleteCountsWhatItDeletes() throws {
        let database = try Database(inMemory: .init())
        try database.write { transaction in
            let table = transaction[Table<String, UInt64>("numbers")]
            for number in 0..<10 { try table.put(UInt64(number), for: "key \(number)") }
            let deleted = try table.delete(in: .all) { key, _ in
                try table.delete(key)
                return true
            }
            #expect(deleted == 0)
            #expect(try table.count == 0)
        }
    }

    @Test func indexesOnTheDefaultTableAreRefusedInWords() throws {
        let database = try Database(inMemory: .init())
        let index = Index<[UInt8], [UInt8], UInt64>("size") { _, value in UInt64(value.count) }
        let table = Table<[UInt8], [UInt8]>("", indexes: index)
        let error = #expect(throws: StorageError.self) {
            try database.write { transaction in try transaction[table].put([1], for: [1]) }
        }
        #expect(error?.code == .invalidArgument)
        #expect(error?.message.contains("default table") == true)
    }

    @Test func pairsWithoutNamesAreLoaded() async throws {
        let database = try Database(inMemory: .init())
        let table = database[Table<String, UInt64>("numbers")]
        let pairs: [(String, UInt64)] = [("a", 1), ("b", 2)]
        #expect(try await table.load(pairs).entryCount == 2)
        #expect(try await table.load([("c", 3)]).entryCount == 1)
        #expect(try table.count == 3)
    }

    @Test func pairsWithoutNamesAreLoadedByTheBlockingCall() throws {
        let database = try Database(inMemory: .init())
        let table = database[Table<String, UInt64>("numbers")]
        let pairs: [(String, UInt64)] = [("a", 1), ("b", 2)]
        #expect(try table.load(pairs).entryCount == 2)
        #expect(try table.load([("c", 3)]).entryCount == 1)
        #expect(try table.count == 3)
    }

    @Test func aReaderThatFailedReadsOn() throws {
        // The complement of a string without its end.
        let bytes: [UInt8] = [~0x61, ~0x62]
        unsafe bytes.withUnsafeBytes { buffer in
            var reader = unsafe KeyReader(buffer)
            var failure: StorageError?
            do throws(StorageError) {
                _ = try Descending<String>(from: &reader)
            } catch {
                failure = error
            }
            #expect(failure?.code == .undecodable)
            #expect(reader.mask == 0)
        }
    }
}
