@_spi(Engine) import DatabaseTesting
import BTree
import Foundation
import PageStore
import StorageIO
import StorageIOTesting
import Testing
import WAL

@_spi(Engine) @testable import KVDB

/// `Docs/RecordFormat.md` against the code, in both directions.
@Suite struct RecordFormatTests {
    /// The bytes that the page prints below a heading.
    private static func documentedBytes(below heading: String) throws -> [UInt8] {
        let page = URL(fileURLWithPath: #filePath)
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Docs/RecordFormat.md")
        var bytes: [UInt8] = []
        var isBelow = false
        for line in try String(contentsOf: page, encoding: .utf8).split(separator: "\n") {
            if line.hasPrefix("#") { isBelow = line.hasSuffix("# " + heading) }
            // Lines like `0040  xx xx … xx  |text|`.
            let fields = line.split(separator: "|")[0].split(separator: " ")
            guard isBelow, let offset = fields.first, offset.count == 4,
                Int(offset, radix: 16) == bytes.count
            else { continue }
            bytes += fields.dropFirst().compactMap { UInt8($0, radix: 16) }
        }
        return bytes
    }

    private static func length(_ value: Int, bytes: Int) -> [UInt8] {
        (0..<bytes).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }

    private static func text(_ text: String) -> [UInt8] {
        length(text.utf8.count, bytes: 2) + Array(text.utf8)
    }

    private static func put(_ key: String, _ value: String) -> [UInt8] {
        [1] + length(key.utf8.count, bytes: 2) + length(value.utf8.count, bytes: 4)
            + Array(key.utf8) + Array(value.utf8)
    }

    /// The example by hand, from the tables of the page.
    private static let handmadeRecord: [UInt8] =
        put("apple", "red") + ([2] + text("pear")) + ([4] + text("stock")) + put("apple", "")
        + ([3, 1] + text("b")) + ([5] + text("old")) + put("", "!")

    @Test func theLogRecordOnThePageFollowsItsTables() throws {
        let documented = try Self.documentedBytes(below: "Example of a log record")
        #expect(documented == Self.handmadeRecord)
    }

    @Test func theCodeWritesTheLogRecord() throws {
        let names = TableSet()
        let buffer = OperationWriter(limit: 1000, names: names)
        buffer.reset(logged: true)
        let stock = try names.id(of: Array("stock".utf8))
        func with(_ text: String, _ body: (ByteView) -> Void) {
            withByteView(of: Array(text.utf8), body)
        }
        with("apple") { apple in
            with("red") { buffer.put(.main, apple, $0) }
            with("pear") { buffer.delete(.main, $0) }
            with("") { buffer.put(stock, apple, $0) }
        }
        buffer.deleteRange(stock, .from("b"))
        buffer.dropTable(try names.id(of: Array("old".utf8)))
        with("") { empty in with("!") { buffer.put(.main, empty, $0) } }
        #expect(buffer.isComplete)
        #expect(buffer.bytes.array == Self.handmadeRecord)
    }

    @Test func theCodeReadsTheLogRecord() throws {
        func text(_ view: ByteView) -> String { String(decoding: view.array, as: UTF8.self) }
        var read: [String] = []
        try withByteView(of: Self.handmadeRecord) { payload throws(StorageError) in
            var reader = OperationReader(payload)
            while let operation = try reader.next() {
                switch operation {
                case .put(let key, let value): read.append("put \(text(key)) \(text(value))")
                case .delete(let key): read.append("delete \(text(key))")
                case .deleteRange(let from, let to):
                    read.append("range \(from.map(text) ?? "-") \(to.map(text) ?? "-")")
                case .useTable(let name): read.append("use \(text(name))")
                case .dropTable(let name): read.append("drop \(text(name))")
                case .renameTable(let from, let to):
                    read.append("rename \(text(from)) \(text(to))")
                case .describeTable: read.append("describe")
                }
            }
        }
        #expect(
            read == [
                "put apple red", "delete pear", "use stock", "put apple ", "range b -", "drop old",
                "put  !",
            ])
    }

