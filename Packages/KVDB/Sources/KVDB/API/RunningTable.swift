import BTree
import PageStore
import StorageIO

/// A table of a running transaction, as the changing calls of ``TableChanging`` use it. Each call here is one
/// step that nobody else can come between; no closure of an app is called inside of one.
@usableFromInline
struct RunningTable {
    let engine: FileEngine
    /// The transaction, for a check with each call; nil where the call itself has begun it and will end it.
    let number: UInt64?
    /// Which table, and what it is taken to hold.
    let table: TableReference

    private var core: Engine<FileStore, FileLog> { engine.core }

    /// The table for reading.
    var source: TableSource { TableSource(.transaction(engine, number), table) }

    /// Runs one step.
    func step<Result>(_ body: () throws(StorageError) -> Result) throws(StorageError) -> Result {
        try core.use(number, body)
    }

    func tree() throws(StorageError) -> BPlusTree<FileStore> {
        try core.runningTree(table)
    }

    func put<Key: OrderedKey, Value: StoredValue>(
        _ value: Value, for key: Key
    ) throws(StorageError) {
        try key.withKeyBytes { key throws(StorageError) in
            try value.withStoredBytes { value throws(StorageError) in
                try put(value, for: key)
            }
        }
    }

    @usableFromInline
    func put(_ value: RawSpan, for key: RawSpan) throws(StorageError) {
        try withByteView(of: key) { key throws(StorageError) in
            try withByteView(of: value) { value throws(StorageError) in
                try step { () throws(StorageError) in try core.put(key, value, to: table) }
            }
        }
    }

    func delete<Key: OrderedKey>(_ key: Key) throws(StorageError) -> Bool {
        try key.withKeyBytes { key throws(StorageError) in try delete(key) }
    }

    func delete(_ key: RawSpan) throws(StorageError) -> Bool {
        try withByteView(of: key) { key throws(StorageError) in
            try step { () throws(StorageError) in try core.delete(key, from: table) }
        }
    }

    func delete(in range: KeyRange) throws(StorageError) -> Int {
        try step { () throws(StorageError) in
            Int(clamping: try core.deleteRange(range, from: table))
        }
    }

    func contains<Key: OrderedKey>(_ key: Key) throws(StorageError) -> Bool {
        try key.withKeyBytes { key throws(StorageError) in
            try withByteView(of: key) { key throws(StorageError) in
                try step { () throws(StorageError) in try tree().contains(key) }
            }
        }
    }

    func bytes<Key: OrderedKey>(of key: Key) throws(StorageError) -> [UInt8]? {
        try key.withKeyBytes { key throws(StorageError) in
            try withByteView(of: key) { key throws(StorageError) in
                try step { () throws(StorageError) in try tree().get(key) }
            }
        }
    }

    func value<Key: OrderedKey, Value: StoredValue>(of key: Key) throws(StorageError) -> Value? {
        guard let bytes = try bytes(of: key) else { return nil }
        return try Value(storedBytes: unsafe bytes.span.bytes)
    }

    /// Deletes the entry that `find` moves a cursor to, and returns it.
    func deleteEntry<Key: OrderedKey, Value: StoredValue>(
        _ find: (inout TreeCursor<FileStore>) throws(StorageError) -> Bool
    ) throws(StorageError) -> (key: Key, value: Value)? {
        let found = try step { () throws(StorageError) in
            var cursor = try tree().makeCursor()
            guard try find(&cursor) else { return nil as ([UInt8], [UInt8])? }
            return try cursor.withEntry { key, value in (key.array, value.array) }
        }
        guard let found else { return nil }
        let entry = (
            key: try Key(keyBytes: unsafe found.0.span.bytes),
            value: try Value(storedBytes: unsafe found.1.span.bytes)
        )
        _ = try delete(unsafe found.0.span.bytes)
        return entry
    }
}

extension TableSource {
    /// Runs changes in the transaction, or in one of their own.
    ///
    /// - Parameter durability: what a transaction of their own waits for; nil for the database's level.
    @usableFromInline
    func change<Result>(
        durability: Database.Durability? = nil,
        _ body: (RunningTable) throws(StorageError) -> Result
    ) throws(StorageError) -> Result {
        guard case .newest(let engine) = origin else { return try body(running) }
        let transaction = try engine.begin(.call, timeout: nil)
        let result = try body(RunningTable(engine: engine, number: nil, table: table))
        let isVolatile = engine.core.options.isVolatile
        try transaction.commit(durability: isVolatile ? .buffered : durability)
        return result
    }

    /// Runs changes with a closure of the app's in between, which may throw anything.
    ///
    /// - Parameter durability: what a transaction of their own waits for; nil for the database's level.
    func changing<Result>(
        durability: Database.Durability? = nil,
        _ body: (RunningTable) throws(Database.Failure) -> Result
    ) throws(Database.Failure) -> Result {
        guard case .newest(let engine) = origin else { return try body(running) }
        let transaction = try engine.begin(.call, timeout: nil)
        let result = try body(RunningTable(engine: engine, number: nil, table: table))
        let isVolatile = engine.core.options.isVolatile
        try transaction.commit(durability: isVolatile ? .buffered : durability)
        return result
    }

    /// The table in the transaction that this is of.
    private var running: RunningTable {
        guard case .transaction(let engine, let number) = origin else {
            preconditionFailure("A table of a snapshot has no changing calls.")
        }
        return RunningTable(engine: engine, number: number, table: table)
    }
}

extension Engine {
    /// The tree of a table in the running transaction. A table that is not there is an empty one.
    func runningTree(_ table: TableReference) throws(StorageError) -> BPlusTree<Store> {
        guard let place = try open(table) else { return BPlusTree(store: store) }
        return writer.tree(at: place)
    }

    func put(
        _ key: ByteView, _ value: ByteView, to table: TableReference
    ) throws(StorageError) {
        let id = try place(for: table)
        guard let indexes = table.indexes else {
            return try put(key, value, table: id, kind: table.kind)
        }
        try put(key, value, table: id, kind: table.kind, indexes)
    }

    func delete(_ key: ByteView, from table: TableReference) throws(StorageError) -> Bool {
        guard let id = try existingPlace(of: table) else { return false }
        guard let indexes = table.indexes else {
            return try delete(key, table: id, kind: table.kind)
        }
        return try delete(key, table: id, kind: table.kind, indexes)
    }

    func deleteRange(_ range: KeyRange, from table: TableReference) throws(StorageError) -> UInt64 {
        guard let id = try existingPlace(of: table) else { return 0 }
        guard let indexes = table.indexes else {
            return try deleteRange(range, table: id, kind: table.kind)
        }
        return try deleteRange(range, table: id, kind: table.kind, indexes)
    }

    /// Runs one call on an open transaction: without a check for nil, where the call that has begun it goes on.
    ///
    /// - Throws: `closed` after its end, `busy` beside another call; and what `body` throws.
    func use<Result>(
        _ number: UInt64?, _ body: () throws(StorageError) -> Result
    ) throws(StorageError) -> Result {
        guard let number else { return try body() }
        guard transactionUse.enter(number) else {
            throw transactionUse.refusal(number, path: path)
        }
        defer { transactionUse.leave(number) }
        return try body()
    }
}
