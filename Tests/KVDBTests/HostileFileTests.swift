import DatabaseTesting
import BTree
import PageStore
import StorageIO
import StorageIOTesting
import Testing
import WAL

@testable import KVDB

/// Files that were forged or damaged so that every checksum is right again.
@Suite struct HostileFileTests {
    private var options: DatabaseOptions {
        var options = DatabaseOptions()
        options.maximumFileSize = 64 << 20
        options.checkpointPolicy = .manual
        return options
    }

    private func code(_ body: () throws -> Void) -> StorageError.Code? {
        do { try body() } catch { return (error as? StorageError)?.code }
        return nil
    }

    private func put<Value: FixedWidthInteger>(
        _ value: Value, at offset: Int, in bytes: inout [UInt8]
    ) {
        for index in 0..<MemoryLayout<Value>.size {
            bytes[offset + index] = UInt8(truncatingIfNeeded: value >> (8 * index))
        }
    }

    private func seal(_ page: Int, in bytes: inout [UInt8]) {
        let start = page * PageLayout.pageSize
        let covered = Array(bytes[start + 4..<start + PageLayout.pageSize])
        put(covered.withByteView { CRC32C.checksum($0) }, at: start, in: &bytes)
    }

    private func rewrite(
        _ files: CrashingFileSystem, _ change: (inout [UInt8]) -> Void
    ) throws {
        let file = try files.open("a.db", .readWrite)
        defer { file.close() }
        var bytes = try file.readAll()
        change(&bytes)
        try file.writeBytes(bytes)
        try file.sync()
    }

    @Test func anOverflowRunBeyondTheLastPageNumberIsDamage() throws {
        let files = CrashingFileSystem()
        let database = try SimulatedDatabase.open("a.db", files: files, options: options)
        try database.put("big", [UInt8](repeating: 7, count: 10_000))
        try database.close()
        var patched = 0
        try rewrite(files) { bytes in
            // u16 mark, u32 page, u32 length 10,000
            for offset in 2 * PageLayout.pageSize..<bytes.count - 10
            where bytes[offset] == 0xFF && bytes[offset + 1] == 0xFF
                && Array(bytes[offset + 6..<offset + 10]) == [0x10, 0x27, 0, 0]
            {
                put(UInt32.max, at: offset + 2, in: &bytes)
                seal(offset / PageLayout.pageSize, in: &bytes)
                patched += 1
            }
        }
        #expect(patched > 0)
        let again = try SimulatedDatabase.open("a.db", files: files, options: options)
        #expect(code { _ = try again.get("big") } == .damaged)
        #expect(try !again.verify().isSound)
        #expect(code { try again.delete("big") } == .damaged)
        #expect(code { try again.deleteRange(.all) } == .damaged)
        #expect(code { try again.compact() } == .damaged)
        try again.put("other", "fine")
        try again.close()
    }

    @Test(arguments: [8, 72, 80])
    func numbersAboutToOverflowAreDamage(offset: Int) throws {
        let files = CrashingFileSystem()
        let database = try SimulatedDatabase.open("a.db", files: files, options: options)
        try database.put("a", "1")
        try database.close()
        try rewrite(files) { bytes in
            for slot in 0..<2 {
                let start = slot * PageLayout.pageSize
                put(UInt64.max - 2, at: start + offset, in: &bytes)
                // The header's birth and the transaction go together.
                if offset == 80 { put(UInt64.max - 2, at: start + 8, in: &bytes) }
                seal(slot, in: &bytes)
            }
        }
        let outcome = code {
            let again = try SimulatedDatabase.open("a.db", files: files, options: options)
            for number in 0..<4 {
                try again.put("key\(number)", "x")
                try again.checkpoint()
            }
            try again.close()
        }
        #expect(outcome == .damaged)
    }

