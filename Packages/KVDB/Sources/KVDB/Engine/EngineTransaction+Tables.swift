import BTree
import PageStore
import StorageIO
import WAL

// Every table by its place in the handle's set; a missing table reads as an empty one, and is created by what
// puts into it.
#if !hasFeature(Embedded)
    @_spi(Engine)
#endif
extension EngineTransaction {
    /// The table as this transaction sees it, nil when it is not there.
    private func tree(of table: TableID) throws(StorageError) -> BPlusTree<Store>? {
        guard let place = try writer.open(table) else { return nil }
        return writer.tree(at: place)
    }

    // MARK: Reading

    /// Whether the table is there.
    public func hasTable(_ table: TableID) throws(StorageError) -> Bool {
        try writer.open(table) != nil
    }

    /// The value of `key`, copied out; nil when there is none. O(log n).
    public func get<Key: ByteSource>(
        _ key: Key, table: TableID
    ) throws(StorageError) -> [UInt8]? {
        guard let place = try writer.open(table) else { return nil }
        return try withByteView(of: key) { key throws(StorageError) in
            try writer.tree(at: place).get(key)
        }
    }

    /// Lends the value of `key`, if it is there, until `body` returns. Changes from within are a `busy` error.
    @usableFromInline
    func lendValue(
        of key: ByteView, table: TableID, to body: (ByteView) -> Void
    ) throws(StorageError) {
        guard let place = try writer.open(table) else { return }
        writer.iterations += 1
        defer { writer.iterations -= 1 }
        try core.store.lendValue(of: key, in: writer.tables[place].root) {
            value throws(StorageError) in
            body(value)
        }
    }

    /// Calls `body` with the value of `key` where it lies in the cache, and returns what it returns; nil when
    /// there is no such key. Changes from within are a `busy` error.
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

    /// Lends the values of the keys in a batch, which are numbered from `first` on: nil for those that are not
    /// there. Changes from within are a `busy` error.
    public func lendValues(
        of batch: borrowing KeyBatch, from first: Int = 0, table: TableID,
        to body: (Int, ByteView?) throws(StorageError) -> Void
    ) throws(StorageError) {
        let tree = try tree(of: table) ?? BPlusTree(store: core.store)
        writer.iterations += 1
        defer { writer.iterations -= 1 }
        try tree.withValues(of: batch) { (index, value) throws(StorageError) in
            try body(first + index, value)
        }
    }

    /// Whether `key` is there. O(log n).
    public func contains<Key: ByteSource>(
        _ key: Key, table: TableID
    ) throws(StorageError) -> Bool {
        guard let tree = try tree(of: table) else { return false }
        return try withByteView(of: key) { key throws(StorageError) in try tree.contains(key) }
    }

    /// How many entries there are; nil when there is no such table. O(1).
    public func count(table: TableID) throws(StorageError) -> UInt64? {
        try writer.open(table).map { writer.tables[$0].root.entryCount }
    }

    /// How many entries lie in `range`. O(log n) (R10).
    public func count(table: TableID, in range: KeyRange) throws(StorageError) -> UInt64 {
        try tree(of: table)?.count(in: range) ?? 0
    }

    /// How many keys sort before `key`. O(log n) (R10).
    public func rank<Key: ByteSource>(_ key: Key, table: TableID) throws(StorageError) -> UInt64 {
        guard let tree = try tree(of: table) else { return 0 }
        return try withByteView(of: key) { key throws(StorageError) in try tree.rank(key) }
    }

    /// The `index`-th entry in key order, from 0; nil beyond the last. O(log n) (R10).
    public func entry(
        at index: UInt64, table: TableID
    ) throws(StorageError) -> (key: [UInt8], value: [UInt8])? {
        try tree(of: table)?.entry(at: index)
    }

    /// The first entry in `range`, or the last; nil when there is none. O(log n).
    public func edge(
        of range: KeyRange, last: Bool, table: TableID
    ) throws(StorageError) -> (key: [UInt8], value: [UInt8])? {
        try tree(of: table)?.edge(of: range, last: last)
    }

