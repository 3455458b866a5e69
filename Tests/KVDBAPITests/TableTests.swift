import KVDB
import StorageIO
import StorageIOTesting
import Testing

extension Table where Key == String, Value == UInt64 {
    fileprivate static var ages: Table { Table("ages") }
}

extension Table where Key == Keys<UInt64, String>, Value == String {
    fileprivate static var events: Table { Table("events") }
}

/// The calls that every table has: of a database, a snapshot and a transaction, in files and in memory.
struct TableTests {
    enum Place: CaseIterable {
        case file, memory, simulated
    }

    private func withDatabase(_ place: Place, _ body: (Database) throws -> Void) throws {
        switch place {
        case .memory: try body(Database(inMemory: .init()))
        case .simulated: try body(Database(at: "t.kvdb", files: InMemoryFileSystem()))
        case .file:
            let folder = try TemporaryDirectory()
            let database = try Database(at: folder.file("t.kvdb"))
            try body(database)
            try database.close()
        }
    }

    @Test(arguments: Place.allCases)
    func aPredecessorsProgramHasItsCounterpart(_ place: Place) throws {
        try withDatabase(place) { database in
            try database.put("value", for: "key")
            #expect(try database.get("key") == Array("value".utf8))
            #expect(try database.delete("key"))
            #expect(try database.get("key") == nil)
            for number in 0..<100 { try database.put("\(number)", for: "k\(number)") }
            var seen = 0
            try database.forEach { key, value in
                #expect(key == [107] + value)
                seen += 1
            }
            #expect(seen == 100)
            let transaction = try database.begin()
            try transaction.put("1", for: "a")
            try transaction.commit()
            let other = try database.begin()
            try other.put("2", for: "b")
            other.abort()
            #expect(try database.contains("a") && !database.contains("b"))
        }
    }

