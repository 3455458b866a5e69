import KVDB
import StorageIO
import StorageIOTesting
import Testing

/// A row of a table with indexes: a name that is unique, and a group, which some rows have not.
private struct Person: StoredValue, Hashable {
    var name: String
    var group: Int?

    static var schemaName: String { "person" }

    func withStoredBytes<Result>(
        _ body: (RawSpan) throws(StorageError) -> Result
    ) throws(StorageError) -> Result {
        let text = "\(group.map { String($0) } ?? "-")|\(name)"
        return try text.withStoredBytes(body)
    }

    init(name: String, group: Int?) {
        self.name = name
        self.group = group
    }

    init(storedBytes: RawSpan) throws(StorageError) {
        let parts = try String(storedBytes: storedBytes).split(
            separator: "|", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2 else { throw StorageError(.undecodable, "This is no person.") }
        group = Int(parts[0])
        name = String(parts[1])
    }
}

extension Index where Key == UInt64, Value == Person, IndexKey == String {
    fileprivate static var name: Index {
        Index("name", isUnique: true) { _, person in person.name }
    }
}

extension Index where Key == UInt64, Value == Person, IndexKey == Int {
    fileprivate static var group: Index { Index("group") { _, person in person.group } }
}

private let people = Table<UInt64, Person>("people", indexes: Index.name, Index.group)
private let plain = Table<UInt64, Person>("people")

/// Secondary indexes.
struct IndexTests {
    /// Compares the indexes of a table with what its rows say.
    private func check(_ database: Database, _ note: String = "") throws {
        let rows = try database[people].entries()
        let byName = rows.sorted { $0.value.name < $1.value.name }
        #expect(
            try database[people].index(.name).rows().map(\.key) == byName.map(\.key), "\(note)")
        let grouped = rows.filter { $0.value.group != nil }
        let byGroup = grouped.sorted {
            ($0.value.group ?? 0, $0.key) < ($1.value.group ?? 0, $1.key)
        }
        let found = try database[people].index(.group).rows()
        #expect(found.map(\.key) == byGroup.map(\.key), "\(note)")
        #expect(found.map(\.value) == byGroup.map(\.value), "\(note)")
        #expect(found.map(\.indexKey) == byGroup.compactMap(\.value.group), "\(note)")
        #expect(try database.verify().isSound, "\(note)")
    }

    private func expect(
        _ code: StorageError.Code, _ location: SourceLocation = #_sourceLocation,
        _ body: () throws -> Void
    ) {
        let error = #expect(throws: StorageError.self, sourceLocation: location) { try body() }
        #expect(error?.code == code, "\(error?.message ?? "")", sourceLocation: location)
    }

    @Test func everyCallKeepsTheIndexes() throws {
        let database = try Database(at: "t.kvdb", files: InMemoryFileSystem())
        let table = database[people]
        func person(_ number: Int) -> Person { Person(name: "p\(number)", group: number % 5) }
        try table.put(person(1), for: 1)
        try table.put(contentsOf: (2..<60).map { (UInt64($0), person($0)) })
        try check(database)
        try table.put(Person(name: "renamed", group: nil), for: 1)
        #expect(try table.insert(person(100), for: 100) && !table.insert(person(9), for: 100))
        #expect(try table.replace(person(101), for: 100) && !table.replace(person(1), for: 999))
        #expect(try table.replace(person(101), with: person(102), for: 100))
        #expect(try table.exchange(person(103), for: 100) == person(102))
        try table.update(100) { $0?.group = 77 }
        try table.update(2) { $0 = nil }
        try check(database)
        #expect(try table.index(.group).get(77).map(\.key) == [100])
        #expect(try table.take(3) == person(3) && table.delete(4))
        #expect(try table.delete(contentsOf: [5, 6, 4]) == 2)
        #expect(try table.deleteFirst()?.key == 1 && table.deleteLast()?.key == 100)
        #expect(try table.delete(in: 10..<20) == 10)
        #expect(try table.delete(in: 20..<30, where: { key, _ in key % 2 == 0 }) == 5)
        try check(database)
        try table.load((200..<300).map { (key: UInt64($0), value: person($0)) })
        try check(database)
        #expect(try table.index(.name).first("p250")?.key == 250)
        #expect(try table.index(.name).first("nobody") == nil)
        #expect(try table.index(.name).contains("p250") && !table.index(.name).contains("p2"))
        let group = table.index(.group)
        #expect(try group.count(in: 2...3) == group.get(2).count + group.get(3).count)
        #expect(try group.first(in: 3...)?.indexKey == 3 && group.last(in: ..<3)?.indexKey == 2)
        #expect(try group.last()?.indexKey == 4 && group.first()?.indexKey == 0)
        #expect(try group.keys(in: 1...1, order: .descending, limit: 2).map(\.key) == [296, 291])
        #expect(try table.index(.name).count(in: .prefix("p2")) > 100)
        try table.delete(in: .all)
        try check(database)
        #expect(try database.tableNames() == ["people"])
    }

