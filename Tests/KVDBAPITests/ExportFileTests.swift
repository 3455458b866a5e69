import KVDB
import StorageIO
import StorageIOTesting
import Testing

private struct Enough: Error {}

extension Table where Key == String, Value == UInt64 {
    fileprivate static var counts: Table { Table("counts") }
}

/// Exports to files and imports from them: all or nothing.
struct ExportFileTests {
    private let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    private func makeDatabase(_ name: String, entries: Int = 3000) throws -> Database {
        let database = try Database(at: folder.file(name), options: .init(durability: .buffered))
        try database.write { transaction in
            let counts = transaction[.counts]
            for number in 0..<entries {
                try transaction.put([UInt8](repeating: 1, count: 300), for: "key \(number)")
                if number < 100 { try counts.put(UInt64(number), for: "count \(number)") }
            }
        }
        return database
    }

    private func isCopy(_ database: Database, entries: Int = 3000) throws -> Bool {
        try database.count == entries && database[.counts].count == min(entries, 100)
            && database[.counts].get("count 7") == 7
    }

    @Test func anExportIsImportedAgain() throws {
        let database = try makeDatabase("a.kvdb")
        let path = folder.file("a.tkdb")
        #expect(try database.export(to: path) == 3100)
        let other = try Database(at: folder.file("b.kvdb"))
        try other.put("1", for: "old")
        try other[Table<String, String>("other")].put("1", for: "old")
        // It replaces what was there.
        let report = try other.import(from: path)
        #expect(report.entryCount == 3100 && report.bulkLoadedCount == 3100)
        #expect(try isCopy(other) && other.tableNames() == ["counts"])
        // Or not.
        let third = try Database(inMemory: .init())
        try third.put("1", for: "old")
        try third.put("1", for: "key 5")
        try third.import(from: path, merging: true)
        #expect(try third.count == 3001 && third.get("old") == [49])
        #expect(try third.get("key 5")?.count == 300)
        // A stream says the same as the file.
        var bytes: [UInt8] = []
        try third.import(from: path)
        try third.export { block in bytes += [UInt8](copying: block) }
        let fourth = try Database(inMemory: .init())
        try fourth.import(from: ExportReader(bytes: bytes))
        #expect(try isCopy(fourth))
        #expect(try fourth.export(to: path) == 3100)
        #expect(try isCopy(database))
        #expect(try folder.names().filter { $0.contains("draft") } == [])
    }

