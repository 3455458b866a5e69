@_spi(Engine) import DatabaseTesting
import BTree
import PageStore
import StorageIO
import StorageIOTesting
import Testing

@_spi(Engine) @testable import KVDB

/// Catalogs whose checksums are right and whose names can't be: what lists tables says `damaged` and
/// where, never that the caller asked for the wrong thing.
@Suite struct ForgedCatalogTests: ForgedFiles {
    let files = CrashingFileSystem()

    private func error(_ body: () throws -> Void) -> StorageError? {
        do { try body() } catch { return error as? StorageError }
        return nil
    }

    /// Whatever goes through all tables.
    private func expectDamage(_ database: SimulatedDatabase) throws {
        let snapshot = try database.snapshot()
        let errors = [
            error { _ = try snapshot.tableNames() },
            error { try snapshot.export { _ in } },
            error { _ = try snapshot.composition() },
            error { try database.compact() },
            error {
                _ = try database.importEntries(replacing: true) { .end(entryCount: 0) }
            },
        ]
        for error in errors {
            #expect(error?.code == .damaged)
            #expect(error?.path == "a.db")
        }
    }

    @Test func aTableNameThatIsNotUTF8IsDamage() throws {
        let database = try SimulatedDatabase.open("a.db", files: files, options: .manual)
        try database.put("a", "1")
        try database.write { try $0.put("b", "2", table: "salvaged-1") }
        let core = database.core
        let token = try core.begin(.call, logged: false)
        let name: [UInt8] = [0xC3, 0x28]
        let place = try core.writer.create(core.tables.id(of: name))
        _ = try withByteView(of: "key") { key throws(StorageError) in
            try core.writer.change(at: place) { tree throws(StorageError) in try tree.put(key, key)
            }
        }
        core.writer.isChanged = true
        try core.commit(token, .full)

        let finding = try #require(try database.verify().findings.first)
        #expect(finding.error.code == .damaged && finding.error.page != nil)
        #expect(finding.table == name)
        try expectDamage(database)
        // What the name is not needed for goes on.
        #expect(try database.get("a") == Array("1".utf8))
        try database.write { try $0.put("c", "3", table: "other") }
        try database.close()
        #expect(try !SimulatedDatabase.verifyFile("a.db", files: files).isSound)

        // Salvage keeps the table's entries, under a name that no other table has.
        _ = try SimulatedDatabase.salvage(
            from: "a.db", to: "out.db", files: files, options: SalvageOptions())
        let salvaged = try SimulatedDatabase.open("out.db", files: files, options: .manual)
        let snapshot = try salvaged.snapshot()
        #expect(try snapshot.tableNames() == ["other", "salvaged-1", "salvaged-2"])
        #expect(try snapshot.get("key", table: "salvaged-2") == Array("key".utf8))
        #expect(try snapshot.get("b", table: "salvaged-1") == Array("2".utf8))
        #expect(try salvaged.verify().isSound)
    }

    /// Puts a key into a table of any name, with any description.
    private func forge(
        _ name: [UInt8], _ description: TableDescription = .bytes, in database: SimulatedDatabase
    ) throws {
        let core = database.core
        let token = try core.begin(.call, logged: false)
        let place = try core.writer.create(core.tables.id(of: name))
        core.noteKind(place, core.tables.kind(of: description.encoded))
        _ = try withByteView(of: "key") { key throws(StorageError) in
            try core.writer.change(at: place) { tree throws(StorageError) in try tree.put(key, key)
            }
        }
        core.writer.isChanged = true
        try core.commit(token, .full)
    }