    /// Asks the same questions of any table that holds a: 1, b: 2, d: 4.
    private func check(_ table: borrowing some TableReading<String, UInt64> & ~Copyable) throws {
        #expect(try table.count == 3 && !table.isEmpty)
        #expect(try table.get("b") == 2 && table.get("c") == nil)
        #expect(try table.contains("d") && !table.contains("e"))
        #expect(try table.get(many: ["d", "x", "a"]) == [4, nil, 1])
        #expect(try table.count(in: "b"...) == 2)
        #expect(try table.count(in: "a"..."b") == 2)
        #expect(try table.count(in: ..<"d") == 2)
        #expect(try table.count(in: .prefix("a")) == 1)
        #expect(try table.rank(of: "c") == 2)
        #expect(try table.entry(at: 1)?.key == "b" && table.entry(at: 3) == nil)
        #expect(try table.entry(at: -1) == nil)
        #expect(try table.first()?.key == "a" && table.last()?.value == 4)
        #expect(try table.first(in: "c"...)?.key == "d")
        #expect(try table.last(in: ..<"d")?.key == "b")
        #expect(try table.keys() == ["a", "b", "d"])
        #expect(try table.keys(order: .descending, limit: 2) == ["d", "b"])
        #expect(try table.entries(in: "b"...).map(\.value) == [2, 4])
        var visited: [String] = []
        try table.forEach(order: .descending) { key, _ in visited.append(key) }
        #expect(visited == ["d", "b", "a"])
        visited = []
        try table.scanKeys { key in
            visited.append(String(decoding: Array(copying: key), as: UTF8.self))
            return visited.count < 2
        }
        #expect(visited == ["a", "b"])
        #expect(try table.withValue(for: "b") { $0.byteCount } == 8)
        #expect(throws: Interruption.self) {
            try table.withValue(for: "b") { _ in throw Interruption() }
        }
        #expect(throws: Interruption.self) { try table.forEach { _, _ in throw Interruption() } }
        var cursor = try table.cursor()
        #expect(try !cursor.isAtEntry && cursor.next()?.key == "a")
        #expect(try cursor.seek(to: "c") && cursor.key == "d")
        #expect(try cursor.previous()?.value == 2)
        #expect(cursor.keyBytes.byteCount == 1)
        #expect(try cursor.seek(before: "b") && cursor.key == "a")
        #expect(try cursor.previous() == nil && cursor.key == nil)
        #expect(try cursor.moveToLast() && cursor.currentValue() == 4)
        #expect(try cursor.next() == nil && cursor.currentValue() == nil)
    }

    @Test(arguments: Place.allCases)
    func everyTableAnswersTheSame(_ place: Place) throws {
        try withDatabase(place) { database in
            try database[.ages].put(contentsOf: [("d", 4), ("a", 1), ("b", 2)])
            try check(database[.ages])
            try check(database.snapshot()[.ages])
            try database.write { transaction in
                try check(transaction[.ages])
                try transaction[.ages].put(5, for: "e")
                try transaction[.ages].delete("e")
                try check(transaction[.ages])
            }
        }
    }

    /// Makes the same changes in any table that may be changed, which holds nothing.
    private func change(_ table: borrowing some TableChanging<String, UInt64> & ~Copyable) throws {
        #expect(try table.insert(1, for: "a") && !table.insert(2, for: "a"))
        #expect(try table.replace(3, for: "a") && !table.replace(3, for: "b"))
        #expect(try table.replace(3, with: 4, for: "a"))
        #expect(try !table.replace(3, with: 5, for: "a") && !table.replace(3, with: 5, for: "b"))
        #expect(try table.get("a") == 4)
        #expect(try table.exchange(6, for: "a") == 4 && table.exchange(7, for: "b") == nil)
        try table.update("a") { value in value = (value ?? 0) + 1 }
        try table.update("new") { value in value = (value ?? 0) + 1 }
        try table.update("b") { value in value = nil }
        #expect(try table.entries().map(\.key) == ["a", "new"])
        #expect(throws: Interruption.self) {
            try table.update("a") { value in
                value = 9
                throw Interruption()
            }
        }
        #expect(try table.take("new") == 1 && table.take("new") == nil)
        #expect(try table.get("a") == 7)
        try table.put(contentsOf: (0..<20).map { (key: "k\($0)", value: UInt64($0)) })
        #expect(try table.delete(contentsOf: ["k0", "k1", "none"]) == 2)
        #expect(try table.delete(in: .prefix("k"), where: { _, value in value % 2 == 1 }) == 9)
        #expect(try table.deleteFirst(in: "k"...)?.key == "k10")
        #expect(try table.deleteLast(in: .prefix("k"))?.key == "k8")
        #expect(try table.delete(in: .prefix("k")) == 7)
        #expect(try table.delete("a") && !table.delete("a"))
        #expect(try table.isEmpty && table.deleteFirst() == nil)
    }

    @Test(arguments: Place.allCases)
    func everyTableThatMayBeChangedChangesTheSame(_ place: Place) throws {
        try withDatabase(place) { database in
            try change(database[.ages])
            try database.write { transaction in try change(transaction[.ages]) }
            let transaction = try database.begin()
            try change(transaction[.ages])
            try transaction.commit()
        }
    }

    @Test func aTableMayBeChangedWhileItIsVisited() throws {
        let database = try Database(inMemory: .init())
        try database.write { transaction in
            let ages = transaction[.ages]
            try ages.put(contentsOf: (0..<100).map { (key: "k\($0 + 100)", value: UInt64($0)) })
            try ages.forEach { key, value in
                // Deleted behind, put ahead: each once.
                try ages.delete(key)
                if value < 100 { try ages.put(value + 1000, for: "m" + key) }
            }
            #expect(try ages.count == 0)
            try ages.put(contentsOf: (0..<10).map { (key: "k\($0)", value: UInt64($0)) })
            try ages.forEach(order: .descending) { key, value in
                try ages.put(value * 2, for: key)
                #expect(try ages.get(key) == value * 2)
            }
            #expect(try ages.get("k9") == 18)
        }
    }

    @Test func aTableOfAnEndedTransactionIsRefused() throws {
        let database = try Database(inMemory: .init())
        let transaction = try database.begin()
        let ages = transaction[.ages]
        var cursor = try ages.cursor()
        try ages.put(1, for: "a")
        try transaction.commit()
        #expect(throws: StorageError.self) { try ages.put(2, for: "a") }
        #expect(throws: StorageError.self) { try ages.get("a") }
        #expect(throws: StorageError.self) { try cursor.advance() }
        let next = try database.begin()
        #expect(throws: StorageError.self) { try ages.count }
        next.abort()
        #expect(try database[.ages].get("a") == 1)
    }

    @Test func keysOfPartsGoByTheirParts() throws {
        let database = try Database(inMemory: .init())
        let events = database[.events]
        for stream in ["a", "b"] {
            for number in 1...3 as ClosedRange<UInt64> {
                try events.put("\(stream)\(number)", for: Keys(number, stream))
            }
        }
        #expect(try events.count(in: .prefix(2)) == 2)
        #expect(try events.last(in: .prefix(2))?.value == "b2")
    }
}

/// What a test throws out of a closure.
private struct Interruption: Error {}

extension Array where Element == UInt8 {
    fileprivate init(copying bytes: RawSpan) {
        self = withByteView(of: bytes) { $0.array }
    }
}