    @Test func anExportThatIsEndedLeavesTheOldFileAndNoDraft() throws {
        let database = try makeDatabase("a.kvdb", entries: 20)
        let path = folder.file("a.tkdb")
        try database.export(to: path)
        let before = try folder.names()
        try database.write { transaction in
            for number in 0..<9000 { try transaction.put("value", for: "more \(number)") }
        }
        for stop in 0..<4 {
            var count = 0
            #expect(throws: Enough.self) {
                try database.export(to: path) { progress in
                    #expect(progress.total == 9040 && progress.phase == .exporting)
                    count += 1
                    if count > stop { throw Enough() }
                }
            }
            #expect(try folder.names() == before)
            let copy = try Database(inMemory: .init())
            try copy.import(from: path)
            #expect(try copy.count == 20)
        }
        #expect(throws: Enough.self) { try database.export { _ in throw Enough() } }
        #expect(try database.export(to: path) == 9040)
    }

    @Test func anImportThatIsEndedChangesNothing() throws {
        let source = try makeDatabase("a.kvdb", entries: 9000)
        let path = folder.file("a.tkdb")
        try source.export(to: path)
        let database = try makeDatabase("b.kvdb", entries: 20)
        for merging in [true, false] {
            for stop in 0..<3 {
                var states: [Database.Progress] = []
                #expect(throws: Enough.self) {
                    try database.import(from: path, merging: merging) { progress in
                        states.append(progress)
                        if states.count > stop { throw Enough() }
                    }
                }
                #expect(states.allSatisfy { $0.unit == .bytes && $0.total ?? 0 > 2_500_000 })
                #expect(try isCopy(database, entries: 20))
                #expect(try database.verify().isSound)
            }
        }
        var states: [Database.Progress] = []
        try database.import(from: path) { states.append($0) }
        #expect(states.last?.fraction == 1 && states.count > 3)
        #expect(try isCopy(database, entries: 9000) && database.verify().isSound)
        #expect(try folder.names().filter { $0.contains("draft") } == [])
    }

    @Test func damagedExportsChangeNothing() throws {
        let source = try makeDatabase("a.kvdb")
        var bytes: [UInt8] = []
        try source.export { block in bytes += [UInt8](copying: block) }
        let database = try makeDatabase("b.kvdb", entries: 20)
        let files = POSIXFileSystem()
        for (name, content, code): (String, [UInt8], StorageError.Code) in [
            ("empty", [], .emptyFile), ("text", Array("no export at all".utf8), .notADatabase),
            ("cut", Array(bytes.dropLast(30)), .truncated),
            ("flipped", bytes.enumerated().map { $0 == 90_000 ? ~$1 : $1 }, .damaged),
        ] {
            let path = folder.file(name)
            let file = try files.open(path, .create)
            try unsafe content.withUnsafeBytes { unsafe try file.write($0, at: 0) }
            file.close()
            let error = #expect(throws: StorageError.self) { try database.import(from: path) }
            #expect(
                error?.code == code && error?.path == path, "\(name): \(String(describing: error))")
            #expect(try isCopy(database, entries: 20))
        }
        let error = #expect(throws: StorageError.self) {
            try database.import(from: folder.file("nothing"))
        }
        #expect(error?.code == .fileNotFound)
    }

    @Test func theDatabasesOwnNamesAreRefused() throws {
        let database = try makeDatabase("a.kvdb", entries: 20)
        let path = folder.file("a.kvdb")
        let names = try Database.files(of: path)
        #expect(names.all == [names.data, names.data + "-wal", names.data + "-new"])
        for name in names.all + [
            folder.path + "/../" + folder.path.split(separator: "/").last! + "/a.kvdb"
        ] {
            for call: () throws -> Void in [
                { try database.export(to: name) }, { try database.import(from: name) },
            ] {
                let error = #expect(throws: StorageError.self) { try call() }
                #expect(error?.code == .invalidArgument, "\(name)")
            }
        }
        try database.put("1", for: "still")
        try database.close()
        // The draft would be the database.
        let odd = try Database(at: folder.file("x-draft"))
        #expect(throws: StorageError.self) { try odd.export(to: folder.file("x")) }
        try odd.put("1", for: "still")
    }

    @Test func aDraftThatACrashLeftIsTakenOverAndAnotherFileIsNot() throws {
        let database = try makeDatabase("a.kvdb", entries: 20)
        let files = POSIXFileSystem()
        let path = folder.file("a.tkdb")
        func lay(_ text: String) throws {
            let file = try files.open(path + "-draft", .create)
            try file.truncate(to: 0)
            let bytes = Array(text.utf8)
            try unsafe bytes.withUnsafeBytes { unsafe try file.write($0, at: 0) }
            file.close()
        }
        for text in ["", "TKDB_EXP and a part", "TKDB"] {
            try lay(text)
            #expect(try database.export(to: path) == 40)
            #expect(try !files.exists(path + "-draft"))
        }
        try lay("my diary")
        let error = #expect(throws: StorageError.self) { try database.export(to: path) }
        #expect(error?.code == .fileExists)
        #expect(try files.exists(path + "-draft"))
        // While somebody writes the same export, nobody else does.
        try lay("")
        let draft = try files.open(path + "-draft", .readWrite)
        try draft.lock(exclusive: true)
        let locked = #expect(throws: StorageError.self) { try database.export(to: path) }
        #expect(locked?.code == .locked && locked?.path == path)
        draft.close()
        try database.export(to: path)
        // A folder that isn't there.
        #expect(throws: StorageError.self) { try database.export(to: path + "/no/such") }
    }

    @Test func aDamagedDatabaseIsSalvaged() throws {
        let database = try makeDatabase("a.kvdb", entries: 200)
        try database.close()
        let (source, target) = (folder.file("a.kvdb"), folder.file("b.kvdb"))
        let before = try folder.names()
        var states: [Database.Progress] = []
        var report = try Database.salvage(from: source, to: target) { states.append($0) }
        #expect(report.isComplete && report.entryCount == 300)
        #expect(states.map(\.phase).contains(.writing) && states.last?.phase == .checking)
        try POSIXFileSystem().remove(target)
        for stop in states.indices {
            var count = 0
            #expect(throws: Enough.self) {
                try Database.salvage(from: source, to: target) { _ in
                    count += 1
                    if count > stop { throw Enough() }
                }
            }
            #expect(try folder.names() == before)
        }
        report = try Database.salvage(from: source, to: target)
        #expect(try isCopy(Database(at: target), entries: 200))
    }
}

