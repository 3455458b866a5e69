import StorageIO

/// The name of a table, and the types of its keys and values.
///
/// ```swift
/// extension Table where Key == String, Value == [UInt8] {
///     static var users: Table { Table("users") }
/// }
///
/// try database[.users].put(bytes, for: "ada")
/// try database.write { transaction in
///     let users = transaction[.users]
///     try users.delete("bob")
/// }
/// ```
///
/// It is a name and types only: to make one touches no file. A database, a snapshot and a transaction give the table
/// itself for it.
///
/// The types of keys and values are recorded in the database with the first put, and stay until the table is dropped.
/// From then on a table of the same name and other types is refused by `wrongType`, which says both: when it is
/// used for the first time, and when the table has got other types since. Types are compared by
/// ``StoredType/schemaName`` and ``StoredType/schemaVersion``, so that a program may rename its own types.
///
/// A table of `[UInt8]` and `[UInt8]` is one of bytes, and needs no record. It may read every table, since bytes are
/// what all of them hold in the end, but it changes only tables of bytes. The default table is one.
public struct Table<Key: OrderedKey, Value: StoredValue>: Sendable {
    /// The table's name; empty for the default table.
    public let name: String
    /// Its indexes; nil for none.
    let indexes: IndexRules?

    /// A table of these types.
    ///
    /// - Parameter name: at most 1,024 bytes of UTF-8, of which the first is not zero. Tables are told apart by these
    ///   bytes. The empty name is the default table's.
    public init(_ name: String) { self.init(name: name, indexes: []) }

    init(name: String, indexes: [IndexRule]) {
        self.name = name
        self.indexes =
            indexes.isEmpty
            ? nil : IndexRules(indexes, schema: TableSchema(Key.self, Value.self))
    }
}

extension Table where Key == [UInt8], Value == [UInt8] {
    /// The default table, of bytes: the one that the calls on the database itself are about.
    public static var `default`: Table { Table("") }
}

/// A table of the newest version of a database. Each reading call sees the version that is the newest then, and each
/// changing call is a transaction of its own.
public struct DatabaseTable<Key: OrderedKey, Value: StoredValue>: CommittingTable, Sendable {
    /// Where the calls go to.
    public let source: TableSource

    init(_ source: TableSource) { self.source = source }
}

/// A table of a snapshot: it never changes.
public struct SnapshotTable<Key: OrderedKey, Value: StoredValue>: TableReading, Sendable {
    /// Where the calls go to.
    public let source: TableSource

    init(_ source: TableSource) { self.source = source }
}

/// A table of a running transaction. It belongs to the transaction: after the end of that every call throws `closed`.
/// It may be used while it is iterated, from one thread at a time.
public struct TransactionTable<Key: OrderedKey, Value: StoredValue>: TableChanging {
    /// Where the calls go to.
    public let source: TableSource

    init(_ source: TableSource) { self.source = source }
}

@available(*, unavailable, message: "A table of a transaction belongs to one thread at a time.")
extension TransactionTable: Sendable {}

extension Database: CommittingTable {
    /// The keys of the default table.
    public typealias Key = [UInt8]
    /// The values of the default table.
    public typealias Value = [UInt8]

    /// The default table.
    public var source: TableSource { TableSource(.newest(engine)) }

    /// A table of the newest version. No file is touched, and the table need not be there. Its name is looked up here,
    /// so keep what you get where you use it often.
    public subscript<Key, Value>(_ table: Table<Key, Value>) -> DatabaseTable<Key, Value> {
        DatabaseTable(TableSource(.newest(engine), engine.core.reference(to: table)))
    }
}

extension Database.Snapshot: TableReading {
    /// The keys of the default table.
    public typealias Key = [UInt8]
    /// The values of the default table.
    public typealias Value = [UInt8]

    /// The default table.
    public var source: TableSource {
        TableSource(.snapshot(engine, engine.version.main))
    }

    /// A table of this version, which is looked up here, once. A table that is not there is an empty one.
    ///
    /// - Throws: `wrongType`, `damaged`, `inputOutput`, `closed`.
    /// - Complexity: O(log tables).
    public subscript<Key, Value>(_ table: Table<Key, Value>) -> SnapshotTable<Key, Value> {
        get throws(StorageError) {
            SnapshotTable(
                try TableSource(snapshot: engine, engine.core.reference(to: table)))
        }
    }
}

extension Database.Transaction: TableChanging {
    /// The keys of the default table.
    public typealias Key = [UInt8]
    /// The values of the default table.
    public typealias Value = [UInt8]

    /// The default table.
    public var source: TableSource { TableSource(.transaction(database, engine.number)) }

    /// A table as this transaction sees it. A table that is not there is an empty one, and comes into being with the first
    /// put. Its name is looked up here, so keep what you get while you use it.
    public subscript<Key, Value>(_ table: Table<Key, Value>) -> TransactionTable<Key, Value> {
        TransactionTable(
            TableSource(
                .transaction(database, engine.number), database.core.reference(to: table)))
    }
}

extension Database.Transaction {
    /// Puts a value; but an assignment can't throw, so this is not there.
    @available(
        *, unavailable, message: "A put can fail; write: try transaction.put(value, for: key)"
    )
    public subscript(key: String) -> String? {
        get { nil }
        nonmutating set {}
    }
}
