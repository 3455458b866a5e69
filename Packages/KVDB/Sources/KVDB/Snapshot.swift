import BTree
import PageStore
import StorageIO
import WAL

/// One version of the database, readable for as long as this lives, from any number of threads,
/// whatever is committed, checkpointed, compacted or evicted meanwhile (R6). It keeps only the pages
/// that it can see from being reused.
public final class Snapshot<Store: CheckpointedStorage, Log: CommitLog>: Sendable {
    /// Kept so that the database closes only after its last snapshot is gone.
    private let database: DatabaseEngine<Store, Log>
    private let slot: Int
    /// What it sees.
    public let version: Version

    init(_ database: DatabaseEngine<Store, Log>) throws(StorageError) {
        self.database = database
        (slot, version) = try database.core.acquireVersion()
    }

    var core: EngineCore<Store, Log> { database.core }

    deinit { core.releaseVersion(slot) }

    /// The transaction whose result it shows.
    public var transaction: TransactionNumber { version.transaction }

    /// How many entries the default table has. O(1).
    public var count: UInt64 { version.main.entryCount }

    /// The default table.
    var main: BPlusTree<Store> { BPlusTree(store: core.store, root: version.main) }

    /// The value of `key`, copied out; nil when there is none. O(log n).
    ///
    /// - Throws: `damaged` with the page, `inputOutput`.
    @inlinable
    public func get<Key: ByteSource>(_ key: Key) throws(StorageError) -> [UInt8]? {
        try withValue(key) { $0.array }
    }

    /// Calls `body` with the value of `key` where it lies in the cache, and returns what it returns;
    /// nil when there is no such key. Keep `body` short: what it reads can't be evicted meanwhile.
    @inlinable
    public func withValue<Key: ByteSource, Result>(
        _ key: Key, _ body: (ByteView) -> Result
    ) throws(StorageError) -> Result? {
        var result: Result?
        try key.withByteView { key throws(StorageError) in
            try lendValue(of: key) { value in result = body(value) }
        }
        return result
    }

    /// Lends the value of `key`, if it is there.
    @usableFromInline
    func lendValue(of key: ByteView, to body: (ByteView) -> Void) throws(StorageError) {
        try core.store.lendValue(of: key, in: version.main) { value throws(StorageError) in
            body(value)
        }
    }

    /// Calls `body` with the value of each of `keys`, where it lies in the cache, all from this version:
    /// much faster than one by one where the data are larger than the processor's caches, since the
    /// waits for memory overlap.
    ///
    /// - Parameters:
    ///   - keys: any number, in any order.
    ///   - body: gets the key's index in `keys`, from 0 on, and its value; nil when there is none.
    /// - Throws: `damaged` with the page, `inputOutput`, and what `body` throws.
    /// - Complexity: O(keys × log n).
    @inlinable
    public func withValues<Keys: Sequence>(
        of keys: Keys, _ body: (Int, ByteView?) throws(StorageError) -> Void
    ) throws(StorageError) where Keys.Element: ByteSource {
        var batch = KeyBatch()
        var first = 0
        for key in keys {
            key.withByteView { batch.append($0) }
            guard batch.count == 64 else { continue }
            try lendValues(of: batch, from: first, to: body)
            first += batch.count
            batch.removeAll()
        }
        try lendValues(of: batch, from: first, to: body)
    }

    /// Lends the values of the keys in a batch, which are numbered from `first` on.
    @usableFromInline
    func lendValues(
        of batch: borrowing KeyBatch, from first: Int,
        to body: (Int, ByteView?) throws(StorageError) -> Void
    ) throws(StorageError) {
        try main.withValues(of: batch) { (index, value) throws(StorageError) in
            try body(first + index, value)
        }
    }

    /// Whether `key` is there. O(log n).
    public func contains<Key: ByteSource>(_ key: Key) throws(StorageError) -> Bool {
        try key.withByteView { key throws(StorageError) in try main.contains(key) }
    }

    /// Calls `body` with each entry in `range` in key order, or the reverse, until it returns false.
    /// The views are valid until `body` returns.
    ///
    /// - Parameters:
    ///   - range: which keys.
    ///   - reverse: whether to go from the last to the first.
    ///   - keepsValues: whether big values that were not in the cache are from then on. False suits a pass
    ///     over much that is not read again soon: it takes memory for one such value at a time, and what
    ///     others use stays in the cache.
    ///   - body: gets key and value, and says whether to go on.
    /// - Throws: `damaged` with the page, `inputOutput`, and what `body` throws.
    /// - Complexity: O(log n + entries visited).
    public func forEach(
        in range: KeyRange = .all, reverse: Bool = false, keepsValues: Bool = true,
        _ body: (_ key: ByteView, _ value: ByteView) throws(StorageError) -> Bool
    ) throws(StorageError) {
        try main.forEach(in: range, reverse: reverse, keepsValues: keepsValues, body)
    }