/// Bulk loads into tables of all kinds.
struct LoadTests {
    @Test(arguments: [true, false])
    func sortedEntriesGoStraightIntoPages(_ isInMemory: Bool) throws {
        let folder = try TemporaryDirectory()
        let database =
            try isInMemory ? Database(inMemory: .init()) : Database(at: folder.file("a.kvdb"))
        var states: [Database.Progress] = []
        let numbers = Table<UInt64, String>("numbers")
        let report = try database[numbers].load((0..<9000).map { (UInt64($0), "\($0)") }) {
            states.append($0)
        }
        #expect(report.entryCount == 9000 && report.bulkLoadedCount == 9000)
        #expect(states.first?.total == 9000 && states.last?.done == 9000 && states.count > 3)
        #expect(try database[numbers].get(4711) == "4711" && database[numbers].count == 9000)
        // Into the default table, in no order, over what is there.
        try database.put("old", for: "b")
        let more = try database.load(
            [("c", "3"), ("b", "2"), ("a", "1")].map { (Array($0.utf8), Array($1.utf8)) })
        #expect(more.entryCount == 3)
        #expect(try database.keys().map { String(decoding: $0, as: UTF8.self) } == ["a", "b", "c"])
        #expect(try database.get("b") == Array("2".utf8))
        #expect(try database.verify().isSound)
        try database.close()
        guard !isInMemory else { return }
        let again = try Database(at: folder.file("a.kvdb"))
        #expect(try again[numbers].count == 9000 && again.count == 3)
    }

    @Test func aLoadThatIsEndedChangesNothing() throws {
        let folder = try TemporaryDirectory()
        let database = try Database(at: folder.file("a.kvdb"))
        let numbers = Table<UInt64, String>("numbers")
        try database.put("1", for: "a")
        for stop: UInt64 in [0, 1, 5000] {
            var next: UInt64 = 0
            #expect(throws: Enough.self) {
                try database[numbers].load {
                    if next == stop { throw Enough() }
                    next += 1
                    return (next, "\(next)")
                }
            }
            #expect(try database.tableNames() == [] && database.count == 1)
            next = 0
            #expect(throws: Enough.self) {
                try database[numbers].load(
                    progress: { if $0.done >= Int(stop) { throw Enough() } },
                    next: {
                        next += 1
                        return next < 9000 ? (next, "") : nil
                    })
            }
            #expect(try database.tableNames() == [] && database.verify().isSound)
        }
        // Nobody writes meanwhile, the source of the entries least of all.
        let busy = #expect(throws: StorageError.self) {
            try database.load {
                try database.put("2", for: "a")
                return nil
            }
        }
        #expect(busy?.code == .busy)
        #expect(throws: StorageError.self) {
            try database.load([([UInt8](repeating: 0, count: 1025), [])])
        }
        #expect(try database.get("a") == Array("1".utf8))
    }
}
