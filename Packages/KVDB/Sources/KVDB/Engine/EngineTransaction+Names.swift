import BTree
import PageStore
import StorageIO
import WAL

// Named tables by their names.
#if !hasFeature(Embedded)
    @_spi(Engine)
#endif
extension EngineTransaction {
    /// The place of a table that is there; nil when there is none, so that asking for names gives them no place.
    private func existingTable(_ table: String) throws(StorageError) -> TableID? {
        let name = Array(table.utf8)
        if let id = core.tables.find(name) { return id }
        guard try writer.catalog.record(of: name) != nil else { return nil }
        return try core.tables.id(of: name)
    }

    /// Puts a value under `key` into a named table, which is created when missing. The empty name is
    /// the default table.
    public func put<Key: ByteSource, Value: ByteSource>(
        _ key: Key, _ value: Value, table: String
    ) throws(StorageError) {
        try put(key, value, table: core.tables.id(of: Array(table.utf8)))
    }

    /// Deletes `key` from a named table; whether it was there.
    @discardableResult
    public func delete<Key: ByteSource>(
        _ key: Key, table: String
    ) throws(StorageError) -> Bool {
        guard let id = try existingTable(table) else { return false }
        return try delete(key, table: id)
    }

    /// Deletes every entry in `range` of a named table; how many there were.
    @discardableResult
    public func deleteRange(_ range: KeyRange, table: String) throws(StorageError) -> UInt64 {
        guard let id = try existingTable(table) else { return 0 }
        return try core.deleteRange(range, table: id)
    }

    /// The value of `key` in a named table; nil when the key or the table is missing.
    public func get<Key: ByteSource>(
        _ key: Key, table: String
    ) throws(StorageError) -> [UInt8]? {
        guard let id = try existingTable(table) else { return nil }
        return try get(key, table: id)
    }

    /// Creates a named table if it is missing.
    public func createTable(_ name: String) throws(StorageError) {
        try createTable(core.tables.id(of: Array(name.utf8)))
    }

    /// Removes a named table and all in it; whether it was there. The default table is only emptied.
    @discardableResult
    public func dropTable(_ name: String) throws(StorageError) -> Bool {
        guard let id = try existingTable(name) else { return false }
        return try dropTable(id)
    }

    /// Gives a named table another name; see ``renameTable(_:to:)-(TableID,_)``.
    public func renameTable(_ name: String, to target: String) throws(StorageError) {
        guard let id = try existingTable(name) else {
            throw StorageError(.tableNotFound, "There is no table \(name).", path: core.path)
        }
        try renameTable(id, to: core.tables.id(of: Array(target.utf8)))
    }
}

// Many changes in one call.
#if !hasFeature(Embedded)
    @_spi(Engine)
#endif
extension EngineTransaction {
    /// Puts many entries by one call: the same as one put after the other.
    ///
    /// - Parameters:
    ///   - entries: any number, in any order; of two with the same key the later one stays. A dictionary
    ///     is such a sequence.
    ///   - table: the table that they are put into, which is created when missing.
    /// - Throws: what ``put(_:_:)`` does. After `keyTooLong` and `valueTooLong` the entries before the one
    ///   in question are put, and the transaction goes on.
    /// - Complexity: O(entries × log n).
    @inlinable
    public func put<Entries: Sequence, Key: ByteSource, Value: ByteSource>(
        contentsOf entries: Entries, table: TableID
    ) throws(StorageError) where Entries.Element == (key: Key, value: Value) {
        for (key, value) in entries { try put(key, value, table: table) }
    }

    /// Deletes many keys by one call, the same as one delete after the other; how many of them were there.
    ///
    /// - Parameters:
    ///   - keys: any number, in any order.
    ///   - table: the table.
    /// - Throws: what ``delete(_:)`` does.
    /// - Complexity: O(keys × log n).
    @discardableResult
    @inlinable
    public func delete<Keys: Sequence>(
        contentsOf keys: Keys, table: TableID
    ) throws(StorageError) -> Int where Keys.Element: ByteSource {
        var deleted = 0
        for key in keys where try delete(key, table: table) { deleted += 1 }
        return deleted
    }

    /// Puts many entries into a named table, or into the default table (an empty name): see
    /// ``put(contentsOf:table:)-(_,TableID)``.
    public func put<Entries: Sequence, Key: ByteSource, Value: ByteSource>(
        contentsOf entries: Entries, table: String = ""
    ) throws(StorageError) where Entries.Element == (key: Key, value: Value) {
        try put(contentsOf: entries, table: core.tables.id(of: Array(table.utf8)))
    }

    /// Deletes many keys of a named table, or of the default table (an empty name): see
    /// ``delete(contentsOf:table:)-(_,TableID)``.
    @discardableResult
    public func delete<Keys: Sequence>(
        contentsOf keys: Keys, table: String = ""
    ) throws(StorageError) -> Int where Keys.Element: ByteSource {
        guard let id = try existingTable(table) else { return 0 }
        return try delete(contentsOf: keys, table: id)
    }
}