    @Test func anIndexThatNoTableIsKeptWithIsFound() throws {
        let index = IndexSchema(
            name: "byName", isUnique: false, version: 1, keyName: "bytes", keyVersion: 1)
        let kept = TableDescription(schema: .bytes, indexes: [index])
        for (description, isSound) in [(nil, false), (.bytes, false), (kept, true)] {
            let files = CrashingFileSystem()
            let database = try SimulatedDatabase.open("a.db", files: files, options: .manual)
            let table = Array("people".utf8)
            if let description { try forge(table, description, in: database) }
            try forge(IndexName.table(of: table, index: "byName"), in: database)
            #expect(try database.verify().findings.map(\.kind) == (isSound ? [] : [.index]))
            try database.close()
            let report = try SimulatedDatabase.verifyFile("a.db", files: files)
            #expect(report.findings.map(\.kind) == (isSound ? [] : [.index]))
            guard isSound else { continue }

            // The row is gone, and what the index says of it stays.
            let opened = try SimulatedDatabase.open("a.db", files: files, options: .manual)
            let core = opened.core
            let token = try core.begin(.call, logged: false)
            let place = try core.writer.create(core.tables.id(of: table))
            _ = try withByteView(of: "key") { key throws(StorageError) in
                try core.writer.change(at: place) { tree throws(StorageError) in
                    try tree.delete(key)
                }
            }
            core.writer.isChanged = true
            try core.commit(token, .full)
            #expect(try opened.verify().findings.map(\.kind) == [.index])
            try opened.close()
        }
    }

    @Test func rootsMayClaimMoreEntriesThanANumberHolds() throws {
        let database = try SimulatedDatabase.open("a.db", files: files, options: .manual)
        try database.write { transaction in
            for table in ["one", "two"] { try transaction.put("a", "1", table: table) }
        }
        let records = try ["one", "two"].map { name in
            let core = database.core
            let id = try core.tables.id(of: Array(name.utf8))
            return try #require(try core.table(id, in: core.writer.head)).record(core.tables)
        }
        try database.close()
        var content = try bytes("a.db")
        for record in records {
            var forged = record
            forged.root.entryCount = UInt64(Int.max) - 1
            // In all versions of the catalog.
            let places = content.ranges(of: record.encoded)
            try #require(!places.isEmpty)
            for place in places {
                content.replaceSubrange(place, with: forged.encoded)
                seal(place.lowerBound / PageLayout.pageSize, in: &content)
            }
        }
        try write(content, "a.db")

        let forged = try SimulatedDatabase.open("a.db", files: files, options: .manual)
        var exported = 0
        try forged.snapshot().export { exported += $0.byteCount }
        #expect(exported > 0)
        #expect(try !forged.verify().isSound)
        let compaction = error { try forged.compact() }
        #expect(compaction == nil || compaction?.code == .damaged)
    }

    @Test func tableNamesOutOfOrderAreDamage() throws {
        let database = try SimulatedDatabase.open("a.db", files: files, options: .manual)
        try database.write { try $0.put("key", "1", table: "name first") }
        try database.write { try $0.put("key", "2", table: "name second") }
        try database.close()
        let file = try files.open("a.db", .readWrite)
        var bytes = try file.readAll()
        // Behind the first four bytes of a name, whose order is checked with each page.
        for page in 2..<bytes.count / PageLayout.pageSize {
            let start = page * PageLayout.pageSize
            for offset in start..<start + PageLayout.pageSize - 5
            where bytes[offset..<offset + 5].elementsEqual("first".utf8) {
                bytes.replaceSubrange(offset..<offset + 5, with: "third".utf8)
            }
            let sum = withByteView(of: Array(bytes[start + 4..<start + PageLayout.pageSize])) {
                CRC32C.checksum($0)
            }
            for index in 0..<4 {
                bytes[start + index] = UInt8(truncatingIfNeeded: sum >> (8 * index))
            }
        }
        try file.writeBytes(bytes)
        file.close()
        let forged = try SimulatedDatabase.open("a.db", files: files, options: .manual)
        #expect(try !forged.verify().isSound)
        try expectDamage(forged)
    }

    @Test(arguments: [LogOperation.useTable, .dropTable, .renameTable])
    func aLoggedTableNameThatIsNotUTF8IsDamage(operation: LogOperation) {
        let payload: [UInt8] = [operation.rawValue, 2, 0, 0xC3, 0x28]
        let found = error {
            try withByteView(of: payload) { view throws(StorageError) in
                var reader = OperationReader(view)
                while try reader.next() != nil {}
            }
        }
        #expect(found?.code == .damaged)
    }
}
