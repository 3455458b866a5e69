import BTree
import PageStore
import StorageIO
import WAL

/// A place in a table of a running transaction, to be moved entry by entry in both directions.
///
/// It keeps a copy of the key it stands on and no page in memory. The table may be changed meanwhile, through the
/// cursor's transaction: the cursor goes on behind its key (or before it), and sees what is there when it moves.
/// When its own entry was deleted, it stands where that was. It begins before the first entry.
///
/// It is to be used as the transaction is: by one thread at a time, and not after the transaction's end, which
/// is an `invalidArgument` error.
#if !hasFeature(Embedded)
    @_spi(Engine)
#endif
public struct EngineTransactionCursor<Store: CheckpointedStorage, Log: CommitLog> {
    private let core: Engine<Store, Log>
    private let table: TableID
    /// Which transaction it belongs to.
    private let session: UInt64
    private var cursor: TreeCursor<Store>
    /// Whether it stood on an entry after the last move.
    public private(set) var isValid = false
    private var buffer: [UInt8] = []

    init(_ core: Engine<Store, Log>, _ table: TableID) {
        self.core = core
        self.table = table
        session = core.writer.session
        cursor = BPlusTree(store: core.store).makeCursor()
    }

    /// The table as it is now, nil when it is empty or not there.
    private func tree() throws(StorageError) -> BPlusTree<Store>? {
        guard core.writer.session == session else {
            throw StorageError(
                .invalidArgument, "The cursor's transaction is over.", path: core.path)
        }
        guard let place = try core.writer.open(table) else { return nil }
        let tree = core.writer.tree(at: place)
        return tree.isEmpty ? nil : tree
    }

    /// Moves the cursor in the table as it is now. An empty table leaves it where it is, so that it goes on
    /// behind its key when there are entries again.
    private mutating func move(
        _ body: (inout TreeCursor<Store>) throws(StorageError) -> Bool
    ) throws(StorageError) -> Bool {
        isValid = false
        guard let tree = try tree() else { return false }
        try cursor.rebase(on: tree)
        isValid = try body(&cursor)
        return isValid
    }

    /// The key it stands on, copied out; nil when it stands on none.
    public var key: [UInt8]? { isValid ? cursor.key.array : nil }

    /// Lends its copy of the key it stands on; nil when it stands on none.
    public func withKey<Result>(_ body: (_ key: ByteView) -> Result) -> Result? {
        isValid ? body(cursor.key) : nil
    }

    /// Lends a copy of key and value of the entry it stands on, with the value that it has now; nil when it stands
    /// on none, or the entry was deleted.
    public mutating func withEntry<Result>(
        _ body: (_ key: ByteView, _ value: ByteView) throws(StorageError) -> Result
    ) throws(StorageError) -> Result? {
        guard isValid, let tree = try tree(), try cursor.rebase(on: tree) else { return nil }
        let isThere: Void? = try cursor.withValue { value throws(StorageError) in
            buffer.copy(value)
        }
        guard isThere != nil else { return nil }
        return try withByteView(of: buffer) { value throws(StorageError) in
            try body(cursor.key, value)
        }
    }

    /// The value of the entry it stands on; nil when it stands on none, or the entry was deleted.
    public mutating func value() throws(StorageError) -> [UInt8]? {
        try withEntry { _, value in value.array }
    }

    /// Moves to the first entry. Returns false if there is none. O(log n).
    @discardableResult
    public mutating func first() throws(StorageError) -> Bool {
        try move { cursor throws(StorageError) in try cursor.first() }
    }

    /// Moves to the last entry. Returns false if there is none. O(log n).
    @discardableResult
    public mutating func last() throws(StorageError) -> Bool {
        try move { cursor throws(StorageError) in try cursor.last() }
    }

    /// Moves to the first entry whose key is not below `key`. Returns false if there is none. O(log n).
    @discardableResult
    public mutating func seek<Key: ByteSource>(_ key: Key) throws(StorageError) -> Bool {
        let bytes = withByteView(of: key) { $0.array }
        return try withByteView(of: bytes) { key throws(StorageError) in
            try move { cursor throws(StorageError) in try cursor.seek(key) }
        }
    }

    /// Moves to the last entry whose key is below `key`. Returns false if there is none. O(log n).
    @discardableResult
    public mutating func seekBefore<Key: ByteSource>(_ key: Key) throws(StorageError) -> Bool {
        let bytes = withByteView(of: key) { $0.array }
        return try withByteView(of: bytes) { key throws(StorageError) in
            try move { cursor throws(StorageError) in try cursor.seekBefore(key) }
        }
    }

    /// Moves to the following entry. Returns false if there is none.
    @discardableResult
    public mutating func next() throws(StorageError) -> Bool {
        try move { cursor throws(StorageError) in try cursor.next() }
    }

    /// Moves to the entry before. Returns false if there is none.
    @discardableResult
    public mutating func previous() throws(StorageError) -> Bool {
        try move { cursor throws(StorageError) in try cursor.previous() }
    }
}

extension [UInt8] {
    /// Becomes a copy of what `bytes` shows, in the memory that is there already where it is large enough.
    mutating func copy(_ bytes: ByteView) {
        removeAll(keepingCapacity: true)
        unsafe append(
            contentsOf: UnsafeRawBufferPointer(start: bytes.start, count: bytes.count))
    }
}
