import KVDB
import StorageIO
import StorageIOTesting
import Testing

/// What is recorded about the types of a table, and who is refused by it.
struct TableTypeTests {
    private let numbers = Table<String, UInt64>("n")
    private let texts = Table<String, String>("n")
    private let bytes = Table<[UInt8], [UInt8]>("n")

    /// Checks that every call of another type's handle is refused by an error that says both types.
    private func expectRefusal(
        _ database: Database, _ location: SourceLocation = #_sourceLocation
    ) throws {
        func refused(_ body: () throws -> Void) {
            let error = #expect(throws: StorageError.self, sourceLocation: location) {
                try body()
            }
            #expect(error?.code == .wrongType, sourceLocation: location)
            let message = error?.message ?? ""
            #expect(
                message.contains("u64") && message.contains("values string"),
                "\(message)", sourceLocation: location)
        }
        let wrong = database[texts]
        refused { _ = try wrong.get("a") }
        refused { try wrong.put("1", for: "a") }
        refused { try wrong.delete("a") }
        refused { try wrong.delete(in: .all) }
        refused { try wrong.load([(key: "b", value: "1")]) }
        refused { _ = try wrong.count }
        refused { _ = try database.snapshot()[texts] }
        try database.write { transaction in
            let wrong = transaction[texts]
            refused { _ = try wrong.get("a") }
            refused { _ = try wrong.cursor() }
            refused { try wrong.insert("1", for: "x") }
            refused { try wrong.delete("a") }
            refused { try transaction.create(texts) }
            // A refused call takes nothing away from the transaction.
            try transaction[numbers].put(2, for: "b")
        }
        #expect(try database[numbers].get("b") == 2, sourceLocation: location)
        // Bytes may be read, and not be changed.
        #expect(
            try database[bytes].get(Array("a".utf8)) == [1, 0, 0, 0, 0, 0, 0, 0],
            sourceLocation: location)
        for change in [
            { try database[bytes].put([1], for: [1]) },
            { try database[bytes].delete(in: .all) },
        ] {
            let error = #expect(throws: StorageError.self, sourceLocation: location) {
                try change()
            }
            #expect(error?.code == .wrongType, sourceLocation: location)
        }
        #expect(try database.verify().isSound, sourceLocation: location)
    }

    @Test func typesAreRecordedWithTheFirstPut() throws {
        let database = try Database(inMemory: .init())
        #expect(try database[texts].get("a") == nil)
        try database[numbers].put(1, for: "a")
        try expectRefusal(database)
        try database[numbers].delete(in: .all)
        // An empty table keeps its types.
        #expect(throws: StorageError.self) { try database[texts].put("1", for: "a") }
        try database.write { transaction in
            try transaction.drop(numbers)
            try transaction[texts].put("one", for: "a")
        }
        #expect(try database[texts].get("a") == "one")
        let error = #expect(throws: StorageError.self) { try database[numbers].get("a") }
        #expect(error?.code == .wrongType)
    }

    @Test(arguments: [false, true]) func typesSurviveAReopen(_ isClosedWell: Bool) throws {
        let files = CrashingFileSystem()
        let database = try Database(at: "t.kvdb", files: files)
        try database[numbers].put(1, for: "a")
        try database.write { transaction in try transaction.create(Table<Int, Int>("empty")) }
        if isClosedWell { try database.close() }
        let image = isClosedWell ? files : files.survivors(.none)
        let reopened = try Database(at: "t.kvdb", files: image)
        try expectRefusal(reopened)
        let error = #expect(throws: StorageError.self) {
            try reopened[Table<Int, String>("empty")].put("1", for: 1)
        }
        #expect(error?.code == .wrongType)
    }

    @Test func typesSurviveCheckpointCompactionAndRename() throws {
        let files = InMemoryFileSystem()
        let database = try Database(at: "t.kvdb", files: files)
        try database[numbers].put(contentsOf: (0..<3000).map { ("k\($0)", UInt64($0)) })
        try database[numbers].delete(in: "k1"..<"k8")
        try database[numbers].put(1, for: "a")
        try database.checkpoint()
        try expectRefusal(database)
        try database.compact()
        try expectRefusal(database)
        try database.write { transaction in
            try transaction.rename(numbers, to: "m")
            let error = #expect(throws: StorageError.self) {
                try transaction[Table<String, String>("m")].get("a")
            }
            #expect(error?.code == .wrongType)
            #expect(try transaction.tableNames() == ["m"])
            try transaction.rename(Table<String, UInt64>("m"), to: "n")
        }
        try expectRefusal(database)
        try database.close()
        try expectRefusal(try Database(at: "t.kvdb", files: files))
    }

    @Test func typesSurviveAnExportALoadAndASalvage() throws {
        let folder = try TemporaryDirectory()
        let database = try Database(at: folder.file("a.kvdb"))
        try database[numbers].load([(key: "a", value: 1), (key: "c", value: 3)])
        try expectRefusal(database)
        try database.export(to: folder.file("a.tkdb"))
        let other = try Database(at: folder.file("b.kvdb"))
        try other.import(from: folder.file("a.tkdb"))
        try expectRefusal(other)
        // Into a table of the same types, and not into one of others.
        try other.import(from: folder.file("a.tkdb"), merging: true)
        try expectRefusal(other)
        let third = try Database(at: folder.file("c.kvdb"))
        try third[texts].put("x", for: "y")
        let error = #expect(throws: StorageError.self) {
            try third.import(from: folder.file("a.tkdb"), merging: true)
        }
        #expect(error?.code == .wrongType)
        #expect(try third[texts].entries().map(\.value) == ["x"])
        try database.close()
        try Database.salvage(from: folder.file("a.kvdb"), to: folder.file("d.kvdb"))
        try expectRefusal(try Database(at: folder.file("d.kvdb")))
    }

    @Test func aTableOfBytesIsNoTypedOne() throws {
        let database = try Database(inMemory: .init())
        try database.write { transaction in try transaction.create(bytes) }
        // Nothing is in it, so nothing can be of the wrong type.
        #expect(try database[texts].get("a") == nil)
        try database[bytes].put([1], for: [1])
        for name in ["n", ""] {
            try database.put("v", for: "k")
            let typed = database[Table<String, String>(name)]
            let error = #expect(throws: StorageError.self) { try typed.get("k") }
            #expect(error?.code == .wrongType)
            #expect(throws: StorageError.self) { try typed.put("v", for: "k") }
        }
        try database[bytes].delete(in: .all)
        try database[texts].put("a", for: "b")
        #expect(throws: StorageError.self) { try database[bytes].put([1], for: [1]) }
    }

    /// Handles that were made before anything of the name was there learn of it, whoever makes it.
    @Test func aHandleLearnsOfItsTable() throws {
        let files = InMemoryFileSystem()
        let database = try Database(at: "t.kvdb", files: files)
        let early = database[numbers]
        #expect(try early.get("a") == nil && !early.delete("a"))
        try database.write { transaction in
            let inTransaction = transaction[numbers]
            #expect(try inTransaction.get("a") == nil)
            try transaction[numbers].put(1, for: "a")
            #expect(try inTransaction.get("a") == 1)
        }
        #expect(try early.get("a") == 1)
        try early.put(2, for: "b")
        try database.close()
        let reopened = try Database(at: "t.kvdb", files: files)
        let again = reopened[numbers]
        #expect(try again.get("b") == 2 && reopened.hasTable("n") && !reopened.hasTable("x"))
        try reopened.write { transaction in
            let (wasThere, hasTable) = try (
                transaction[numbers].delete("b"), transaction.hasTable("n")
            )
            #expect(wasThere && hasTable)
        }
        #expect(try again.get("b") == nil)
    }

    @Test func namesThatAreTooLongAreMissingTables() throws {
        let database = try Database(inMemory: .init())
        let long = Table<String, UInt64>(String(repeating: "x", count: 1025))
        #expect(try database[long].get("a") == nil && database.snapshot()[long].isEmpty)
        let error = #expect(throws: StorageError.self) { try database[long].put(1, for: "a") }
        #expect(error?.code == .keyTooLong)
    }
}
