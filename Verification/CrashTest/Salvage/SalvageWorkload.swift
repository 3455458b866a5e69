@_spi(Engine) import DatabaseTesting
@_spi(Engine) import KVDB
import PageStore
import StorageIO
import StorageIOTesting
import WAL

/// A database in memory files.
typealias MemoryFileDatabase = DatabaseEngine<
    FilePageStore<InMemoryFile>, WriteAheadLog<InMemoryFileSystem>
>

/// A key of a table.
struct TableKey: Hashable {
    var table: [UInt8]
    var key: [UInt8]
}

/// Builds the files of a database of about 10,000 entries with a past: several checkpoints, between
/// them updates, deletions and range deletions, so that old leaves lie about in free pages. It notes
/// everything that was ever committed.
struct SalvageWorkload {
    static let path = "damaged.db"
    let files = InMemoryFileSystem()
    /// Names of the tables; the empty one is the default table.
    private(set) var tables: [[UInt8]] = [[]]
    /// What the newest version holds.
    private(set) var current: [TableKey: [UInt8]] = [:]
    /// What the last checkpoint's version holds.
    private(set) var checkpointed: [TableKey: [UInt8]] = [:]
    /// Every value that a key ever had in a committed version.
    private(set) var history: Set<[UInt8]> = []
    /// Every value that was ever written; one that its own transaction replaced was never committed.
    private(set) var written: Set<[UInt8]> = []
    /// Keys that a commit after the last checkpoint wrote or deleted.
    private(set) var touched: Set<TableKey> = []
    /// The bytes of the data file, and of the log when there is one.
    private(set) var data: [UInt8] = []
    private(set) var log: [UInt8]?

    private let keys: KeyGenerator
    private let longValues: Int

    init(_ random: inout SeededRandom) throws {
        let kind = random.element(of: [KeyGenerator.Kind.numbers, .paths, .ragged])
        for index in 0..<random.element(of: [0, 0, 1, 3]) {
            tables.append(Array("table \(index)".utf8))
        }
        keys = KeyGenerator(
            kind: kind, space: 10_000, valueLength: random.element(of: [8, 30, 120]))
        longValues = random.element(of: [0, 300, 3000])
        var options = DatabaseOptions()
        options.checkpointPolicy = .manual
        options.sizeLimit = 1 << 30
        options.logSegmentSize = random.element(of: [4096, 65_536])
        options.cacheBudget = 1 << 20
        options.dirtyBudget = random.element(of: [64 << 10, 4 << 20])
        let database = try MemoryFileDatabase.open(Self.path, files: files, options: options)
        try fill(database, &random)
        try database.checkpoint()
        for _ in 0..<random.number(in: 1...3) {
            for _ in 0..<random.number(in: 1...4) { try change(database, &random) }
            try database.checkpoint()
        }
        checkpointed = current
        touched = []
        if random.oneIn(2) {
            try database.close()
            try takeFiles()
        } else {
            for _ in 0..<random.number(in: 1...6) { try change(database, &random) }
            try takeFiles()
            try database.close()
        }
    }

    private mutating func takeFiles() throws {
        let file = try files.open(Self.path, .readOnly)
        data = try file.readAll()
        file.close()
        log = nil
        guard try files.exists(Self.path + "-wal") else { return }
        let logFile = try files.open(Self.path + "-wal", .readOnly)
        log = try logFile.readAll()
        logFile.close()
    }

    /// How the history names an entry of a table.
    static func note(_ key: TableKey, _ value: [UInt8]) -> [UInt8] {
        [UInt8(key.table.count)] + key.table + [
            UInt8(key.key.count >> 8), UInt8(key.key.count & 255),
        ]
            + key.key + value
    }

    private mutating func put(
        _ key: TableKey, _ value: [UInt8],
        _ transaction:
            borrowing EngineTransaction<
                FilePageStore<InMemoryFile>, WriteAheadLog<InMemoryFileSystem>
            >
    ) throws {
        if key.table.isEmpty {
            try transaction.put(key.key, value)
        } else {
            try transaction.put(
                key.key, value, table: String(decoding: key.table, as: UTF8.self))
        }
        current[key] = value
        written.insert(Self.note(key, value))
        touched.insert(key)
    }

    private func value(_ random: inout SeededRandom) -> [UInt8] {
        if longValues > 0, random.oneIn(longValues) { return random.bytes(random.below(20_000)) }
        return random.bytes(random.below(keys.valueLength * 2))
    }

    private mutating func fill(
        _ database: MemoryFileDatabase, _ random: inout SeededRandom
    ) throws {
        var left = 10_000
        while left > 0 {
            let transaction = try database.begin()
            for _ in 0..<min(left, 2000) {
                left -= 1
                let key = TableKey(table: random.element(of: tables), key: keys.key(left))
                try put(key, value(&random), transaction)
            }
            try transaction.commit(durability: .written)
        }
        noteAll()
    }

    private mutating func noteAll() {
        for key in touched { if let value = current[key] { history.insert(Self.note(key, value)) } }
    }

    private mutating func change(
        _ database: MemoryFileDatabase, _ random: inout SeededRandom
    ) throws {
        let before = touched
        touched = []
        let transaction = try database.begin()
        for _ in 0..<random.element(of: [5, 60, 400]) {
            let key = TableKey(
                table: random.element(of: tables), key: keys.key(random.below(10_000)))
            if random.oneIn(3) {
                let name = String(decoding: key.table, as: UTF8.self)
                _ =
                    key.table.isEmpty
                    ? try transaction.delete(key.key) : try transaction.delete(key.key, table: name)
                current[key] = nil
                touched.insert(key)
            } else {
                try put(key, value(&random), transaction)
            }
        }
        if random.oneIn(3) { try deleteRange(transaction, &random) }
        try transaction.commit(durability: .written)
        noteAll()
        touched.formUnion(before)
    }

    private mutating func deleteRange(
        _ transaction:
            borrowing EngineTransaction<
                FilePageStore<InMemoryFile>, WriteAheadLog<InMemoryFileSystem>
            >, _ random: inout SeededRandom
    ) throws {
        let table = random.element(of: tables)
        let sorted = current.keys.filter { $0.table == table }.map(\.key).sorted {
            $0.lexicographicallyPrecedes($1)
        }
        guard sorted.count > 400 else { return }
        let start = random.below(sorted.count - 300)
        let end = start + random.below(300)
        let range = KeyRange(from: sorted[start], upTo: sorted[end])
        if table.isEmpty {
            _ = try transaction.deleteRange(range)
        } else {
            _ = try transaction.deleteRange(
                range, table: String(decoding: table, as: UTF8.self))
        }
        for key in sorted[start..<end] {
            current[TableKey(table: table, key: key)] = nil
            touched.insert(TableKey(table: table, key: key))
        }
    }
}
