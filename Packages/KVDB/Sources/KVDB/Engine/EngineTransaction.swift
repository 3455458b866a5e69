import BTree
import PageStore
import StorageIO
import WAL

/// A running write transaction: a private version of the database that becomes the next one by
/// ``commit(durability:)`` and leaves no trace by ``abort()``, an error, or being dropped (R5).
///
/// It sees its own changes; nobody else does before the commit returns. One runs at a time; begin,
/// use and end it from one thread at a time.
public struct EngineTransaction<Store: CheckpointedStorage, Log: CommitLog>: ~Copyable {
    /// Kept so that the database closes only after its last transaction is gone.
    private let database: DatabaseEngine<Store, Log>
    /// The writer lock, until the commit or abort takes it.
    private var token: WriterToken

    /// Wraps the transaction that the database's core has just begun.
    init(_ database: DatabaseEngine<Store, Log>, _ token: consuming WriterToken) {
        self.database = database
        self.token = token
        number = database.core.writer.transaction
        database.core.transactionUse.open(number)
    }

    var core: Engine<Store, Log> { database.core }

    deinit {
        // The lock is free when the token has ended, which is after this.
        guard token.isHeld else { return }
        core.transactionUse.close(number)
        core.abandonTransaction()
    }

    private var writer: WriterState<Store> { core.writer }

    /// The number that this transaction's version will have.
    public let number: TransactionNumber

    /// Makes the changes the database's next version and waits as long as `durability` says.
    ///
    /// - Parameter durability: nil for the database's own level.
    /// - Throws: `diskFull` and nothing has changed; `poisoned` or `inputOutput` when a write or
    ///   sync failed: whether the commit survived is told by reopening.
    public consuming func commit(durability: Durability? = nil) throws(StorageError) {
        core.transactionUse.close(number)
        try core.commit(token.pass(), durability ?? core.options.durability)
    }

    /// Makes the changes the head; see `Engine.commitToHead`.
    consuming func commitToHead(durability: Durability?) throws(StorageError) -> CommitWait {
        core.transactionUse.close(number)
        return try core.commitToHead(token.pass(), durability ?? core.options.durability)
    }

    /// Drops every change.
    public consuming func abort() {
        core.transactionUse.close(number)
        core.rollback(token.pass())
    }

    // MARK: The default table

    /// The value of `key` as this transaction sees it, copied out; nil when there is none. O(log n).
    public func get<Key: ByteSource>(_ key: Key) throws(StorageError) -> [UInt8]? {
        try key.withByteView { key throws(StorageError) in try writer.main.get(key) }
    }

    /// Whether `key` is there. O(log n).
    public func contains<Key: ByteSource>(_ key: Key) throws(StorageError) -> Bool {
        try key.withByteView { key throws(StorageError) in try writer.main.contains(key) }
    }

    /// How many entries there are. O(1).
    public var count: UInt64 { writer.main.root.entryCount }

    /// Puts a value under `key`, replacing the one that was there. O(log n).
    ///
    /// - Throws: `keyTooLong`, `valueTooLong` with nothing changed; `diskFull`, `damaged`,
    ///   `inputOutput`, after which only abort is left.
    @inlinable
    public func put<Key: ByteSource, Value: ByteSource>(
        _ key: Key, _ value: Value
    ) throws(StorageError) {
        try key.withByteView { key throws(StorageError) in
            try value.withByteView { value throws(StorageError) in try putBytes(key, value) }
        }
    }

    @usableFromInline
    func putBytes(
        _ key: ByteView, _ value: ByteView, table: [UInt8] = []
    ) throws(StorageError) {
        try core.put(key, value, table: table)
    }

    /// Deletes `key`; whether it was there. O(log n).
    @discardableResult
    @inlinable
    public func delete<Key: ByteSource>(_ key: Key) throws(StorageError) -> Bool {
        try key.withByteView { key throws(StorageError) in try deleteBytes(key) }
    }

    @usableFromInline
    func deleteBytes(_ key: ByteView, table: [UInt8] = []) throws(StorageError) -> Bool {
        try core.delete(key, table: table)
    }

    /// Deletes every entry in `range`; how many there were. Whole subtrees go without a look at their
    /// entries: O(log n + pages freed).
    @discardableResult
    public func deleteRange(_ range: KeyRange) throws(StorageError) -> UInt64 {
        try core.deleteRange(range)
    }