    @Test func aRenamedTableIsLoggedByItsNames() throws {
        let names = TableSet()
        let buffer = OperationWriter(limit: 1000, names: names)
        buffer.reset(logged: true)
        let (old, new) = (try names.id(of: [0x6F]), try names.id(of: [0x6E, 0x77]))
        withByteView(of: [0x6B]) { buffer.put(old, $0, $0) }
        buffer.renameTable(old, to: new)
        withByteView(of: [0x6B]) { buffer.delete(.main, $0) }
        let record: [UInt8] = [
            4, 1, 0, 0x6F, 1, 1, 0, 1, 0, 0, 0, 0x6B, 0x6B, 6, 1, 0, 0x6F, 2, 0, 0x6E, 0x77, 2, 1,
            0, 0x6B,
        ]
        #expect(buffer.bytes.array == record)
        try withByteView(of: record) { payload throws(StorageError) in
            var reader = OperationReader(payload)
            _ = try reader.next()
            _ = try reader.next()
            guard case .renameTable(let from, let to) = try reader.next() else {
                Issue.record("no renamed table")
                return
            }
            #expect(from.array == [0x6F] && to.array == [0x6E, 0x77])
        }
    }

    @Test func everyCutLogRecordIsDamagedOrShorter() {
        for count in 0..<Self.handmadeRecord.count {
            withByteView(of: Array(Self.handmadeRecord.prefix(count))) { payload in
                var reader = OperationReader(payload)
                do throws(StorageError) {
                    while try reader.next() != nil {}
                    // Only where one operation ends and the next begins.
                    #expect([0, 15, 22, 30, 42, 47, 53].contains(count), "cut to \(count) bytes")
                } catch {
                    #expect(error.code == .damaged)
                }
            }
        }
    }

    @Test func theTableRecordFollowsThePage() throws {
        let record = TableRecord(
            number: 7, root: TreeRoot(page: 0x1234, height: 3, entryCount: 1_000_000))
        var handmade: [UInt8] = Self.length(7, bytes: 4) + Self.length(0x1234, bytes: 4) + [3]
        handmade += [UInt8](repeating: 0, count: 7) + Self.length(1_000_000, bytes: 8)
        #expect(try Self.documentedBytes(below: "Example of a table record") == handmade)
        #expect(record.encoded == handmade)
        let decoded = try withByteView(of: handmade) { view throws(StorageError) in
            try TableRecord(view)
        }
        #expect(decoded == record)
    }

    private static let description = TableDescription(
        schema: TableSchema(
            keyName: "string", keyVersion: 1, valueName: "user", valueVersion: 2),
        indexes: [
            IndexSchema(
                name: "email", isUnique: true, version: 3, keyName: "string", keyVersion: 1)
        ])

    @Test func theTableDescriptionFollowsThePage() throws {
        func name(_ text: String) -> [UInt8] { [UInt8(text.utf8.count)] + Array(text.utf8) }
        let handmade: [UInt8] =
            [1] + Self.length(1, bytes: 4) + name("string") + Self.length(2, bytes: 4)
            + name("user")
            + [1] + Self.length(3, bytes: 4) + name("email") + Self.length(1, bytes: 4)
            + name("string")
        #expect(try Self.documentedBytes(below: "Example of a table description") == handmade)
        #expect(Self.description.encoded == handmade)
        let record = TableRecord(number: 3, root: .empty, description: handmade)
        let decoded = try withByteView(of: record.encoded) { view throws(StorageError) in
            try TableRecord(view)
        }
        #expect(decoded == record && TableDescription.bytes.encoded.isEmpty)
        #expect(try Self.decode(handmade) == Self.description && Self.decode([]) == .bytes)
    }

    private static func decode(_ bytes: [UInt8]) throws(StorageError) -> TableDescription {
        try withByteView(of: bytes) { view throws(StorageError) in try TableDescription(view) }
    }

    @Test func everyOtherTableDescriptionIsRefused() {
        let sound = Self.description.encoded
        var bad = (1..<sound.count).filter { $0 != 21 }.map { Array(sound.prefix($0)) }
        // Trailing bytes, no index flag, not UTF-8, an index twice, a description of bytes, too long.
        bad += [sound + [0], sound.map { $0 == 0x65 ? 0xFF : $0 }, sound + sound.dropFirst(21)]
        bad.append([1, 1, 0, 0, 0, 5] + "bytes".utf8 + [1, 0, 0, 0, 5] + "bytes".utf8)
        var flagged = sound
        flagged[21] = 2
        bad.append(flagged)
        let many = (10..<99).map {
            IndexSchema(
                name: "\($0)", isUnique: false, version: 1, keyName: "string", keyVersion: 1)
        }
        bad.append(TableDescription(schema: Self.description.schema, indexes: many).encoded)
        for bytes in bad {
            let error = #expect(throws: StorageError.self, "\(bytes)") { try Self.decode(bytes) }
            #expect(error?.code == .damaged)
        }
        var newer = sound
        newer[0] = 2
        let error = #expect(throws: StorageError.self) { try Self.decode(newer) }
        #expect(error?.code == .unsupportedFormat)
    }

