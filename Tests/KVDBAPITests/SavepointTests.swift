import KVDB
import StorageIO
import StorageIOTesting
import Testing

/// Parts of a transaction that are taken back by themselves.
struct SavepointTests {
    private struct Undone: Error {}

    private let numbers = Table<String, UInt64>("numbers")

    @Test(arguments: [false, true]) func whatThrowsIsTakenBack(_ isInMemory: Bool) throws {
        let database =
            isInMemory
            ? try Database(inMemory: .init())
            : try Database(at: "t.kvdb", files: InMemoryFileSystem())
        try database[numbers].put(contentsOf: (0..<500).map { ("k\($0)", $0) })
        try database.put("old", for: "key")
        try database.write { transaction in
            let table = transaction[numbers]
            try table.put(1, for: "before")
            try table.delete("k1")
            #expect(throws: Undone.self) {
                try transaction.savepoint { transaction in
                    try transaction.put("new", for: "key")
                    try transaction.put(String(repeating: "x", count: 100_000), for: "long")
                    try transaction.put(String(repeating: "y", count: 600_000), for: "longer")
                    try transaction[numbers].delete(in: "k2"..."k4")
                    try transaction[numbers].put(2, for: "before")
                    try transaction[Table<Int, String>("inside")].put("a", for: 1)
                    try transaction.rename(numbers, to: "other")
                    #expect(try transaction.tableNames() == ["inside", "other"])
                    try transaction.dropTable("other")
                    throw Undone()
                }
            }
            #expect(try transaction.tableNames() == ["numbers"])
            #expect(try transaction.get("key") == Array("old".utf8))
            #expect(try transaction.count == 1)
            #expect(try table.count == 500 && table.get("before") == 1)
            let returned = try transaction.savepoint { transaction in
                try transaction[numbers].put(3, for: "kept")
                return 7
            }
            #expect(returned == 7)
            try table.put(4, for: "after")
        }
        #expect(
            try database[numbers].get(many: ["before", "kept", "after", "k1"]) == [1, 3, 4, nil])
        #expect(try database.tableNames() == ["numbers"])
        #expect(try database.verify().isSound)
    }

    @Test func cursorsGoOnBehindASavepoint() throws {
        let database = try Database(inMemory: .init())
        try database.write { transaction in
            let table = transaction[numbers]
            try table.put(contentsOf: (0..<1000).map { ("k\($0 + 1000)", $0) })
            var cursor = try table.cursor()
            try cursor.seek(to: "k1500")
            #expect(throws: Undone.self) {
                try transaction.savepoint { transaction in
                    try transaction[numbers].delete(in: "k1400"..."k1600")
                    throw Undone()
                }
            }
            #expect(try cursor.next()?.value == 501)
            var inDropped = try transaction[Table<Int, Int>("t")].cursor()
            #expect(throws: Undone.self) {
                try transaction.savepoint { transaction in
                    let t = transaction[Table<Int, Int>("t")]
                    try t.put(1, for: 1)
                    try inDropped.advance()
                    throw Undone()
                }
            }
            #expect(try inDropped.next() == nil)
            try transaction[Table<Int, Int>("t")].put(5, for: 5)
            #expect(try inDropped.next()?.key == 5)
            // A savepoint for each entry of a scan.
            var seen = 0
            try table.forEach { key, value in
                seen += 1
                do {
                    try transaction.savepoint { transaction in
                        try transaction[numbers].delete(key)
                        if value % 3 > 0 { throw Undone() }
                    }
                } catch is Undone {}
            }
            #expect(try seen == 1000 && table.count == 666)
        }
        #expect(try database.verify().isSound)
    }

    /// A full disk inside takes back the savepoint, even where the body hides it.
    @Test func aFailureInsideIsTakenBackAlone() throws {
        let files = InMemoryFileSystem()
        let database = try Database(
            at: "t.kvdb", files: files, options: .init(sizeLimit: 1 << 20))
        try database.write { transaction in
            try transaction.put("1", for: "a")
            let error = #expect(throws: StorageError.self) {
                try transaction.savepoint { transaction in
                    for number in 0..<100 {
                        do {
                            try transaction.put(
                                [UInt8](repeating: 7, count: 100_000), for: "n\(number)")
                        } catch {
                            #expect((error as? StorageError)?.isOutOfSpace == true)
                            return
                        }
                    }
                }
            }
            #expect(error?.isOutOfSpace == true)
            #expect(try transaction.count == 1)
            try transaction.put("2", for: "b")
        }
        #expect(try database.count == 2 && database.verify().isSound)
        // An error that breaks nothing does not end a savepoint whose body goes on.
        try database.write { transaction in
            try transaction.savepoint { transaction in
                try transaction.put("3", for: "c")
                #expect(throws: StorageError.self) {
                    try transaction.put("4", for: String(repeating: "x", count: 2000))
                }
            }
        }
        #expect(try database.count == 3)
    }

    /// A transaction with the log's limit behind it commits by a checkpoint, without what was taken back.
    @Test func aSavepointMayOutgrowTheLog() throws {
        let files = CrashingFileSystem()
        var options = Database.Options()
        options.loggedTransactionLimit = 10_000
        let database = try Database(at: "t.kvdb", files: files, options: options)
        try database.write { transaction in
            try transaction.put("1", for: "a")
            #expect(throws: Undone.self) {
                try transaction.savepoint { transaction in
                    for number in 0..<1000 { try transaction.put("xxxxxxxxxx", for: "n\(number)") }
                    throw Undone()
                }
            }
            try transaction.put("2", for: "b")
        }
        let reopened = try Database(at: "t.kvdb", files: files.survivors(.none))
        #expect(try reopened.entries().map(\.key) == [[0x61], [0x62]])
        #expect(try reopened.verify().isSound)
    }

    // MARK: A model

    private typealias Content = [String: [String: [UInt8]]]

    private final class Run {
        var random: SeededRandom
        var model: Content = [:]

        init(seed: UInt64) { random = SeededRandom(seed: seed) }

        func number(_ count: Int) -> Int { Int.random(in: 0..<count, using: &random) }

        func change(_ transaction: borrowing Database.Transaction, depth: Int) throws {
            for _ in 0..<number(12) {
                let name = "t\(number(3))"
                let table = transaction[Table<String, [UInt8]>(name)]
                let key = "k\(number(40))"
                switch number(20) {
                case 0..<9:
                    let length = number(30) == 0 ? number(300_000) : number(200)
                    let value = [UInt8](repeating: UInt8(number(256)), count: length)
                    try table.put(value, for: key)
                    model[name, default: [:]][key] = value
                case 9..<12:
                    try table.delete(key)
                    model[name]?[key] = nil
                case 12:
                    try table.delete(in: key..<"k9")
                    let gone = model[name]?.keys.filter { $0 >= key && $0 < "k9" } ?? []
                    for key in gone { model[name]?[key] = nil }
                case 13:
                    try transaction.dropTable(name)
                    model[name] = nil
                case 14:
                    try transaction.create(Table<String, [UInt8]>(name))
                    if model[name] == nil { model[name] = [:] }
                case 15:
                    let target = "t\(number(3))"
                    guard target != name, let content = model[name], model[target] == nil else {
                        continue
                    }
                    try transaction.renameTable(name, to: target)
                    model[name] = nil
                    model[target] = content
                default:
                    guard depth < 4 else { continue }
                    let before = model
                    do {
                        try transaction.savepoint { transaction in
                            try change(transaction, depth: depth + 1)
                            if number(2) == 0 { throw Undone() }
                        }
                    } catch is Undone { model = before }
                    if number(4) == 0 { try check(transaction) }
                }
            }
        }

        private func check(_ transaction: borrowing Database.Transaction) throws {
            #expect(try transaction.tableNames() == model.keys.sorted())
            for (name, content) in model {
                let table = transaction[Table<String, [UInt8]>(name)]
                #expect(try table.count == content.count)
                for (key, value) in content { #expect(try table.get(key) == value) }
            }
        }

        func check(_ database: Database, _ seed: UInt64) throws {
            #expect(try database.tableNames() == model.keys.sorted(), "\(Seeds.again(seed))")
            for (name, content) in model {
                let entries = try database[Table<String, [UInt8]>(name)].entries()
                #expect(
                    entries.elementsEqual(content.sorted { $0.key < $1.key }, by: ==),
                    "\(Seeds.again(seed))")
            }
        }
    }

    @Test(arguments: Seeds.first(6)) func savepointsAgreeWithAModel(_ seed: UInt64) throws {
        let run = Run(seed: seed)
        var files = CrashingFileSystem()
        var options = Database.Options()
        options.durability = .full
        options.loggedTransactionLimit = seed % 3 == 0 ? 20_000 : 16 << 20
        options.dirtyBudget = seed % 2 == 0 ? 64 << 10 : 16 << 20
        var database = try Database(at: "t.kvdb", files: files, options: options)
        for step in 0..<60 {
            let before = run.model
            do {
                try database.write { transaction in
                    try run.change(transaction, depth: 0)
                    if run.number(8) == 0 { throw Undone() }
                }
            } catch is Undone { run.model = before }
            if run.number(10) == 0 { try database.checkpoint() }
            if run.number(20) == 0 { try database.compact() }
            guard step % 6 == 5 else { continue }
            try run.check(database, seed)
            // The power goes; what was committed is there, and nothing of what was taken back.
            files = files.survivors(step % 12 == 5 ? .none : .all)
            database = try Database(at: "t.kvdb", files: files, options: options)
            try run.check(database, seed)
            #expect(try database.verify().isSound, "\(Seeds.again(seed))")
        }
    }
}
