import StorageIO

/// A secondary index of a table: finds rows by something else than their key.
///
/// ```swift
/// extension Index where Key == UInt64, Value == User, IndexKey == String {
///     static var email: Index { Index("email", isUnique: true) { _, user in user.email } }
/// }
/// extension Table where Key == UInt64, Value == User {
///     static var users: Table { Table("users", indexes: Index.email, Index.age) }
/// }
///
/// try database[.users].put(user, for: 7)
/// let ada = try database[.users].index(.email).first("ada@example.org")
/// ```
///
/// The transaction that changes a row changes its indexes, whatever call it is: nobody ever sees one without the other.
/// The indexes of a table are recorded with its types. A table that is declared with others can be read, but each change
/// is refused by `wrongIndexes`: so no index is ever out of step. ``Database/Transaction/buildIndexes(of:)`` makes the
/// indexes what the declaration says, in a table that has rows already.
public struct Index<Key: OrderedKey, Value: StoredValue, IndexKey: OrderedKey>: Sendable {
    let schema: IndexSchema
    private let key: @Sendable (Key, Value) -> IndexKey?

    /// An index.
    ///
    /// - Parameters:
    ///   - name: 1 to 200 bytes of UTF-8, none of them zero; unlike those of the table's other indexes.
    ///   - isUnique: whether no two rows may have the same key in it. A row that would be the second one is refused by
    ///     `notUnique`.
    ///   - version: raise it when `key` gives other keys for the same rows, so that an old index is not taken for it.
    ///   - key: gives the key of a row in the index, and nil for a row that is left out. It must give the same for the
    ///     same row always, and not use the database. Key and row's key have at most 1,024 bytes together.
    public init(
        _ name: String, isUnique: Bool = false, version: UInt32 = 1,
        key: @escaping @Sendable (_ key: Key, _ value: Value) -> IndexKey?
    ) {
        schema = IndexSchema(
            name: name, isUnique: isUnique, version: version,
            keyName: TableSchema.recorded(IndexKey.schemaName),
            keyVersion: IndexKey.schemaVersion)
        self.key = key
    }

    /// The index's name.
    public var name: String { schema.name }
    /// Whether no two rows may have the same key in it.
    public var isUnique: Bool { schema.isUnique }

    /// What the index's own table holds.
    var types: TableDescription {
        TableDescription(schema: TableSchema(Keys<IndexKey, Key>.self, NoValue.self))
    }

    /// What keeps it in step.
    var rule: IndexRule {
        let key = key
        return IndexRule(schema: schema, types: types) { keyBytes, value throws(StorageError) in
            let rowKey = try Key(keyBytes: keyBytes)
            guard let indexKey = key(rowKey, try Value(storedBytes: value)) else { return nil }
            let prefix = indexKey.keyBytes(of: .part)
            return IndexEntry(
                bytes: prefix + rowKey.keyBytes(of: .part), prefixCount: prefix.count)
        }
    }
}

extension Table {
    /// A table of these types with secondary indexes.
    ///
    /// - Parameters:
    ///   - name: at most 1,024 bytes of UTF-8, less those of the longest index's name.
    ///   - indexes: the indexes, in any order. What describes them and the table's types has at most 900 bytes; each takes some
    ///     15 and its names.
    public init<each IndexKey: OrderedKey>(
        _ name: String, indexes: repeat Index<Key, Value, each IndexKey>
    ) {
        var rules: [IndexRule] = []
        for index in repeat each indexes { rules.append(index.rule) }
        self.init(name: name, indexes: rules)
    }
}

extension Database.Transaction {
    /// Makes the indexes of a table those that it is declared with: builds the missing ones from the rows, and drops those
    /// that are not declared. It is the way to another declaration for a table that has rows.
    ///
    /// - Returns: how many indexes were built.
    /// - Throws: `wrongType`; `notUnique` when two rows have the same key in a unique index; `keyTooLong`; `undecodable`; and
    ///   nothing has changed. `diskFull`, `damaged`, `inputOutput`.
    /// - Complexity: O(rows × log rows) for each index that is built.
    @available(*, noasync, message: "A transaction must not live across await.")
    @discardableResult
    public func buildIndexes<Key, Value>(of table: Table<Key, Value>) throws(StorageError) -> Int {
        let core = database.core
        return try core.use(engine.number) { () throws(StorageError) in
            try core.buildIndexes(core.reference(to: table))
        }
    }
}
