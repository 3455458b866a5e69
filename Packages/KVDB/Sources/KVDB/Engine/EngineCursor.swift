import BTree
import PageStore
import StorageIO
import WAL

/// A place in a snapshot, to be moved entry by entry in both directions. It keeps its snapshot alive
/// and no page in memory between calls; one thread at a time uses it.
///
/// It begins before the first entry, so ``next()`` goes to the first and ``previous()`` nowhere.
#if !hasFeature(Embedded)
    @_spi(Engine)
#endif
public struct EngineCursor<Store: CheckpointedStorage, Log: CommitLog>: Sendable {
    /// What it reads.
    public let snapshot: EngineSnapshot<Store, Log>
    private var cursor: TreeCursor<Store>
    private var buffer: [UInt8] = []

    init(_ snapshot: EngineSnapshot<Store, Log>, _ tree: BPlusTree<Store>) {
        self.snapshot = snapshot
        cursor = tree.makeCursor()
    }

    /// Whether it stands on an entry.
    public var isValid: Bool { cursor.isValid }

    /// The key it stands on, copied out; nil when it stands on none.
    public var key: [UInt8]? { isValid ? cursor.key.array : nil }

    /// Lends the key of the entry it stands on, without a look at the value; nil when it stands on none.
    public func withKey<Result>(_ body: (_ key: ByteView) -> Result) -> Result? {
        isValid ? body(cursor.key) : nil
    }

    /// The value it stands on, copied out; nil when it stands on none.
    public func value() throws(StorageError) -> [UInt8]? {
        try cursor.withValue { value throws(StorageError) in value.array }
    }

    /// Lends a copy of key and value of the entry it stands on; nil when it stands on none. While `body` runs,
    /// no page is kept in memory for it.
    public mutating func withEntry<Result>(
        _ body: (_ key: ByteView, _ value: ByteView) throws(StorageError) -> Result
    ) throws(StorageError) -> Result? {
        let isThere: Void? = try cursor.withValue { value throws(StorageError) in
            buffer.copy(value)
        }
        guard isThere != nil else { return nil }
        return try withByteView(of: buffer) { value throws(StorageError) in
            try body(cursor.key, value)
        }
    }

    /// Goes to the first entry; whether there is one. O(log n).
    @discardableResult
    public mutating func first() throws(StorageError) -> Bool { try cursor.first() }

    /// Goes to the last entry; whether there is one. O(log n).
    @discardableResult
    public mutating func last() throws(StorageError) -> Bool { try cursor.last() }

    /// Goes to the first entry whose key is not below `key`; whether there is one. O(log n).
    @discardableResult
    public mutating func seek<Key: ByteSource>(_ key: Key) throws(StorageError) -> Bool {
        let bytes = withByteView(of: key) { $0.array }
        return try withByteView(of: bytes) { key throws(StorageError) in try cursor.seek(key) }
    }

    /// Goes to the last entry whose key is below `key`; whether there is one. O(log n).
    @discardableResult
    public mutating func seekBefore<Key: ByteSource>(_ key: Key) throws(StorageError) -> Bool {
        let bytes = withByteView(of: key) { $0.array }
        return try withByteView(of: bytes) { key throws(StorageError) in try cursor.seekBefore(key)
        }
    }

    /// Goes to the following entry; whether there is one.
    @discardableResult
    public mutating func next() throws(StorageError) -> Bool { try cursor.next() }

    /// Goes to the entry before; whether there is one.
    @discardableResult
    public mutating func previous() throws(StorageError) -> Bool { try cursor.previous() }
}

#if !hasFeature(Embedded)
    @_spi(Engine)
#endif
extension EngineSnapshot {
    /// A cursor over the default table.
    public func makeCursor() -> EngineCursor<Store, Log> { EngineCursor(self, main) }

    /// A cursor over a named table; a missing one is a `tableNotFound` error.
    public func makeCursor(table: String) throws(StorageError) -> EngineCursor<Store, Log> {
        EngineCursor(self, try requireTree(of: table))
    }

    /// A cursor over a table; one that is not there is empty.
    public func cursor(table: TableID) throws(StorageError) -> EngineCursor<Store, Log> {
        EngineCursor(self, try tree(of: table))
    }
}