    /// Calls `body` with each entry in `range` in key order, or the reverse, until it returns false.
    /// The views are valid until `body` returns. Changes from within are a `busy` error.
    public func forEach(
        in range: KeyRange = .all, reverse: Bool = false,
        _ body: (_ key: ByteView, _ value: ByteView) throws(StorageError) -> Bool
    ) throws(StorageError) {
        let tree = writer.main
        writer.iterations += 1
        defer { writer.iterations -= 1 }
        try tree.forEach(in: range, reverse: reverse, body)
    }

    /// How many entries lie in `range`. O(log n).
    public func count(in range: KeyRange) throws(StorageError) -> UInt64 {
        try writer.main.count(in: range)
    }

    // MARK: Named tables

    /// Puts a value under `key` into a named table, which is created when missing. The empty name is
    /// the default table.
    public func put<Key: ByteSource, Value: ByteSource>(
        _ key: Key, _ value: Value, table: String
    ) throws(StorageError) {
        try key.withByteView { key throws(StorageError) in
            try value.withByteView { value throws(StorageError) in
                try core.put(key, value, table: Array(table.utf8))
            }
        }
    }

    /// Deletes `key` from a named table; whether it was there.
    @discardableResult
    public func delete<Key: ByteSource>(
        _ key: Key, table: String
    ) throws(StorageError) -> Bool {
        try key.withByteView { key throws(StorageError) in
            try core.delete(key, table: Array(table.utf8))
        }
    }

    /// Deletes every entry in `range` of a named table; how many there were.
    @discardableResult
    public func deleteRange(_ range: KeyRange, table: String) throws(StorageError) -> UInt64 {
        try core.deleteRange(range, table: Array(table.utf8))
    }

    /// The value of `key` in a named table; nil when the key or the table is missing.
    public func get<Key: ByteSource>(
        _ key: Key, table: String
    ) throws(StorageError) -> [UInt8]? {
        let name = Array(table.utf8)
        guard !name.isEmpty else { return try get(key) }
        guard let index = try writer.openTable(name, create: false) else { return nil }
        return try key.withByteView { key throws(StorageError) in
            try writer.openTables[index].tree.get(key)
        }
    }

    /// Creates a named table if it is missing.
    public func createTable(_ name: String) throws(StorageError) {
        try core.createTable(Array(name.utf8))
    }

    /// Removes a named table and all in it; whether it was there. The default table is only emptied.
    @discardableResult
    public func dropTable(_ name: String) throws(StorageError) -> Bool {
        try core.dropTable(Array(name.utf8))
    }
}

// Many changes in one call.
extension EngineTransaction {
    /// Puts many entries by one call: the same as one put after the other.
    ///
    /// - Parameters:
    ///   - entries: any number, in any order; of two with the same key the later one stays. A dictionary
    ///     is such a sequence.
    ///   - table: the named table that they are put into, which is created when missing; empty for the
    ///     default table.
    /// - Throws: what ``put(_:_:)`` does. After `keyTooLong` and `valueTooLong` the entries before the one
    ///   in question are put, and the transaction goes on.
    /// - Complexity: O(entries × log n).
    @inlinable
    public func put<Entries: Sequence, Key: ByteSource, Value: ByteSource>(
        contentsOf entries: Entries, table: String = ""
    ) throws(StorageError) where Entries.Element == (key: Key, value: Value) {
        let table = Array(table.utf8)
        for (key, value) in entries {
            try key.withByteView { key throws(StorageError) in
                try value.withByteView { value throws(StorageError) in
                    try putBytes(key, value, table: table)
                }
            }
        }
    }

    /// Deletes many keys by one call, the same as one delete after the other; how many of them were there.
    ///
    /// - Parameters:
    ///   - keys: any number, in any order.
    ///   - table: the named table; empty for the default table.
    /// - Throws: what ``delete(_:)`` does.
    /// - Complexity: O(keys × log n).
    @discardableResult
    @inlinable
    public func delete<Keys: Sequence>(
        contentsOf keys: Keys, table: String = ""
    ) throws(StorageError) -> Int where Keys.Element: ByteSource {
        let table = Array(table.utf8)
        var deleted = 0
        for key in keys {
            let isFound = try key.withByteView { key throws(StorageError) in
                try deleteBytes(key, table: table)
            }
            if isFound { deleted += 1 }
        }
        return deleted
    }
}
