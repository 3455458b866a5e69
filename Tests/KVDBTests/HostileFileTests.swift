@_spi(Engine) import DatabaseTesting
import BTree
import PageStore
import StorageIO
import StorageIOTesting
import Testing
import WAL

@_spi(Engine) @testable import KVDB

/// Files that were forged or damaged so that every checksum is right again.
@Suite struct HostileFileTests {
    private var options: DatabaseOptions {
        var options = DatabaseOptions()
        options.sizeLimit = 64 << 20
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
        put(withByteView(of: covered) { CRC32C.checksum($0) }, at: start, in: &bytes)
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

    @Test(arguments: [72, 80])
    func numbersAtTheirLimitAreNotCountedOn(offset: Int) throws {
        // A superblock with a number beyond the limit would never open again.
        let files = CrashingFileSystem()
        let database = try SimulatedDatabase.open("a.db", files: files, options: options)
        try database.put("a", "1")
        try database.close()
        try forge(files, (1 << 62) - 1, at: offset)
        for _ in 0..<3 {
            let again = try SimulatedDatabase.open("a.db", files: files, options: options)
            #expect(try again.get("a") == Array("1".utf8))
            #expect(code { try again.put("b", "2") } == .damaged)
            #expect(code { try again.checkpoint() } == nil)
            _ = code { try again.close() }
        }
    }

    /// Writes `number` into the field at `offset` of the newest superblock, of a transaction into both.
    private func forge(_ files: CrashingFileSystem, _ number: UInt64, at offset: Int) throws {
        try rewrite(files) { bytes in
            let newest = bytes[72] > bytes[PageLayout.pageSize + 72] ? 0 : 1
            for slot in 0..<2 where offset == 80 || slot == newest {
                put(number, at: slot * PageLayout.pageSize + offset, in: &bytes)
                if offset == 80 { put(number, at: slot * PageLayout.pageSize + 8, in: &bytes) }
                seal(slot, in: &bytes)
            }
        }
    }

    /// What both verifications find.
    private func findings(
        _ files: CrashingFileSystem, _ database: SimulatedDatabase? = nil
    ) throws -> [VerificationReport.Finding] {
        var readOnly = options
        readOnly.access = .readOnly
        let closed = try SimulatedDatabase.verifyFile("a.db", files: files)
        let opened = try (database ?? .open("a.db", files: files, options: readOnly)).verify()
        #expect(closed.findings.map(\.kind) == opened.findings.map(\.kind))
        #expect(closed.findings.map(\.error.page) == opened.findings.map(\.error.page))
        return closed.findings
    }

    @Test(
        arguments: [72, 80, 88],
        [1, 3, 1 << 19, Superblock.countReserve, Superblock.countReserve + 8])
    func verifySeesNumbersThatHaveNoneLeft(offset: Int, left: UInt64) throws {
        // Opened and read such a file is sound, but soon nothing can be written.
        let files = CrashingFileSystem()
        let database = try SimulatedDatabase.open("a.db", files: files, options: options)
        try database.put("a", "1")
        try database.close()
        let unit: UInt64 = offset == 88 ? 1 << 20 : 1
        try forge(files, (1 << 62) - left * unit, at: offset)
        let findings = try findings(files)
        if left > Superblock.countReserve {
            #expect(findings.isEmpty)
            let again = try SimulatedDatabase.open("a.db", files: files, options: options)
            try again.put("b", "2")
            try again.close()
            return
        }
        #expect(findings.map(\.kind) == [.superblock])
        #expect((findings.first?.error.page ?? 9) < 2)
        #expect(findings.first?.expected != nil && findings.first?.found != nil)
        // The advice helps.
        #expect(findings.first?.advice == .salvage)
        let report = try SimulatedDatabase.salvage(from: "a.db", to: "b.db", files: files)
        #expect(report.entryCount == 1 && report.isComplete)
        let salvaged = try SimulatedDatabase.open("b.db", files: files, options: options)
        #expect(try salvaged.verify().isSound)
        try salvaged.put("b", "2")
        try salvaged.close()
    }

    @Test func verifySeesTransactionsOfTheLogThatHaveNoneLeft() throws {
        let files = CrashingFileSystem()
        try SimulatedDatabase.open("a.db", files: files, options: options).close()
        try forge(files, (1 << 62) - Superblock.countReserve - 4, at: 80)
        let database = try SimulatedDatabase.open("a.db", files: files, options: options)
        try database.put("a", "1")
        let before = files.survivors(.all)
        #expect(try findings(before).isEmpty)
        for number in 0..<4 { try database.put("b\(number)", "2") }
        #expect(try database.verify().findings.map(\.kind) == [.superblock])
        let after = files.survivors(.all)
        #expect(try findings(after).map(\.kind) == [.superblock])
        try database.close()
        #expect(try findings(files).map(\.kind) == [.superblock])
    }

    @Test func theHighestTableNumberIsDamage() throws {
        let database = try InMemoryDatabase.openInMemory()
        let core = database.core
        let token = try core.begin(.call, logged: false)
        try withByteView(of: "x") { name throws(StorageError) in
            try withByteView(of: TableRecord(number: .max, root: .empty).encoded) {
                record throws(StorageError) in
                _ = try core.writer.catalog.put(name, record)
            }
        }
        core.writer.isChanged = true
        try core.commit(token, .full)
        let outcome = code { try database.write { try $0.createTable("y") } }
        #expect(outcome == .damaged)
        try database.write { try $0.put("a", "1", table: "x") }
    }

    @Test func aRecordThatDropsOrRenamesTheDefaultTableIsDamage() {
        let payloads: [[UInt8]] = [
            [LogOperation.dropTable.rawValue, 0, 0],
            [LogOperation.renameTable.rawValue, 0, 0, 1, 0, 0x61],
            [LogOperation.renameTable.rawValue, 1, 0, 0x61, 0, 0],
        ]
        for payload in payloads {
            let outcome = code {
                try withByteView(of: payload) { view throws(StorageError) in
                    var reader = OperationReader(view)
                    while try reader.next() != nil {}
                }
            }
            #expect(outcome == .damaged)
        }
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
        options.usesLog = logging
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

    @Test func aReplayPositionThatNoLogHasIsDamage() throws {
        let files = CrashingFileSystem()
        let database = try SimulatedDatabase.open("a.db", files: files, options: options)
        try database.put("a", "1")
        try database.close()
        for position in [UInt64(12_345), 1 << 62, .max] {
            let forged = files.survivors(.all)
            try rewrite(forged) { bytes in
                for slot in 0..<2 {
                    put(position, at: slot * PageLayout.pageSize + 88, in: &bytes)
                    seal(slot, in: &bytes)
                }
            }
            for readOnly in [false, true] {
                var options = options
                if readOnly { options.access = .readOnly }
                let outcome = code {
                    _ = try SimulatedDatabase.open("a.db", files: forged, options: options)
                }
                #expect(outcome == .damaged)
            }
        }
    }

    @Test(arguments: [LogOperation.put, .delete, .useTable, .dropTable, .renameTable])
    func aKeyInTheLogThatIsTooLongIsDamage(operation: LogOperation) {
        var payload: [UInt8] = [operation.rawValue, 0x01, 0x04]
        if operation == .put { payload += [0, 0, 0, 0] }
        payload += [UInt8](repeating: 7, count: 1025)
        let outcome = code {
            try withByteView(of: payload) { view throws(StorageError) in
                var reader = OperationReader(view)
                while try reader.next() != nil {}
            }
        }
        #expect(outcome == .damaged)
    }

    @Test func verifySeesTableNumbersThatCannotBe() throws {
        for number in [UInt32(0), 2, .max] {
            let database = try InMemoryDatabase.openInMemory()
            try database.write { transaction in
                try transaction.put("k", "v", table: "first")
                try transaction.put("k", "v", table: "second")
            }
            let core = database.core
            let token = try core.begin(.call, logged: false)
            try withByteView(of: "first") { name throws(StorageError) in
                guard let place = try core.writer.open(core.tables.id(of: name.array)) else {
                    return
                }
                core.writer.tables[place].number = number
                core.writer.tables[place].isChanged = true
            }
            core.writer.isChanged = true
            try core.commit(token, .full)
            #expect(try !database.verify().isSound, "table number \(number)")
        }
    }

    @Test func r1APageThatClaimsToBeOfTheNextTransactionIsNotChangedInPlace() throws {
        let files = CrashingFileSystem()
        let database = try SimulatedDatabase.open("a.db", files: files, options: options)
        try database.write { transaction in
            for number in 0..<500 { try transaction.put("key\(number)", "some value") }
        }
        try database.close()
        var forged = 0
        try rewrite(files) { bytes in
            let slot = bytes[72] > bytes[PageLayout.pageSize + 72] ? 0 : PageLayout.pageSize
            for page in 2..<bytes.count / PageLayout.pageSize
            where bytes[page * PageLayout.pageSize + 16] == 1
                && UInt8(page) != bytes[slot + 104]
            {
                put(UInt64(bytes[slot + 80]) + 1, at: page * PageLayout.pageSize + 8, in: &bytes)
                seal(page, in: &bytes)
                forged += 1
            }
        }
        #expect(forged > 2)
        let again = try SimulatedDatabase.open("a.db", files: files, options: options)
        // An aborted transaction leaves its number to the next.
        let transaction = try again.begin()
        transaction.abort()
        #expect(code { _ = try again.get("key7") } == .damaged)
        #expect(code { try again.put("key7", "another") } == .damaged)
        #expect(code { try again.deleteRange(.all) } == .damaged)
    }
}
