import BTree
import PageStore
import StorageIO
import WAL

/// A running write transaction: a private version of the database that becomes the next one by
/// ``commit(durability:)`` and leaves no trace by ``abort()``, an error, or being dropped (R5).
///
/// It sees its own changes; nobody else does before the commit returns. One runs at a time; begin,
/// use and end it from one thread at a time.
#if !hasFeature(Embedded)
    @_spi(Engine)
#endif
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

    var writer: WriterState<Store> { core.writer }

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

    /// Runs `body` as a part of the transaction that is undone if it throws; see
    /// `Database.Transaction.savepoint(_:)`.
    public func savepoint<Result>(
        _ body: () throws(Database.Failure) -> Result
    ) throws(Database.Failure) -> Result {
        try core.savepoint(number, body)
    }

    // MARK: The default table

    /// The value of `key` as this transaction sees it, copied out; nil when there is none. O(log n).
    public func get<Key: ByteSource>(_ key: Key) throws(StorageError) -> [UInt8]? {
        try get(key, table: .main)
    }

    /// Whether `key` is there. O(log n).
    public func contains<Key: ByteSource>(_ key: Key) throws(StorageError) -> Bool {
        try contains(key, table: .main)
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
        try put(key, value, table: .main)
    }

    /// Deletes `key`; whether it was there. O(log n).
    @discardableResult
    @inlinable
    public func delete<Key: ByteSource>(_ key: Key) throws(StorageError) -> Bool {
        try delete(key, table: .main)
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
        try forEach(table: .main, in: range, reverse: reverse, body)
    }

    /// How many entries lie in `range`. O(log n).
    public func count(in range: KeyRange) throws(StorageError) -> UInt64 {
        try writer.main.count(in: range)
    }
}
