import BTree
import PageStore
import StorageIO
import WAL

// Every table by its place in the handle's set: reading from the newest published version, a missing table as an
// empty one, and changing in transactions of their own.
#if !hasFeature(Embedded)
    @_spi(Engine)
#endif
extension DatabaseEngine {
    /// The place of a table, by which the other calls know it. O(1), and no page is read: whether the table is
    /// there is another question.
    ///
    /// - Throws: `keyTooLong`; `invalidArgument` when the handle has used 16 million names.
    public func table(_ name: [UInt8]) throws(StorageError) -> TableID {
        try core.tables.id(of: name)
    }

    /// The place of a table, by which the other calls know it; see ``table(_:)-([UInt8])``.
    public func table(_ name: String) throws(StorageError) -> TableID {
        try core.tables.id(of: Array(name.utf8))
    }

    /// The name of a table as bytes. O(1).
    public func name(of table: TableID) -> [UInt8] { core.tables.name(of: table) }

    // MARK: Reading

    /// Runs one read of a table on the newest published version.
    private func readNewest<Result>(
        _ table: TableID, _ body: (BPlusTree<Store>) throws(StorageError) -> Result
    ) throws(StorageError) -> Result {
        let (slot, version) = try core.acquireVersion()
        defer { core.releaseVersion(slot) }
        let root = try core.root(of: table, in: version)
        return try body(BPlusTree(store: core.store, root: root ?? .empty))
    }

    /// Whether the table is there.
    public func hasTable(_ table: TableID) throws(StorageError) -> Bool {
        let (slot, version) = try core.acquireVersion()
        defer { core.releaseVersion(slot) }
        return try core.root(of: table, in: version) != nil
    }

    /// The value of `key`, copied out; nil when there is none. O(log n).
    @inlinable
    public func get<Key: ByteSource>(
        _ key: Key, table: TableID
    ) throws(StorageError) -> [UInt8]? {
        try withValue(key, table: table) { $0.array }
    }

    /// Calls `body` with the value of `key` where it lies in the cache, and returns what it returns;
    /// nil when there is no such key. Keep `body` short: what it reads can't be evicted meanwhile.
    @inlinable
    public func withValue<Key: ByteSource, Result>(
        _ key: Key, table: TableID, _ body: (ByteView) -> Result
    ) throws(StorageError) -> Result? {
        var result: Result?
        try withByteView(of: key) { key throws(StorageError) in
            try lendNewest(key, table: table) { value in result = body(value) }
        }
        return result
    }

    /// Lends the value of `key` in the newest version, if it is there.
    @usableFromInline
    func lendNewest(
        _ key: ByteView, table: TableID, to body: (ByteView) -> Void
    ) throws(StorageError) {
        let (slot, version) = try core.acquireVersion()
        defer { core.releaseVersion(slot) }
        guard let root = try core.root(of: table, in: version) else { return }
        try core.store.lendValue(of: key, in: root) { value throws(StorageError) in body(value) }
    }

    /// Whether `key` is there. O(log n).
    public func contains<Key: ByteSource>(
        _ key: Key, table: TableID
    ) throws(StorageError) -> Bool {
        try withByteView(of: key) { key throws(StorageError) in
            try readNewest(table) { tree throws(StorageError) in try tree.contains(key) }
        }
    }

    /// How many entries there are; nil when there is no such table. O(1).
    public func count(table: TableID) throws(StorageError) -> UInt64? {
        let (slot, version) = try core.acquireVersion()
        defer { core.releaseVersion(slot) }
        return try core.root(of: table, in: version)?.entryCount
    }

    /// How many entries lie in `range`. O(log n) (R10).
    public func count(table: TableID, in range: KeyRange) throws(StorageError) -> UInt64 {
        try readNewest(table) { tree throws(StorageError) in try tree.count(in: range) }
    }

    /// How many keys sort before `key`. O(log n) (R10).
    public func rank<Key: ByteSource>(_ key: Key, table: TableID) throws(StorageError) -> UInt64 {
        try withByteView(of: key) { key throws(StorageError) in
            try readNewest(table) { tree throws(StorageError) in try tree.rank(key) }
        }
    }

    /// The `index`-th entry in key order, from 0; nil beyond the last. O(log n) (R10).
    public func entry(
        at index: UInt64, table: TableID
    ) throws(StorageError) -> (key: [UInt8], value: [UInt8])? {
        try readNewest(table) { tree throws(StorageError) in try tree.entry(at: index) }
    }

    /// The first entry in `range`, or the last; nil when there is none. O(log n).
    public func edge(
        of range: KeyRange, last: Bool, table: TableID
    ) throws(StorageError) -> (key: [UInt8], value: [UInt8])? {
        try readNewest(table) { tree throws(StorageError) in try tree.edge(of: range, last: last) }
    }

    /// Calls `body` with each entry in `range` in key order, or the reverse, until it returns false;
    /// all from one version. The views are valid until `body` returns.
    public func forEach(
        table: TableID, in range: KeyRange = .all, reverse: Bool = false,
        _ body: (_ key: ByteView, _ value: ByteView) throws(StorageError) -> Bool
    ) throws(StorageError) {
        try readNewest(table) { tree throws(StorageError) in
            try tree.forEach(in: range, reverse: reverse, body)
        }
    }

    /// Calls `body` with each key in `range` in order, or the reverse, until it returns false. Big values
    /// are not read. The view is valid until `body` returns.
    public func forEachKey(
        table: TableID, in range: KeyRange = .all, reverse: Bool = false,
        _ body: (_ key: ByteView) throws(StorageError) -> Bool
    ) throws(StorageError) {
        try readNewest(table) { tree throws(StorageError) in
            try tree.forEachKey(in: range, reverse: reverse, body)
        }
    }

    // MARK: Writing

    /// Puts a value under `key`, replacing the one that was there, as a transaction of its own.
    @inlinable
    public func put<Key: ByteSource, Value: ByteSource>(
        _ key: Key, _ value: Value, table: TableID, durability: Durability? = nil
    ) throws(StorageError) {
        try withByteView(of: key) { key throws(StorageError) in
            try withByteView(of: value) { value throws(StorageError) in
                try putAlone(key, value, table, durability)
            }
        }
    }

    @usableFromInline
    func putAlone(
        _ key: ByteView, _ value: ByteView, _ table: TableID, _ durability: Durability?
    ) throws(StorageError) {
        try core.putAlone(key, value, table: table, durability ?? core.options.durability)
    }

    /// Deletes `key` as a transaction of its own. Returns whether it was there.
    @discardableResult
    public func delete<Key: ByteSource>(
        _ key: Key, table: TableID, durability: Durability? = nil
    ) throws(StorageError) -> Bool {
        let transaction = try begin(.call, timeout: nil)
        let isFound = try transaction.delete(key, table: table)
        try transaction.commit(durability: durability)
        return isFound
    }

    /// Deletes every entry in `range` as a transaction of its own. Returns how many there were.
    @discardableResult
    public func deleteRange(
        _ range: KeyRange, table: TableID, durability: Durability? = nil
    ) throws(StorageError) -> UInt64 {
        let transaction = try begin(.call, timeout: nil)
        let deleted = try transaction.deleteRange(range, table: table)
        try transaction.commit(durability: durability)
        return deleted
    }
}
