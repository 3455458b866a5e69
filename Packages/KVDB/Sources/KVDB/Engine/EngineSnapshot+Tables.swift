import BTree
import PageStore
import StorageIO
import WAL

extension Engine {
    /// The root of a table in a version that is held; nil when the table is not there. O(1) from the second time on.
    @inline(__always)
    func root(of table: TableID, in version: Version) throws(StorageError) -> TreeRoot? {
        if table == .main { return version.main }
        return try self.table(table, in: version)?.root
    }

    /// What a version that is held knows of a named table; nil when it is not there.
    @inline(__always)
    func table(_ table: TableID, in version: Version) throws(StorageError) -> KnownTable? {
        switch version.tables.entry(table) {
        case .found(let known): return known
        case .missing: return nil
        case .unknown: return try resolve(table, in: version)
        }
    }

    /// Looks a table up in the catalog of a version, and fills in what it says for the next ones who ask.
    @inline(never)
    private func resolve(
        _ table: TableID, in version: Version
    ) throws(StorageError) -> KnownTable? {
        let catalog = BPlusTree(store: store, root: version.catalog)
        let record = try catalog.record(of: tables.name(of: table))
        let known = record.map { KnownTable($0, tables) }
        version.tables.fill(table, known)
        return known
    }
}

// Every table by its place in the handle's set; a missing table reads as an empty one.
#if !hasFeature(Embedded)
    @_spi(Engine)
#endif
extension EngineSnapshot {
    /// The table's tree; an empty one when the table is not there.
    func tree(of table: TableID) throws(StorageError) -> BPlusTree<Store> {
        BPlusTree(store: core.store, root: try core.root(of: table, in: version) ?? .empty)
    }

    /// Whether the table is there.
    public func hasTable(_ table: TableID) throws(StorageError) -> Bool {
        try core.root(of: table, in: version) != nil
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
            try lendValue(of: key, table: table) { value in result = body(value) }
        }
        return result
    }

    /// Lends the value of `key`, if it is there.
    @usableFromInline
    func lendValue(
        of key: ByteView, table: TableID, to body: (ByteView) -> Void
    ) throws(StorageError) {
        guard let root = try core.root(of: table, in: version) else { return }
        try core.store.lendValue(of: key, in: root) { value throws(StorageError) in body(value) }
    }

    /// Lends the values of the keys in a batch, which are numbered from `first` on: nil for those that are not
    /// there.
    public func lendValues(
        of batch: borrowing KeyBatch, from first: Int = 0, table: TableID,
        to body: (Int, ByteView?) throws(StorageError) -> Void
    ) throws(StorageError) {
        try tree(of: table).withValues(of: batch) { (index, value) throws(StorageError) in
            try body(first + index, value)
        }
    }

    /// Whether `key` is there. O(log n).
    public func contains<Key: ByteSource>(
        _ key: Key, table: TableID
    ) throws(StorageError) -> Bool {
        let tree = try tree(of: table)
        return try withByteView(of: key) { key throws(StorageError) in try tree.contains(key) }
    }

    /// How many entries there are; nil when there is no such table. O(1).
    public func count(table: TableID) throws(StorageError) -> UInt64? {
        try core.root(of: table, in: version)?.entryCount
    }

    /// How many entries lie in `range`. O(log n) (R10).
    public func count(table: TableID, in range: KeyRange) throws(StorageError) -> UInt64 {
        try tree(of: table).count(in: range)
    }

    /// How many keys sort before `key`. O(log n) (R10).
    public func rank<Key: ByteSource>(_ key: Key, table: TableID) throws(StorageError) -> UInt64 {
        let tree = try tree(of: table)
        return try withByteView(of: key) { key throws(StorageError) in try tree.rank(key) }
    }

    /// The `index`-th entry in key order, from 0; nil beyond the last. O(log n) (R10).
    public func entry(
        at index: UInt64, table: TableID
    ) throws(StorageError) -> (key: [UInt8], value: [UInt8])? {
        try tree(of: table).entry(at: index)
    }

    /// The first entry in `range`, or the last; nil when there is none. O(log n).
    public func edge(
        of range: KeyRange, last: Bool, table: TableID
    ) throws(StorageError) -> (key: [UInt8], value: [UInt8])? {
        try tree(of: table).edge(of: range, last: last)
    }

    /// Calls `body` with each entry in `range` in key order, or the reverse, until it returns false.
    /// The views are valid until `body` returns.
    public func forEach(
        table: TableID, in range: KeyRange = .all, reverse: Bool = false,
        _ body: (_ key: ByteView, _ value: ByteView) throws(StorageError) -> Bool
    ) throws(StorageError) {
        try tree(of: table).forEach(in: range, reverse: reverse, body)
    }

    /// Calls `body` with each key in `range` in order, or the reverse, until it returns false. Big values
    /// are not read. The view is valid until `body` returns.
    public func forEachKey(
        table: TableID, in range: KeyRange = .all, reverse: Bool = false,
        _ body: (_ key: ByteView) throws(StorageError) -> Bool
    ) throws(StorageError) {
        try tree(of: table).forEachKey(in: range, reverse: reverse, body)
    }
}