    /// Calls `body` with each entry in `range` in key order, or the reverse, until it returns false.
    /// The views are valid until `body` returns. Changes from within are a `busy` error; a ``cursor(table:)``
    /// goes on over changes.
    public func forEach(
        table: TableID, in range: KeyRange = .all, reverse: Bool = false,
        _ body: (_ key: ByteView, _ value: ByteView) throws(StorageError) -> Bool
    ) throws(StorageError) {
        guard let tree = try tree(of: table) else { return }
        writer.iterations += 1
        defer { writer.iterations -= 1 }
        try tree.forEach(in: range, reverse: reverse, body)
    }

    /// Calls `body` with each key in `range`, without reading big values; see ``forEach(table:in:reverse:_:)``.
    public func forEachKey(
        table: TableID, in range: KeyRange = .all, reverse: Bool = false,
        _ body: (_ key: ByteView) throws(StorageError) -> Bool
    ) throws(StorageError) {
        guard let tree = try tree(of: table) else { return }
        writer.iterations += 1
        defer { writer.iterations -= 1 }
        try tree.forEachKey(in: range, reverse: reverse, body)
    }

    /// A cursor before the first entry.
    public func cursor(table: TableID) -> EngineTransactionCursor<Store, Log> {
        EngineTransactionCursor(core, table)
    }

    // MARK: Changing

    /// Puts a value under `key`, replacing the one that was there. O(log n).
    ///
    /// - Throws: `keyTooLong`, `valueTooLong` with nothing changed; `diskFull`, `damaged`,
    ///   `inputOutput`, after which only abort is left.
    @inlinable
    public func put<Key: ByteSource, Value: ByteSource>(
        _ key: Key, _ value: Value, table: TableID
    ) throws(StorageError) {
        try withByteView(of: key) { key throws(StorageError) in
            try withByteView(of: value) { value throws(StorageError) in
                try putBytes(key, value, table: table)
            }
        }
    }

    @usableFromInline
    func putBytes(_ key: ByteView, _ value: ByteView, table: TableID) throws(StorageError) {
        try core.put(key, value, table: table)
    }

    /// Deletes `key`. Returns whether it was there. O(log n).
    @discardableResult
    @inlinable
    public func delete<Key: ByteSource>(
        _ key: Key, table: TableID
    ) throws(StorageError) -> Bool {
        try withByteView(of: key) { key throws(StorageError) in try deleteBytes(key, table: table) }
    }

    @usableFromInline
    func deleteBytes(_ key: ByteView, table: TableID) throws(StorageError) -> Bool {
        try core.delete(key, table: table)
    }

    /// Deletes every entry in `range`. Returns how many there were. O(log n + pages freed).
    @discardableResult
    public func deleteRange(_ range: KeyRange, table: TableID) throws(StorageError) -> UInt64 {
        try core.deleteRange(range, table: table)
    }

    /// Puts a value under `key` if there is none. Returns whether it was put. One way down the tree.
    public func insert<Key: ByteSource, Value: ByteSource>(
        _ key: Key, _ value: Value, table: TableID
    ) throws(StorageError) -> Bool {
        try withByteView(of: key) { key throws(StorageError) in
            try withByteView(of: value) { value throws(StorageError) in
                try core.revise(key, table: table) { revision throws(StorageError) in
                    guard revision.old == nil else { return false }
                    try revision.put(value)
                    return true
                }
            }
        }
    }

    /// Puts a value under `key` if the one that is there equals `expected`. Returns whether it was put. One way
    /// down the tree.
    public func replace<Key: ByteSource, Old: ByteSource, Value: ByteSource>(
        _ key: Key, expected: Old, _ value: Value, table: TableID
    ) throws(StorageError) -> Bool {
        try withByteView(of: key) { key throws(StorageError) in
            try withByteView(of: expected) { expected throws(StorageError) in
                try withByteView(of: value) { value throws(StorageError) in
                    try core.revise(key, table: table) { revision throws(StorageError) in
                        guard let old = revision.old, old.count == expected.count,
                            old.compare(to: expected) == 0
                        else { return false }
                        try revision.put(value)
                        return true
                    }
                }
            }
        }
    }

