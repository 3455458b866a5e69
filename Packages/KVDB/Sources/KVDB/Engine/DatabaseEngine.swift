import BTree
import PageStore
import StorageIO
import WAL

/// An ordered key-value database on a page store and a log of any kind.
///
/// Most programs use ``Database``, which puts it on the system's files; ``InMemoryDatabase`` has no
/// files at all. A handle may be used from any number of threads. Reads of pages in memory take no
/// lock, and no read waits
/// for a writer; write transactions run one at a time, and commits that wait for the medium share
/// its syncs.
#if !hasFeature(Embedded)
    @_spi(Engine)
#endif
public final class DatabaseEngine<Store: CheckpointedStorage, Log: CommitLog>: Sendable {
    let core: Engine<Store, Log>

    /// Wraps an opened core; see `open`.
    init(core: Engine<Store, Log>) { self.core = core }

    deinit { core.closeQuietly() }

    /// Where its data file is, as ``DatabaseFiles`` has it: an absolute path without links, which errors
    /// name too. Empty when it has no file.
    public var path: String { core.path }

    /// The first failed write or sync, after which the handle only reads; nil while all is well.
    public var poison: StorageError? { core.poison }

    // MARK: Reading

    /// A version to read from for as long as it lives.
    public func snapshot() throws(StorageError) -> EngineSnapshot<Store, Log> {
        try EngineSnapshot(self)
    }

    /// Runs one read of the default table on the newest published version.
    private func readNewest<Result>(
        _ body: (BPlusTree<Store>) throws(StorageError) -> Result
    ) throws(StorageError) -> Result {
        let (slot, version) = try core.acquireVersion()
        defer { core.releaseVersion(slot) }
        return try body(BPlusTree(store: core.store, root: version.main))
    }

    /// The value of `key`, copied out; nil when there is none. O(log n).
    ///
    /// - Throws: `damaged` with the page, `inputOutput`, `closed`.
    @inlinable
    public func get<Key: ByteSource>(_ key: Key) throws(StorageError) -> [UInt8]? {
        try withValue(key) { $0.array }
    }

    /// The value of `key` in a named table; nil when the key or the table is missing. For more of a
    /// named table take a ``snapshot()``.
    public func get<Key: ByteSource>(
        _ key: Key, table: String
    ) throws(StorageError) -> [UInt8]? {
        try snapshot().get(key, table: table)
    }

    /// Calls `body` with the value of `key` where it lies in the cache, and returns what it returns;
    /// nil when there is no such key. Keep `body` short: what it reads can't be evicted meanwhile.
    @inlinable
    public func withValue<Key: ByteSource, Result>(
        _ key: Key, _ body: (ByteView) -> Result
    ) throws(StorageError) -> Result? {
        var result: Result?
        try withByteView(of: key) { key throws(StorageError) in
            try lendNewest(key) { value in result = body(value) }
        }
        return result
    }

    /// Lends the value of `key` in the newest version, if it is there.
    @usableFromInline
    func lendNewest(_ key: ByteView, to body: (ByteView) -> Void) throws(StorageError) {
        let (slot, version) = try core.acquireVersion()
        defer { core.releaseVersion(slot) }
        try core.store.lendValue(of: key, in: version.main) { value throws(StorageError) in
            body(value)
        }
    }

    /// Whether `key` is there. O(log n).
    public func contains<Key: ByteSource>(_ key: Key) throws(StorageError) -> Bool {
        try withByteView(of: key) { key throws(StorageError) in
            try readNewest { tree throws(StorageError) in try tree.contains(key) }
        }
    }

    /// Calls `body` with each entry in `range` in key order, or the reverse, until it returns false;
    /// all from one version. The views are valid until `body` returns.
    public func forEach(
        in range: KeyRange = .all, reverse: Bool = false,
        _ body: (_ key: ByteView, _ value: ByteView) throws(StorageError) -> Bool
    ) throws(StorageError) {
        try readNewest { tree throws(StorageError) in
            try tree.forEach(in: range, reverse: reverse, body)
        }
    }

    /// How many entries there are. O(1).
    public func count() throws(StorageError) -> UInt64 {
        try readNewest { tree throws(StorageError) in tree.root.entryCount }
    }

    /// How many entries lie in `range`. O(log n) (R10).
    public func count(in range: KeyRange) throws(StorageError) -> UInt64 {
        try readNewest { tree throws(StorageError) in try tree.count(in: range) }
    }

    // MARK: Writing

    /// Starts a write transaction, waiting for the one that runs. It belongs to no thread: whoever has it may
    /// use it, one at a time. Everybody else waits until it ends, so keep it short; ``write(durability:timeout:file:line:_:)``
    /// can't forget to end it.
    ///
    /// - Parameters:
    ///   - timeout: how long to wait at most; nil for `DatabaseOptions.writerTimeout`.
    ///   - file: where this is called, for the error that others get who waited in vain.
    ///   - line: the line there.
    /// - Throws: `timedOut`, which names the transaction that was in the way; `busy` inside the closure of
    ///   such a transaction, which would wait for itself; `readOnly`, `closed`, `poisoned`.
    @available(*, noasync, message: "A transaction must not live across an await; use write.")
    public func begin(
        timeout: Duration? = nil, file: StaticString = #fileID, line: UInt = #line
    ) throws(StorageError) -> EngineTransaction<Store, Log> {
        try begin(.transaction(file, line), timeout: timeout)
    }

