@_spi(Engine) import KVDB
import StorageIO

/// This database, driven as a user's best: one snapshot for the reads that share a version, values
/// read where they lie by `withValue`, one transaction a batch, and its changes given all together.
final class KVDBEngine: BenchmarkEngine {
    private let database: FileDatabase

    private init(_ database: FileDatabase) { self.database = database }

    /// The database's file in its folder.
    static func path(in directory: String) -> String { directory + "/data.kvdb" }

    /// The options for a run: the budget that the peers get, a log as long as the write buffers of
    /// theirs are together, and changed pages kept as long as the cache has room for them.
    static func options(_ options: EngineOptions) -> DatabaseOptions {
        var native = DatabaseOptions()
        native.cacheBudget = options.cacheBudget
        native.dirtyBudget = min(256 << 20, options.cacheBudget / 2)
        native.logBudget = min(256 << 20, max(1 << 20, options.cacheBudget / 2))
        if options.checkpoints == .often { native.logBudget = 128 << 10 }
        if options.checkpoints == .never { native.checkpointPolicy = .manual }
        native.durability = options.level == .durable ? .full : .written
        return native
    }

    static func open(_ options: EngineOptions) throws -> KVDBEngine {
        KVDBEngine(
            try FileDatabase.open(path(in: options.directory), options: Self.options(options)))
    }

    /// How full the leaves of a closed database are, from 0 to 1.
    static func leafFill(in directory: String) throws -> Double {
        let database = try FileDatabase.open(path(in: directory))
        let fill = try database.composition().first?.leafFill ?? 0
        try database.close()
        return fill
    }

    func makeSession() -> KVDBSession { KVDBSession(database) }

    func settle() throws { try database.checkpoint() }

    func close() throws { try database.close() }
}

/// One thread's use of this database.
final class KVDBSession: BenchmarkSession {
    private let database: FileDatabase
    private var snapshot: DatabaseSnapshot?
    private(set) var touched: UInt64 = 0

    init(_ database: FileDatabase) { self.database = database }

    @inline(__always)
    private static func ends(_ value: ByteView) -> UInt64 {
        value.count == 0 ? 0 : UInt64(value[0]) &+ UInt64(value[value.count - 1])
    }

    @inline(__always)
    private static func head(_ bytes: ByteView) -> UInt64 {
        bytes.load(at: 0, as: UInt64.self) ?? 0
    }

    func put(_ key: ByteView, _ value: ByteView) throws { try database.put(key, value) }

    func putBatch(_ count: Int, _ entry: (Int) -> (ByteView, ByteView)) throws {
        let transaction = try database.begin()
        try withoutActuallyEscaping(entry) { entry in
            try transaction.put(
                contentsOf: (0..<count).lazy.map { index -> (key: ByteView, value: ByteView) in
                    let (key, value) = entry(index)
                    return (key, value)
                })
        }
        try transaction.commit()
    }

    func deleteBatch(_ count: Int, _ key: (Int) -> ByteView) throws {
        let transaction = try database.begin()
        try withoutActuallyEscaping(key) { key in
            _ = try transaction.delete(contentsOf: (0..<count).lazy.map { key($0) })
        }
        try transaction.commit()
    }

    func loadSorted(_ count: Int, _ entry: (Int) -> (ByteView, ByteView)) throws {
        try database.importEntries(replacing: false) { (add) throws(StorageError) in
            for index in 0..<count {
                let (key, value) = entry(index)
                try add(key, value)
            }
        }
        try database.sync()
    }

    func beginRead() throws { snapshot = try database.snapshot() }

    func endRead() { snapshot = nil }

    @inline(__always)
    func get(_ key: ByteView) throws -> Bool {
        guard let snapshot, let sum = try snapshot.withValue(key, { Self.ends($0) }) else {
            return false
        }
        touched &+= sum
        return true
    }

    @inline(__always)
    func getNewest(_ key: ByteView) throws -> Bool {
        guard let sum = try database.withValue(key, { Self.ends($0) }) else { return false }
        touched &+= sum
        return true
    }

    func getMany(_ keys: [ByteView]) throws -> Int {
        guard let snapshot else { return 0 }
        var found = 0
        var sum: UInt64 = 0
        try snapshot.withValues(of: keys) { _, value in
            guard let value else { return }
            found += 1
            sum &+= Self.ends(value)
        }
        touched &+= sum
        return found
    }

    func scan(from: ByteView?, reverse: Bool, limit: Int) throws -> Int {
        guard let snapshot else { return 0 }
        var count = 0
        var sum: UInt64 = 0
        let range = from.map { KeyRange.from($0) } ?? .all
        try snapshot.forEach(in: range, reverse: reverse) { key, value in
            sum &+= Self.head(key) &+ Self.head(value)
            count += 1
            return count < limit
        }
        touched &+= sum
        return count
    }

    func finish() { snapshot = nil }
}
