@_spi(Engine) import DatabaseTesting
import StorageIO
import StorageIOTesting
import Testing

@_spi(Engine) @testable import KVDB

/// Work on many tables in one transaction is linear in their number, counted in names compared and
/// catalogs read.
@Suite struct ManyTablesTests {
    private func name(_ number: Int) -> String { "table \(number)" }

    private func options() -> DatabaseOptions {
        var options = DatabaseOptions.small
        options.dirtyBudget = 1 << 20
        options.logBudget = 1 << 20
        options.durability = .buffered
        return options
    }

    @Test func oneTransactionOpensManyTables() throws {
        let count = 3000
        let database = try SimulatedDatabase.open(on: CrashingFileSystem(), options())
        try database.write { transaction in
            for number in 0..<count { try transaction.put("k", "v", table: name(number)) }
        }
        let writer = database.core.writer
        #expect(writer.catalogReadCount == 1)
        #expect(writer.names.comparisonCount < 3 * count)
        let before = writer.names.comparisonCount
        try database.write { transaction in
            for number in 0..<count { try transaction.put("l", "w", table: name(number)) }
            for number in 0..<count { try transaction.delete("k", table: name(number)) }
            for number in 0..<count / 2 { try transaction.dropTable(name(2 * number)) }
        }
        #expect(writer.names.comparisonCount - before < 5 * count)
        #expect(writer.catalogReadCount == 1)
        let snapshot = try database.snapshot()
        #expect(try snapshot.tableNames().count == count / 2)
        #expect(try snapshot.get("l", table: name(1)) == Array("w".utf8))
        try database.checkSound()
    }

    /// A number that was read after a drop must not outlive the abort that brings the table back.
    /// - Parameter putsAfter: whether a put that changes a page where it is takes the aborted transaction's
    ///   number.
    @Test(arguments: [false, true])
    func anAbortedDropGivesNoNumberTwice(putsAfter: Bool) throws {
        struct Abort: Error {}
        let files = CrashingFileSystem()
        var database = try SimulatedDatabase.open(on: files, options())
        for number in 0..<3 { try database.write { try $0.put("k", "v", table: name(number)) } }
        try database.close()
        // The reopened handle has not read the catalog for a number yet.
        database = try SimulatedDatabase.open(on: files, options())
        if putsAfter { try database.put("k", "v", durability: .written) }
        #expect(throws: Abort.self) {
            try database.write { transaction in
                try transaction.dropTable(name(1))
                try transaction.dropTable(name(2))
                try transaction.put("k", "v", table: name(3))
                throw Abort()
            }
        }
        if putsAfter {
            let writer = database.core.writer
            let page = writer.head.main.page
            try database.put("k", "w", durability: .written)
            try #require(
                writer.head.main.page == page && writer.transaction < writer.head.transaction + 1)
        }
        for number in 4..<7 { try database.write { try $0.put("k", "v", table: name(number)) } }
        try database.checkSound()
        #expect(try database.snapshot().tableNames().count == 6)
    }

    @Test func anImportAndACompactionTakeEachTableOnce() throws {
        let count = 3000
        var bytes: [UInt8] = []
        let exporter = ExportWriter { block in withByteView(of: block) { bytes += $0.array } }
        for number in 10_000..<10_000 + count {
            try withByteView(of: name(number)) { view throws(StorageError) in
                try exporter.beginTable(view)
            }
        }
        try exporter.finish()
        let database = try SimulatedDatabase.open(on: CrashingFileSystem(), options())
        try database.importEntries(replacing: true, from: ExportReader(bytes: bytes))
        let writer = database.core.writer
        #expect(writer.names.comparisonCount < 4 * count)
        #expect(writer.catalogReadCount == 1)
        let before = writer.names.comparisonCount
        try database.compact()
        #expect(writer.names.comparisonCount - before < 4 * count)
        #expect(try database.snapshot().tableNames().count == count)
        try database.checkSound()
    }

    /// The index against a dictionary.
    @Test(arguments: Seeds.first(10)) func theIndexFindsEachName(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var index = NameIndex()
        var names: [[UInt8]] = []
        for _ in 0..<3000 {
            let name = numberKey(random.below(400))
            let place = names.firstIndex(of: name)
            #expect(index.index(of: name) == place, "\(Seeds.again(seed))")
            if let place {
                #expect(index.name(at: place) == name)
            } else {
                index.append(name)
                names.append(name)
            }
            #expect(index.count == names.count)
        }
    }

    /// Numbers stay different when a transaction that made tables was aborted.
    @Test func numbersOfTablesStayDifferent() throws {
        let files = CrashingFileSystem()
        var database = try SimulatedDatabase.open(on: files, options())
        for round in 0..<20 {
            let transaction = try database.begin()
            for number in 0..<5 { try transaction.createTable(name(round * 5 + number)) }
            if round % 3 == 1 { transaction.abort() } else { try transaction.commit() }
            if round % 5 == 4 {
                try database.close()
                database = try SimulatedDatabase.open(on: files, options())
            }
        }
        try database.checkSound()
        #expect(try database.snapshot().tableNames().count == 13 * 5)
    }

    /// Names that look the same are two tables, and both can be told apart by their bytes.
    @Test func namesThatLookTheSameAreTwoTables() throws {
        let database = try SimulatedDatabase.open(on: CrashingFileSystem(), options())
        try database.write { transaction in
            try transaction.put("k", "1", table: "\u{e9}")
            try transaction.put("k", "2", table: "e\u{301}")
        }
        let snapshot = try database.snapshot()
        #expect(Set(try snapshot.tableNames()).count == 1)
        #expect(try snapshot.tableNameBytes() == [[0x65, 0xCC, 0x81], [0xC3, 0xA9]])
        #expect(try snapshot.get("k", table: "\u{e9}") == Array("1".utf8))
        #expect(try snapshot.get("k", table: "e\u{301}") == Array("2".utf8))
    }
}