// Named tables by their names.
#if !hasFeature(Embedded)
    @_spi(Engine)
#endif
extension EngineSnapshot {
    /// Returns the names of the named tables, in the order of their bytes.
    ///
    /// Tables are told apart by the bytes of their names, and Swift's strings by what they look like: an é
    /// of one scalar and one of two name two tables, but are equal as strings. Where a database may
    /// have such names, take ``tableNameBytes()``, or don't use the names as keys of a dictionary.
    ///
    /// - Throws: `damaged` with the path, also when a forged catalog has names that can't be.
    /// - Complexity: O(tables).
    public func tableNames() throws(StorageError) -> [String] {
        try tableNameBytes().map { String(decoding: $0, as: UTF8.self) }
    }

    /// Returns the names of the named tables as bytes of UTF-8, in order, each of them once.
    ///
    /// - Throws: `damaged` with the path, also when a forged catalog has names that can't be.
    /// - Complexity: O(tables).
    public func tableNameBytes() throws(StorageError) -> [[UInt8]] {
        try catalog.namedTables(path: core.path).map { $0.name }
            .filter { !IndexName.isReserved($0) }
    }

    /// The named tables, in order.
    func namedTables() throws(StorageError) -> [(name: [UInt8], tree: BPlusTree<Store>)] {
        try namedRecords().map { ($0.name, BPlusTree(store: core.store, root: $0.record.root)) }
    }

    /// The named tables with what is recorded about them, in order.
    func namedRecords() throws(StorageError) -> [(name: [UInt8], record: TableRecord)] {
        try catalog.namedTables(path: core.path).map { table in
            // The catalog is behind for tables that this handle has changed, and those it knows by name.
            guard let id = core.tables.find(table.name),
                case .found(let known) = version.tables.entry(id)
            else { return table }
            return (table.name, known.record(core.tables))
        }
    }

    private var catalog: BPlusTree<Store> { BPlusTree(store: core.store, root: version.catalog) }

    /// A table's tree, nil when there is no such table. The empty name is the default table. Asking for a name
    /// gives it no place.
    func tree(of table: String) throws(StorageError) -> BPlusTree<Store>? {
        let name = Array(table.utf8)
        let root: TreeRoot?
        if let id = core.tables.find(name) {
            root = try core.root(of: id, in: version)
        } else {
            root = try catalog.record(of: name)?.root
        }
        return root.map { BPlusTree(store: core.store, root: $0) }
    }

    /// A table's tree; a missing one is a `tableNotFound` error.
    func requireTree(of table: String) throws(StorageError) -> BPlusTree<Store> {
        guard let tree = try tree(of: table) else {
            throw StorageError(.tableNotFound, "There is no table \(table).", path: core.path)
        }
        return tree
    }

    /// The value of `key` in a named table; nil when the key or the table is missing.
    public func get<Key: ByteSource>(
        _ key: Key, table: String
    ) throws(StorageError) -> [UInt8]? {
        guard let tree = try tree(of: table) else { return nil }
        return try withByteView(of: key) { key throws(StorageError) in try tree.get(key) }
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
        try requireTree(of: table).forEach(
            in: range, reverse: reverse, keepsValues: keepsValues, body)
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
        try requireTree(of: table).forEachKey(in: range, reverse: reverse, body)
    }

    /// How many entries of a named table lie in `range`; a missing table is a `tableNotFound` error.
    /// O(log n) (R10).
    public func count(table: String, in range: KeyRange) throws(StorageError) -> UInt64 {
        try requireTree(of: table).count(in: range)
    }

    /// How many entries a named table has; nil when there is no such table. O(log tables).
    public func count(table: String) throws(StorageError) -> UInt64? {
        try tree(of: table)?.root.entryCount
    }
}