    /// Calls `body` with each key in `range` in order, or the reverse, until it returns false. Big values
    /// are not read, which makes this fast where ``forEach(in:reverse:keepsValues:_:)`` would read them. The view
    /// is valid until `body` returns.
    ///
    /// - Parameters:
    ///   - table: the named table; empty for the default table.
    ///   - range: which keys.
    ///   - reverse: whether to go from the last to the first.
    ///   - body: gets the key, and says whether to go on.
    /// - Throws: `tableNotFound`; `damaged` with the page, `inputOutput`, and what `body` throws.
    /// - Complexity: O(log n + keys visited).
    public func forEachKey(
        table: String = "", in range: KeyRange = .all, reverse: Bool = false,
        _ body: (_ key: ByteView) throws(StorageError) -> Bool
    ) throws(StorageError) {
        guard let tree = try tree(of: table) else {
            throw StorageError(.tableNotFound, "There is no table \(table).", path: core.path)
        }
        guard !range.isEmpty else { return }
        try range.withBounds { from, to throws(StorageError) in
            try tree.forEachKey(from: from, to: to, reverse: reverse, body)
        }
    }

    /// How many entries lie in `range`. O(log n) (R10).
    public func count(in range: KeyRange) throws(StorageError) -> UInt64 {
        try main.count(in: range)
    }

    /// How many keys sort before `key`. O(log n) (R10).
    public func rank<Key: ByteSource>(_ key: Key) throws(StorageError) -> UInt64 {
        try key.withByteView { key throws(StorageError) in try main.rank(key) }
    }

    /// The `index`-th entry in key order, from 0; nil beyond the last. O(log n) (R10).
    public func entry(at index: UInt64) throws(StorageError) -> (key: [UInt8], value: [UInt8])? {
        try main.entry(at: index)
    }

    /// The entry with the smallest key, nil when there is none.
    public func first() throws(StorageError) -> (key: [UInt8], value: [UInt8])? {
        try entry(at: 0)
    }

    /// The entry with the largest key, nil when there is none.
    public func last() throws(StorageError) -> (key: [UInt8], value: [UInt8])? {
        count == 0 ? nil : try entry(at: count - 1)
    }

    // MARK: Named tables

    /// Returns the names of the named tables, in the order of their bytes.
    ///
    /// Tables are told apart by the bytes of their names, and Swift's strings by what they look like: an é
    /// of one scalar and one of two name two tables, but are equal as strings. Where a database may
    /// have such names, take ``tableNameBytes()``, or don't use the names as keys of a dictionary.
    ///
    /// - Throws: `damaged` with the path, also when a forged catalog has names that can't be.
    /// - Complexity: O(tables).
    public func tableNames() throws(StorageError) -> [String] {
        try catalog.namedTables(path: core.path).map { String(decoding: $0.name, as: UTF8.self) }
    }

    /// Returns the names of the named tables as bytes of UTF-8, in order, each of them once.
    ///
    /// - Throws: `damaged` with the path, also when a forged catalog has names that can't be.
    /// - Complexity: O(tables).
    public func tableNameBytes() throws(StorageError) -> [[UInt8]] {
        try catalog.namedTables(path: core.path).map(\.name)
    }

    /// The named tables, in order.
    func namedTables() throws(StorageError) -> [(name: [UInt8], tree: BPlusTree<Store>)] {
        try catalog.namedTables(path: core.path).map { table in
            (table.name, BPlusTree(store: core.store, root: table.record.root))
        }
    }

    private var catalog: BPlusTree<Store> { BPlusTree(store: core.store, root: version.catalog) }

    /// A table's tree, nil when there is no such table. The empty name is the default table.
    func tree(of table: String) throws(StorageError) -> BPlusTree<Store>? {
        guard !table.isEmpty else { return main }
        return try table.withByteView { name throws(StorageError) in
            guard let record = try catalog.get(name) else { return nil }
            let root = try record.withByteView { view throws(StorageError) in
                try TableRecord(view).root
            }
            return BPlusTree(store: core.store, root: root)
        }
    }

    /// The value of `key` in a named table; nil when the key or the table is missing.
    public func get<Key: ByteSource>(
        _ key: Key, table: String
    ) throws(StorageError) -> [UInt8]? {
        guard let tree = try tree(of: table) else { return nil }
        return try key.withByteView { key throws(StorageError) in try tree.get(key) }
    }

    /// The entries of a named table in `range`; a missing table is a `tableNotFound` error.
    ///
    /// - Parameters:
    ///   - table: the named table; empty for the default table.
    ///   - range: which keys.
    ///   - reverse: whether to go from the last to the first.
    ///   - keepsValues: as in ``forEach(in:reverse:keepsValues:_:)``.
    ///   - body: gets key and value, valid until it returns, and says whether to go on.
    /// - Throws: `tableNotFound`; `damaged` with the page, `inputOutput`, and what `body` throws.
    /// - Complexity: O(log n + entries visited).
    public func forEach(
        table: String, in range: KeyRange = .all, reverse: Bool = false, keepsValues: Bool = true,
        _ body: (_ key: ByteView, _ value: ByteView) throws(StorageError) -> Bool
    ) throws(StorageError) {
        guard let tree = try tree(of: table) else {
            throw StorageError(.tableNotFound, "There is no table \(table).", path: core.path)
        }
        try tree.forEach(in: range, reverse: reverse, keepsValues: keepsValues, body)
    }

    /// How many entries of a named table lie in `range`; a missing table is a `tableNotFound` error.
    /// O(log n) (R10).
    public func count(table: String, in range: KeyRange) throws(StorageError) -> UInt64 {
        guard let tree = try tree(of: table) else {
            throw StorageError(.tableNotFound, "There is no table \(table).", path: core.path)
        }
        return try tree.count(in: range)
    }

    /// How many entries a named table has; nil when there is no such table. O(log tables).
    public func count(table: String) throws(StorageError) -> UInt64? {
        try tree(of: table)?.root.entryCount
    }
}