    @Test func aUniqueIndexRefusesASecondRow() throws {
        let database = try Database(inMemory: .init())
        let table = database[people]
        try table.put(Person(name: "a", group: 1), for: 1)
        try table.put(Person(name: "b", group: 1), for: 2)
        expect(.notUnique) { try table.put(Person(name: "a", group: 2), for: 3) }
        expect(.notUnique) { try table.put(Person(name: "a", group: 2), for: 2) }
        expect(.notUnique) {
            let same = Person(name: "c", group: 1)
            try table.load((7..<9).map { (key: UInt64($0), value: same) })
        }
        try table.put(Person(name: "a", group: 9), for: 1)
        try database.write { transaction in
            let table = transaction[people]
            expect(.notUnique) { try table.insert(Person(name: "b", group: nil), for: 5) }
            expect(.notUnique) { try table.update(1) { $0?.name = "b" } }
            expect(.keyTooLong) {
                try table.put(Person(name: String(repeating: "x", count: 1020), group: 1), for: 6)
            }
            // Nothing has changed, and the transaction goes on.
            #expect(try table.count == 2)
            try table.delete(2)
            try table.put(Person(name: "b", group: 3), for: 1)
        }
        #expect(try table.entries().map(\.value) == [Person(name: "b", group: 3)])
        try check(database)
    }

    @Test func aHandleWithOtherIndexesCannotChangeRows() throws {
        let database = try Database(inMemory: .init())
        try database[people].put(Person(name: "a", group: 1), for: 1)
        #expect(try database[plain].get(1)?.name == "a")
        let other = Table<UInt64, Person>("people", indexes: Index.name)
        for table in [plain, other] {
            expect(.wrongIndexes) { try database[table].put(Person(name: "b", group: 1), for: 2) }
            expect(.wrongIndexes) { try database[table].delete(1) }
            expect(.wrongIndexes) { try database[table].delete(in: .all) }
            expect(.wrongIndexes) {
                try database[table].load([(key: UInt64(2), value: Person(name: "b", group: 1))])
            }
        }
        #expect(try database[other].index(.group).count() == 1)
        let versioned = Index<UInt64, Person, Int>("group", version: 2) { _, person in person.group
        }
        expect(.wrongIndexes) { _ = try database[people].index(versioned).count() }
        // The tables of indexes are nobody's.
        expect(.invalidArgument) {
            try database[Table<[UInt8], [UInt8]>("\0people\0name")].put([1], for: [1])
        }
        #expect(try database[Table<[UInt8], [UInt8]>("\0people\0name")].isEmpty)
        #expect(try database.tableNames() == ["people"])
        try check(database)
    }