    /// Starts a write transaction, which the writer lock is held for as `use` says.
    func begin(
        _ use: WriterUse, timeout: Duration?
    ) throws(StorageError) -> EngineTransaction<Store, Log> {
        if let timeout, timeout < .zero {
            throw StorageError(.invalidArgument, "A timeout must not be negative.", path: path)
        }
        return EngineTransaction(self, try core.begin(use, timeout: timeout))
    }

    /// Puts a value under `key`, replacing the one that was there, as a transaction of its own.
    @inlinable
    public func put<Key: ByteSource, Value: ByteSource>(
        _ key: Key, _ value: Value, durability: Durability? = nil
    ) throws(StorageError) {
        try withByteView(of: key) { key throws(StorageError) in
            try withByteView(of: value) { value throws(StorageError) in
                try putAlone(key, value, durability)
            }
        }
    }

    @usableFromInline
    func putAlone(
        _ key: ByteView, _ value: ByteView, _ durability: Durability?
    ) throws(StorageError) {
        try core.putAlone(key, value, durability ?? core.options.durability)
    }

    /// Deletes `key` as a transaction of its own; whether it was there.
    @discardableResult
    public func delete<Key: ByteSource>(
        _ key: Key, durability: Durability? = nil
    ) throws(StorageError) -> Bool {
        let transaction = try transactionOfOwn()
        let isFound = try transaction.delete(key)
        try transaction.commit(durability: durability)
        return isFound
    }

    /// Deletes every entry in `range` as a transaction of its own; how many there were.
    @discardableResult
    public func deleteRange(
        _ range: KeyRange, durability: Durability? = nil
    ) throws(StorageError) -> UInt64 {
        let transaction = try transactionOfOwn()
        let deleted = try transaction.deleteRange(range)
        try transaction.commit(durability: durability)
        return deleted
    }

    /// A transaction that this very call ends.
    private func transactionOfOwn() throws(StorageError) -> EngineTransaction<Store, Log> {
        EngineTransaction(self, try core.begin(.call))
    }

    // MARK: Keeping house

    /// Makes every commit so far durable, whatever level it asked for.
    public func sync() throws(StorageError) { try core.sync() }

    /// Writes the newest committed version to the data file, so that the log before it is not needed
    /// any more, and gives free pages at the file's end back. Readers and writers go on.
    ///
    /// - Throws: `diskFull` with nothing lost, `poisoned`, `readOnly`, `closed`.
    public func checkpoint() throws(StorageError) {
        try core.runCheckpoint(timeout: core.options.writerTimeout)
    }

    /// Writes everything to the data file, removes the log and gives the file's lock back. Snapshots
    /// that still live keep what is in memory; other uses of the handle throw `closed`. Calls after
    /// the first do nothing.
    ///
    /// - Throws: `busy` when a write transaction runs on for more than five seconds or is this thread's
    ///   own: nothing has happened then, and the handle is open as before. After any other error the
    ///   handle is closed: what the last checkpoint threw, and the next open recovers from the log;
    ///   or what removing the log and syncing its directory threw, and everything is in the data file.
    public func close() throws(StorageError) { try core.close() }
}

#if !hasFeature(Embedded)
    extension DatabaseEngine {
        /// Runs `body` in a write transaction that commits when it returns and aborts when it throws.
        ///
        /// - Parameters:
        ///   - durability: what the commit waits for; nil for the database's own level.
        ///   - timeout: how long to wait for the transaction before; nil for `DatabaseOptions.writerTimeout`.
        ///   - file: where this is called, for the error that others get who waited in vain.
        ///   - line: the line there.
        ///   - body: what to do. It lends the transaction: it can't end it, keep it or put another in its place.
        /// - Throws: what `body` throws; as ``begin(timeout:file:line:)`` and ``EngineTransaction/commit(durability:)``.
        public func write<Result>(
            durability: Durability? = nil, timeout: Duration? = nil,
            file: StaticString = #fileID, line: UInt = #line,
            _ body: (borrowing EngineTransaction<Store, Log>) throws -> Result
        ) throws -> Result {
            let transaction = EngineTransaction(
                self, try core.begin(.closure(file, line), timeout: timeout))
            let result = try body(transaction)
            try transaction.commit(durability: durability)
            return result
        }

        /// Runs `body` on one version of the database.
        public func read<Result>(
            _ body: (EngineSnapshot<Store, Log>) throws -> Result
        ) throws -> Result {
            try body(try snapshot())
        }
    }
#else
    extension DatabaseEngine {
        /// Runs `body` in a write transaction that commits when it returns and aborts when it throws.
        public func write<Result>(
            durability: Durability? = nil, timeout: Duration? = nil,
            file: StaticString = #fileID, line: UInt = #line,
            _ body: (borrowing EngineTransaction<Store, Log>) throws(StorageError) -> Result
        ) throws(StorageError) -> Result {
            let transaction = EngineTransaction(
                self, try core.begin(.closure(file, line), timeout: timeout))
            let result = try body(transaction)
            try transaction.commit(durability: durability)
            return result
        }
    }
#endif
