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

extension Database.Snapshot {
    /// Returns whether a table is there, whatever types it has. The default table always is.
    ///
    /// - Throws: `damaged`, `inputOutput`, `closed`.
    /// - Complexity: O(log tables).
    public func hasTable(_ name: String) throws(StorageError) -> Bool {
        let core = engine.core
        let table = core.reference(to: Array(name.utf8))
        return try core.root(of: table, in: engine.version) != nil
    }
}

extension Database {
    /// Returns whether a table is there in the newest version, whatever types it has. The default table always is.
    ///
    /// - Throws: `damaged`, `inputOutput`, `closed`.
    public func hasTable(_ name: String) throws(StorageError) -> Bool {
        try snapshot().hasTable(name)
    }
}

extension Database.Transaction {
    /// Returns the names of the named tables as this transaction sees them; see ``Database/Snapshot/tableNames()``.
    public func tableNames() throws(StorageError) -> [String] {
        try tableNameBytes().map { String(decoding: $0, as: UTF8.self) }
    }

    /// Returns the names of the named tables as this transaction sees them, as bytes of UTF-8, in order, each of them
    /// once.
    ///
    /// - Throws: `damaged`, `inputOutput`.
    /// - Complexity: O(tables).
    public func tableNameBytes() throws(StorageError) -> [[UInt8]] {
        try database.core.use(engine.number) { () throws(StorageError) in
            try engine.tableNameBytes()
        }
    }

    /// Returns whether a table is there, whatever types it has. The default table always is.
    ///
    /// - Throws: `damaged`, `inputOutput`.
    /// - Complexity: O(log tables).
    public func hasTable(_ name: String) throws(StorageError) -> Bool {
        let core = database.core
        return try core.use(engine.number) { () throws(StorageError) in
            try core.open(core.reference(to: Array(name.utf8))) != nil
        }
    }

    /// Creates an empty table with its types, if it is not there. The first put does it too.
    ///
    /// - Throws: `keyTooLong` for a name of more than 1,024 bytes; `wrongType` for a table of other types, and nothing
    ///   has changed; `diskFull`, `damaged`, `inputOutput`.
    public func create<Key, Value>(_ table: Table<Key, Value>) throws(StorageError) {
        let core = database.core
        try core.use(engine.number) { () throws(StorageError) in
            let table = core.reference(to: table)
            _ = try core.createTable(core.place(for: table), kind: table.kind)
        }
    }

    /// Removes a table and all that is in it, whatever types it has. The default table is only emptied.
    ///
    /// A cursor that stands in it finds nothing any more, until something is put again.
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

    /// Gives a table another name; its entries and types stay.
    ///
    /// - Parameters:
    ///   - table: the table, whatever types it has.
    ///   - name: a name that no other table has. Its own changes nothing.
    /// - Throws: `tableNotFound` when it is not there; `invalidArgument` when there is another table of that name, or one of
    ///   the two is the default table; `keyTooLong` for a name of more than 1,024 bytes. Nothing has changed then.
    /// - Complexity: O(log tables).
    public func rename<Key, Value>(
        _ table: Table<Key, Value>, to name: String
    ) throws(StorageError) {
        try renameTable(table.name, to: name)
    }

    /// Gives the table of a name another one; see ``rename(_:to:)``.
    public func renameTable(_ name: String, to target: String) throws(StorageError) {
        try database.core.use(engine.number) { () throws(StorageError) in
            try database.core.renameTable(Array(name.utf8), to: Array(target.utf8))
        }
    }
}

extension Engine {
    /// The table that a handle's calls are about. No page is read.
    func reference<Key, Value>(to table: Table<Key, Value>) -> TableReference {
        let name = Array(table.name.utf8)
        guard let indexes = table.indexes else {
            return reference(to: name, kind: tables.kind(Key.self, Value.self))
        }
        tables.note(indexes, on: name)
        return reference(to: name, kind: tables.kind(of: indexes.description), indexes: indexes)
    }
}