    @Test func aDescribedTableIsLogged() throws {
        let names = TableSet()
        let buffer = OperationWriter(limit: 1000, names: names)
        buffer.reset(logged: true)
        let encoded = Self.description.encoded
        buffer.describe(try names.id(of: [0x6F]), encoded)
        #expect(
            buffer.bytes.array == [4, 1, 0, 0x6F, 7, UInt8(encoded.count), 0] + encoded)
        try withByteView(of: buffer.bytes.array) { payload throws(StorageError) in
            var reader = OperationReader(payload)
            _ = try reader.next()
            guard case .describeTable(let read) = try reader.next() else {
                Issue.record("no description")
                return
            }
            #expect(read == Self.description)
        }
    }

    @Test func aTableRecordThatContradictsItselfIsDamaged() {
        let sound = TableRecord(number: 1, root: TreeRoot(page: 9, height: 1, entryCount: 5))
            .encoded
        var noHeight = sound
        noHeight[8] = 0
        var noRoot = sound
        noRoot[4] = 0
        var entriesInNothing = noRoot
        entriesInNothing[8] = 0
        for bytes in [noHeight, noRoot, entriesInNothing, sound + [0], Array(sound.dropLast()), []]
        {
            let error = #expect(throws: StorageError.self) {
                try withByteView(of: bytes) { view throws(StorageError) in _ = try TableRecord(view)
                }
            }
            #expect(error?.code == .damaged)
        }
    }

    /// R4: replay puts each operation into the table that it was for, whatever was dropped before it.
    @Test func operationsAfterADropReplayIntoTheirTable() throws {
        let files = CrashingFileSystem()
        typealias Crashing = DatabaseEngine<
            FilePageStore<CrashingFile>, WriteAheadLog<CrashingFileSystem>
        >
        var options = DatabaseOptions()
        options.checkpointPolicy = .manual
        let database = try Crashing.open("my.db", files: files, options: options)
        try database.write { transaction in
            try transaction.put("k", "old", table: "other")
        }
        try database.write { transaction in
            try transaction.put("k", "1", table: "kept")
            try transaction.dropTable("other")
            try transaction.put("k", "2", table: "kept")
            try transaction.dropTable("kept")
            try transaction.put("k", "3", table: "kept")
        }
        // The process dies here: nothing is closed, no checkpoint was made.
        let reopened = try Crashing.open(
            "my.db", files: files.survivors(.all), options: options)
        let snapshot = try reopened.snapshot()
        #expect(try snapshot.tableNames() == ["kept"])
        #expect(try snapshot.get("k", table: "kept") == Array("3".utf8))
        #expect(snapshot.count == 0)
    }

    /// A caller's bounds may be longer than the length field of a record can say.
    @Test(arguments: [1025, 65_535, 65_536, 200_000])
    func boundsLongerThanAnyKeyReplay(byteCount: Int) throws {
        let files = CrashingFileSystem()
        var options = DatabaseOptions()
        options.checkpointPolicy = .manual
        let longest = [UInt8](repeating: 9, count: 1024)
        let bound = [UInt8](repeating: 9, count: byteCount)
        for isLower in [false, true] {
            let path = "my\(isLower).db"
            let database = try SimulatedDatabase.open(path, files: files, options: options)
            try database.write { transaction in
                for key in [[8], [9], longest, [9, 10], [10]] { try transaction.put(key, "x") }
            }
            let range = isLower ? KeyRange(from: bound) : KeyRange(upTo: bound)
            #expect(try database.deleteRange(range) == (isLower ? 2 : 3))
            let reopened = try SimulatedDatabase.open(
                path, files: files.survivors(.all), options: options)
            var keys: [[UInt8]] = []
            try reopened.forEach { key, _ in
                keys.append(key.array)
                return true
            }
            #expect(keys == (isLower ? [[8], [9], longest] : [[9, 10], [10]]))
        }
    }
}
