import BTree
import StorageIO

// The tables that a database has.
extension Database.Snapshot {
    /// Returns the names of the named tables, in the order of their bytes.
    ///
    /// Tables are told apart by the bytes of their names, and Swift's strings by what they look like: an é of one
    /// scalar and one of two name two tables, but are equal as strings. ``tableNameBytes()`` tells them apart.
    ///
    /// - Throws: `damaged`, `inputOutput`, `closed`.
    /// - Complexity: O(tables).
    public func tableNames() throws(StorageError) -> [String] {
        engine.note { reads in reads.noteNames() }
        return try engine.tableNames()
    }

    /// Returns the names of the named tables as bytes of UTF-8, in order, each of them once.
    ///
    /// - Throws: `damaged`, `inputOutput`, `closed`.
    /// - Complexity: O(tables).
    public func tableNameBytes() throws(StorageError) -> [[UInt8]] {
        engine.note { reads in reads.noteNames() }
        return try engine.tableNameBytes()
    }
}

extension Database {
    /// Returns the names of the named tables in the newest version; see ``Snapshot/tableNames()``.
    public func tableNames() throws(StorageError) -> [String] { try snapshot().tableNames() }
}

extension Database.Transaction {
    /// Creates an empty table, if it is not there. The first put does it too.
    ///
    /// - Throws: `keyTooLong` for a name of more than 1,024 bytes, `wrongType`, `diskFull`, `damaged`, `inputOutput`.
    public func create<Key, Value>(_ table: Table<Key, Value>) throws(StorageError) {
        try database.core.use(engine.number) { () throws(StorageError) in
            try database.core.createTable(Array(table.name.utf8))
        }
    }

    /// Removes a table and all that is in it. The default table is only emptied.
    ///
    /// - Returns: whether it was there.
    /// - Throws: `damaged`, `inputOutput`.
    /// - Complexity: O(pages freed).
    @discardableResult
    public func drop<Key, Value>(_ table: Table<Key, Value>) throws(StorageError) -> Bool {
        try dropTable(table.name)
    }

    /// Removes the table of a name, whatever types it has, and all that is in it. The default table, with the empty name,
    /// is only emptied.
    ///
    /// - Returns: whether it was there.
    /// - Throws: `damaged`, `inputOutput`.
    /// - Complexity: O(pages freed).
    @discardableResult
    public func dropTable(_ name: String) throws(StorageError) -> Bool {
        try database.core.use(engine.number) { () throws(StorageError) in
            try database.core.dropTable(Array(name.utf8))
        }
    }
}