    @Test func theHighestTableNumberIsDamage() throws {
        let database = try InMemoryDatabase.openInMemory()
        let core = database.core
        try core.beginTransaction(timeoutSeconds: nil)
        try "x".withByteView { name throws(StorageError) in
            try TableRecord(number: .max, root: .empty).encoded.withByteView {
                record throws(StorageError) in
                _ = try core.writer.catalog.put(name, record)
            }
        }
        core.writer.operations.abandon()
        core.writer.isChanged = true
        try core.commit(.full)
        let outcome = code { try database.write { try $0.createTable("y") } }
        #expect(outcome == .damaged)
        try database.write { try $0.put("a", "1", table: "x") }
    }

    @Test func aRecordThatDropsTheDefaultTableIsDamage() {
        let payload: [UInt8] = [LogOperation.dropTable.rawValue, 0, 0]
        let outcome = code {
            try payload.withByteView { view throws(StorageError) in
                var reader = OperationReader(view)
                while try reader.next() != nil {}
            }
        }
        #expect(outcome == .damaged)
    }

    @Test func aBlankSlotAfterTheSecondCheckpointIsDamage() throws {
        // R4: the other slot holds an older state, which must not be taken for the newest.
        let files = CrashingFileSystem()
        for number in 0..<4 {
            let database = try SimulatedDatabase.open("a.db", files: files, options: options)
            try database.put("key\(number)", "x")
            try database.close()
        }
        for slot in 0..<2 {
            let damaged = files.survivors(.all)
            try rewrite(damaged) { bytes in
                for offset in 0..<PageLayout.pageSize {
                    bytes[slot * PageLayout.pageSize + offset] = 0
                }
            }
            let outcome = code {
                let again = try SimulatedDatabase.open("a.db", files: damaged, options: options)
                #expect(try again.count() == 4)
            }
            #expect(outcome == .damaged || outcome == .truncated)
        }
    }

    @Test(arguments: [false, true])
    func anOlderCheckpointWhosePagesAreGoneIsDamage(logging: Bool) throws {
        // R4: either the newest state or an error, never a mixture.
        var options = options
        options.logging = logging
        options.dirtyBudget = 16 << 10
        let files = CrashingFileSystem()
        let database = try SimulatedDatabase.open("a.db", files: files, options: options)
        for round in 0..<3 {
            try database.write { transaction in
                for number in 0..<2000 { try transaction.put("key\(number)", "value\(round)") }
            }
            try database.checkpoint()
        }
        // Written out early, over pages that only the older checkpoint needed.
        let transaction = try database.begin()
        for number in 0..<2000 { try transaction.put("key\(number)", "never") }
        let crashed = files.survivors(.all)
        transaction.abort()
        var newest = 0
        var newestGeneration = 0
        try rewrite(crashed) { bytes in
            for slot in 0..<2 {
                let generation = Int(bytes[slot * PageLayout.pageSize + 72])
                if generation > newestGeneration { (newest, newestGeneration) = (slot, generation) }
            }
            bytes[newest * PageLayout.pageSize + 100] ^= 1
        }
        let outcome = code {
            let again = try SimulatedDatabase.open("a.db", files: crashed, options: options)
            #expect(try again.verify().isSound)
            try again.forEach { _, value in
                #expect(value.array == Array("value2".utf8))
                return true
            }
        }
        #expect(outcome == .damaged || outcome == .truncated)
    }

    @Test func aTornSuperblockFallsBackToTheOneBefore() throws {
        // The pages of the older checkpoint are all there, and the log has the rest.
        let files = CrashingFileSystem()
        let database = try SimulatedDatabase.open("a.db", files: files, options: options)
        for number in 0..<500 { try database.put("key\(number)", "1", durability: .written) }
        try database.checkpoint()
        for number in 0..<500 { try database.put("key\(number)", "2", durability: .written) }
        try database.sync()
        let crashed = files.survivors(.all)
        // The slot that the next checkpoint would write.
        try rewrite(crashed) { bytes in
            let first = bytes[72]
            let second = bytes[PageLayout.pageSize + 72]
            bytes[(first > second ? PageLayout.pageSize : 0) + 100] ^= 1
        }
        let again = try SimulatedDatabase.open("a.db", files: crashed, options: options)
        #expect(try again.count() == 500)
        #expect(try again.get("key77") == Array("2".utf8))
        #expect(try again.verify().findings.isEmpty)
    }
}