    @Test func indexesAreBuiltForRowsThatAreThere() throws {
        let files = CrashingFileSystem()
        var options = Database.Options()
        options.loggedTransactionLimit = 20_000
        let database = try Database(at: "t.kvdb", files: files, options: options)
        let rows = (0..<1500).map { (UInt64($0), Person(name: "n\($0)", group: $0 % 7)) }
        try database[plain].put(contentsOf: rows)
        expect(.wrongIndexes) { try database[people].put(Person(name: "x", group: 0), for: 9999) }
        expect(.wrongIndexes) { _ = try database[people].index(.name).rows() }
        try database[plain].put(Person(name: "n1", group: 1), for: 9999)
        try database.write { transaction in
            expect(.notUnique) { try transaction.buildIndexes(of: people) }
            #expect(throws: StorageError.self) {
                try transaction.buildIndexes(of: Table<UInt64, String>("people"))
            }
            try transaction[plain].delete(9999)
        }
        #expect(try database.write { try $0.buildIndexes(of: people) } == 2)
        #expect(try database.write { try $0.buildIndexes(of: people) } == 0)
        try check(database)
        let reopened = try Database(at: "t.kvdb", files: files.survivors(.none), options: options)
        try check(reopened)
        try reopened.write { transaction in
            let other = Table<UInt64, Person>("people", indexes: Index.group)
            #expect(try transaction.buildIndexes(of: other) == 0)
            try transaction[other].put(Person(name: "n1", group: 3), for: 5000)
        }
        expect(.wrongIndexes) { _ = try reopened[people].index(.name).count() }
        #expect(try reopened.write { try $0.buildIndexes(of: plain) } == 0)
        try reopened[plain].put(Person(name: "n1", group: 3), for: 6000)
        #expect(try reopened.verify().tableCount == 1)
    }

    @Test func indexesGoWithTheirTable() throws {
        let folder = try TemporaryDirectory()
        let database = try Database(at: folder.file("a.kvdb"))
        let rows = (0..<2000).map { (UInt64($0), Person(name: "n\($0)", group: $0 % 7)) }
        try database[people].put(contentsOf: rows)
        try database[people].delete(in: 100..<1700)
        try database.compact()
        try check(database)
        try database.export(to: folder.file("a.tkdb"))
        let other = try Database(at: folder.file("b.kvdb"))
        try other.import(from: folder.file("a.tkdb"))
        try check(other)
        // Rows under rows would leave entries of theirs behind.
        expect(.wrongIndexes) { try other.import(from: folder.file("a.tkdb"), merging: true) }
        try other.write { transaction in
            try transaction.rename(people, to: "persons")
            let moved = Table<UInt64, Person>("persons", indexes: Index.name, Index.group)
            try transaction[moved].put(Person(name: "new", group: 3), for: 5)
            #expect(try transaction[moved].index(.name).first("new")?.key == 5)
            try transaction.rename(moved, to: "people")
            try transaction[people].put(Person(name: "n5", group: 5), for: 5)
        }
        try check(other)
        try other.import(from: folder.file("a.tkdb"))
        try other.write { transaction in
            try transaction.drop(people)
            try transaction[people].put(Person(name: "n1", group: 1), for: 1)
        }
        try check(other)
        // The default table, and that of the rows with those of its indexes.
        #expect(try other.verify().trees.count == 4 && other.verify().tableCount == 1)
        try other.write { transaction in _ = try transaction.drop(people) }
        #expect(try other.verify().trees.count == 1)
        try database.close()
        try Database.salvage(from: folder.file("a.kvdb"), to: folder.file("c.kvdb"))
        // A salvage can't say that rows and indexes are in step, so it leaves the indexes to be built.
        let salvaged = try Database(at: folder.file("c.kvdb"))
        expect(.wrongIndexes) { try salvaged[people].put(Person(name: "x", group: 0), for: 9999) }
        #expect(try salvaged.write { try $0.buildIndexes(of: people) } == 2)
        try check(salvaged)
    }

    @Test func indexesThatCannotBeAreRefused() throws {
        let database = try Database(inMemory: .init())
        let empty = Index<UInt64, Person, Int>("") { _, _ in 1 }
        let zero = Index<UInt64, Person, Int>("a\0b") { _, _ in 1 }
        let long = Index<UInt64, Person, Int>(String(repeating: "n", count: 201)) { _, _ in 1 }
        for table in [
            Table("t", indexes: empty), Table("t", indexes: zero), Table("t", indexes: long),
            Table("t", indexes: Index.group, Index.group),
        ] {
            expect(.invalidArgument) { try database[table].put(Person(name: "", group: 1), for: 1) }
            try database.write { transaction in
                expect(.invalidArgument) { try transaction.buildIndexes(of: table) }
            }
        }
        #expect(try database.tableNames().isEmpty)
    }

    @Test func aTransactionReadsItsOwnIndexes() throws {
        let database = try Database(inMemory: .init())
        try database.write { transaction in
            let table = transaction[people]
            #expect(try table.index(.group).rows().isEmpty)
            for number in 0..<100 {
                try table.put(Person(name: "n\(number)", group: number / 10), for: UInt64(number))
            }
            #expect(try table.index(.group).get(4).count == 10)
            // The visited rows go, and come back behind.
            var seen = 0
            try table.index(.group).forEach { group, key, _ in
                seen += 1
                if group < 10 {
                    try table.put(Person(name: "m\(key)", group: group + 10), for: key)
                } else {
                    try table.delete(key)
                }
            }
            #expect(seen == 200)
            #expect(try table.isEmpty && table.index(.name).rows().isEmpty)
        }
        #expect(try database.verify().isSound)
    }

    /// Random transactions, with savepoints and power cuts: after each, the indexes are what the rows say.
    @Test(arguments: Seeds.first(3)) func indexesAgreeWithTheirRows(_ seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        func number(_ count: Int) -> Int { Int.random(in: 0..<count, using: &random) }
        struct Undone: Error {}
        var files = CrashingFileSystem()
        var options = Database.Options()
        options.loggedTransactionLimit = seed % 2 == 0 ? 2_000 : 8 << 20
        var database = try Database(at: "t.kvdb", files: files, options: options)
        var rows: [UInt64: Person] = [:]
        for step in 0..<200 {
            let before = rows
            do {
                try database.write { transaction in
                    let table = transaction[people]
                    for _ in 0..<1 + number(6) {
                        let key = UInt64(number(60))
                        let person = Person(
                            name: "n\(number(80))", group: number(3) == 0 ? nil : number(6))
                        switch number(12) {
                        case 0..<7:
                            let isTaken = rows.contains {
                                $0.key != key && $0.value.name == person.name
                            }
                            do {
                                try table.put(person, for: key)
                                #expect(!isTaken, "\(Seeds.again(seed))")
                                rows[key] = person
                            } catch let error as StorageError {
                                #expect(isTaken && error.code == .notUnique)
                            }
                        case 7, 8:
                            #expect(try table.delete(key) == (rows[key] != nil))
                            rows[key] = nil
                        case 9:
                            try table.delete(in: key..<key + 5)
                            rows = rows.filter { !(key..<key + 5).contains($0.key) }
                        case 10:
                            try table.deleteFirst(in: key...)
                            if let first = rows.keys.filter({ $0 >= key }).min() {
                                rows[first] = nil
                            }
                        default:
                            try? transaction.savepoint { transaction in
                                try transaction[people].delete(in: key...)
                                throw Undone()
                            }
                        }
                    }
                    if number(6) == 0 { throw Undone() }
                }
            } catch is Undone { rows = before }
            if number(40) == 0 { try database.checkpoint() }
            if step % 20 == 19 {
                files = files.survivors(step % 40 == 19 ? .none : .all)
                database = try Database(at: "t.kvdb", files: files, options: options)
            }
            guard step % 10 == 9 else { continue }
            let found = try database[people].entries()
            #expect(
                found.elementsEqual(rows.sorted { $0.key < $1.key }, by: { $0 == $1 }),
                "\(Seeds.again(seed))")
            try check(database, Seeds.again(seed))
        }
    }
}