    /// Puts a value under `key`. Returns a copy of the one that was there, nil when there was none. One way down
    /// the tree.
    public func exchange<Key: ByteSource, Value: ByteSource>(
        _ key: Key, _ value: Value, table: TableID
    ) throws(StorageError) -> [UInt8]? {
        try withByteView(of: key) { key throws(StorageError) in
            try withByteView(of: value) { value throws(StorageError) in
                try core.revise(key, table: table) { revision throws(StorageError) in
                    let copy = revision.old.map { $0.array }
                    try revision.put(value)
                    return copy
                }
            }
        }
    }

    /// Looks at the value under `key`, and puts another one or leaves it. One way down the tree.
    ///
    /// - Parameters:
    ///   - key: the key.
    ///   - table: the table.
    ///   - decide: looks at the value that is there, and puts another one or doesn't. It must not use the
    ///     transaction.
    /// - Returns: what `decide` returned.
    public func update<Key: ByteSource, Result>(
        _ key: Key, table: TableID,
        _ decide: (inout EngineRevision<Store, Log>) throws(StorageError) -> Result
    ) throws(StorageError) -> Result {
        try withByteView(of: key) { key throws(StorageError) in
            try core.revise(key, table: table, decide)
        }
    }

    /// Deletes `key`. Returns a copy of its value, nil when it was not there. One way down the tree.
    public func remove<Key: ByteSource>(
        _ key: Key, table: TableID
    ) throws(StorageError) -> [UInt8]? {
        try withByteView(of: key) { key throws(StorageError) in
            var copy: [UInt8]?
            _ = try core.delete(key, table: table) { value in copy = value.array }
            return copy
        }
    }

    /// Deletes the first entry in `range`. Returns a copy of it, nil when there is none. Two ways down the tree.
    public func deleteFirst(
        in range: KeyRange = .all, table: TableID
    ) throws(StorageError) -> (key: [UInt8], value: [UInt8])? {
        guard let key = try tree(of: table)?.edgeKey(of: range, last: false),
            let value = try remove(key, table: table)
        else { return nil }
        return (key, value)
    }

    // MARK: Tables

    /// Creates a table if it is missing. Returns whether it was.
    @discardableResult
    public func createTable(_ table: TableID) throws(StorageError) -> Bool {
        try core.createTable(table)
    }

    /// Removes a table and all in it. Returns whether it was there. The default table is only emptied.
    @discardableResult
    public func dropTable(_ table: TableID) throws(StorageError) -> Bool {
        try core.dropTable(table)
    }

    /// Gives a table another name. O(log tables).
    ///
    /// - Throws: `tableNotFound` when there is none; `invalidArgument` when the other name has a table, or one
    ///   of the two is the default table. Nothing has changed then.
    public func renameTable(_ table: TableID, to target: TableID) throws(StorageError) {
        try core.renameTable(table, to: target)
    }

    /// The names of the named tables as this transaction sees them, as bytes, in order. O(tables).
    public func tableNameBytes() throws(StorageError) -> [[UInt8]] {
        var names: [[UInt8]] = []
        for table in try writer.catalog.namedTables(path: core.path) {
            // Whatever of them the transaction has looked up and dropped is gone from the catalog.
            if !IndexName.isReserved(table.name) { names.append(table.name) }
        }
        let sorted = writer.createdNames().filter { !IndexName.isReserved($0) }.sorted {
            $0.lexicographicallyPrecedes($1)
        }
        return sorted.isEmpty ? names : names.merged(with: sorted)
    }
}

extension [[UInt8]] {
    /// Both lists in order; this one and `other` ascend, and have nothing in common.
    fileprivate func merged(with other: [[UInt8]]) -> [[UInt8]] {
        var all: [[UInt8]] = []
        all.reserveCapacity(count + other.count)
        var next = 0
        for name in self {
            while next < other.count, other[next].lexicographicallyPrecedes(name) {
                all.append(other[next])
                next += 1
            }
            all.append(name)
        }
        return all + other[next...]
    }
}
