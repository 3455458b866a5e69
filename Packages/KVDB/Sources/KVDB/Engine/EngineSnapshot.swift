import BTree
import PageStore
import StorageIO
import WAL

/// One version of the database, readable for as long as this lives, from any number of threads,
/// whatever is committed, checkpointed, compacted or evicted meanwhile (R6). It keeps only the pages
/// that it can see from being reused.
#if !hasFeature(Embedded)
    @_spi(Engine)
#endif
public final class EngineSnapshot<Store: CheckpointedStorage, Log: CommitLog>: Sendable {
    /// Kept so that the database closes only after its last snapshot is gone.
    private let database: DatabaseEngine<Store, Log>
    private let slot: Int
    /// What it sees.
    public let version: Version
    /// Here as well, since every read asks for it.
    let store: Store
    #if !hasFeature(Embedded)
        /// Where the facade notes what is read; nil where nobody wants to know.
        let reads: ReadKeys?
    #endif

    init(_ database: DatabaseEngine<Store, Log>) throws(StorageError) {
        self.database = database
        store = database.core.store
        #if !hasFeature(Embedded)
            reads = nil
        #endif
        (slot, version) = try database.core.acquireVersion()
    }

    #if !hasFeature(Embedded)
        /// A snapshot of the newest version, whose reads through the facade are noted.
        init(
            _ database: DatabaseEngine<Store, Log>, noting reads: ReadKeys
        ) throws(StorageError) {
            self.database = database
            store = database.core.store
            self.reads = reads
            (slot, version) = try database.core.acquireVersion()
        }
    #endif

    var core: Engine<Store, Log> { database.core }

    deinit { core.releaseVersion(slot) }

    /// The transaction whose result it shows.
    public var transaction: TransactionNumber { version.transaction }

    /// How many entries the default table has. O(1).
    public var count: UInt64 { version.main.entryCount }

    /// The default table.
    var main: BPlusTree<Store> { BPlusTree(store: store, root: version.main) }

    /// The value of `key`, copied out; nil when there is none. O(log n).
    ///
    /// - Throws: `damaged` with the page, `inputOutput`.
    @inlinable
    public func get<Key: ByteSource>(_ key: Key) throws(StorageError) -> [UInt8]? {
        try withValue(key) { $0.array }
    }

    /// Calls `body` with the value of `key` where it lies in the cache, and returns what it returns;
    /// nil when there is no such key. Keep `body` short: what it reads can't be evicted meanwhile.
    @inlinable
    public func withValue<Key: ByteSource, Result>(
        _ key: Key, _ body: (ByteView) -> Result
    ) throws(StorageError) -> Result? {
        var result: Result?
        try withByteView(of: key) { key throws(StorageError) in
            try lendValue(of: key) { value in result = body(value) }
        }
        return result
    }

    /// Lends the value of `key`, if it is there.
    @usableFromInline
    func lendValue(of key: ByteView, to body: (ByteView) -> Void) throws(StorageError) {
        try store.lendValue(of: key, in: version.main) { value throws(StorageError) in
            body(value)
        }
    }

    /// Calls `body` with the value of each of `keys`, where it lies in the cache, all from this version:
    /// much faster than one by one where the data are larger than the processor's caches, since the
    /// waits for memory overlap.
    ///
    /// - Parameters:
    ///   - keys: any number, in any order.
    ///   - body: gets the key's index in `keys`, from 0 on, and its value; nil when there is none.
    /// - Throws: `damaged` with the page, `inputOutput`, and what `body` throws.
    /// - Complexity: O(keys × log n).
    @inlinable
    public func withValues<Keys: Sequence>(
        of keys: Keys, _ body: (Int, ByteView?) throws(StorageError) -> Void
    ) throws(StorageError) where Keys.Element: ByteSource {
        var batch = KeyBatch()
        var first = 0
        for key in keys {
            withByteView(of: key) { batch.append($0) }
            guard batch.count == 64 else { continue }
            try lendValues(of: batch, from: first, to: body)
            first += batch.count
            batch.removeAll()
        }
        try lendValues(of: batch, from: first, to: body)
    }

    /// Lends the values of the keys in a batch, which are numbered from `first` on.
    @usableFromInline
    func lendValues(
        of batch: borrowing KeyBatch, from first: Int,
        to body: (Int, ByteView?) throws(StorageError) -> Void
    ) throws(StorageError) {
        try main.withValues(of: batch) { (index, value) throws(StorageError) in
            try body(first + index, value)
        }
    }

    /// Whether `key` is there. O(log n).
    public func contains<Key: ByteSource>(_ key: Key) throws(StorageError) -> Bool {
        try withByteView(of: key) { key throws(StorageError) in try main.contains(key) }
    }

    /// Calls `body` with each entry in `range` in key order, or the reverse, until it returns false.
    /// The views are valid until `body` returns.
    ///
    /// - Parameters:
    ///   - range: which keys.
    ///   - reverse: whether to go from the last to the first.
    ///   - keepsValues: whether big values that were not in the cache are from then on. False suits a pass
    ///     over much that is not read again soon: it takes memory for one such value at a time, and what
    ///     others use stays in the cache.
    ///   - body: gets key and value, and says whether to go on.
    /// - Throws: `damaged` with the page, `inputOutput`, and what `body` throws.
    /// - Complexity: O(log n + entries visited).
    public func forEach(
        in range: KeyRange = .all, reverse: Bool = false, keepsValues: Bool = true,
        _ body: (_ key: ByteView, _ value: ByteView) throws(StorageError) -> Bool
    ) throws(StorageError) {
        try main.forEach(in: range, reverse: reverse, keepsValues: keepsValues, body)
    }

    /// How many entries lie in `range`. O(log n) (R10).
    public func count(in range: KeyRange) throws(StorageError) -> UInt64 {
        try main.count(in: range)
    }

    /// How many keys sort before `key`. O(log n) (R10).
    public func rank<Key: ByteSource>(_ key: Key) throws(StorageError) -> UInt64 {
        try withByteView(of: key) { key throws(StorageError) in try main.rank(key) }
    }

    /// The `index`-th entry in key order, from 0; nil beyond the last. O(log n) (R10).
    public func entry(at index: UInt64) throws(StorageError) -> (key: [UInt8], value: [UInt8])? {
        try main.entry(at: index)
    }

    /// The entry with the smallest key, nil when there is none.
    public func first() throws(StorageError) -> (key: [UInt8], value: [UInt8])? {
        try entry(at: 0)
    }

    /// The entry with the largest key, nil when there is none.
    public func last() throws(StorageError) -> (key: [UInt8], value: [UInt8])? {
        count == 0 ? nil : try entry(at: count - 1)
    }
}
