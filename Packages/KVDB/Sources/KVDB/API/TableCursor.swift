import BTree
import PageStore
import StorageIO
import WAL

/// A place in a table, which moves from entry to entry in both directions.
///
/// ```swift
/// var cursor = try users.cursor()
/// try cursor.seek(to: "m")
/// while let (name, user) = try cursor.next() { … }
/// ```
///
/// It lends from a copy of its own, so that no page is kept from being evicted. It keeps the version that it reads. In a
/// transaction the table may be changed meanwhile: each move then finds what is there by then, beginning behind (or
/// before) the key that the cursor stands on, whether that key is still there or not. A cursor of a
/// transaction that has ended throws `closed`.
public struct TableCursor<Key: OrderedKey, Value: StoredValue>: ~Copyable {
    private let source: TableSource
    private var cursor: TreeCursor<FileStore>
    /// Where moves end.
    private var range = KeyRange.all
    /// Whether the next move goes to the edge of the range instead.
    private var isBeforeRange = false

    init(_ start: (source: TableSource, cursor: TreeCursor<FileStore>)) {
        source = start.source
        cursor = start.cursor
    }

    // MARK: Reading

    /// Whether the cursor stands on an entry.
    public var isAtEntry: Bool { cursor.isValid }

    /// The bytes of the key under the cursor; none where it stands on no entry.
    public var keyBytes: RawSpan {
        @_lifetime(borrow self)
        get {
            unsafe _overrideLifetime(
                isAtEntry ? RawSpan(_unsafeBytes: cursor.key.buffer) : RawSpan(), borrowing: self)
        }
    }

    /// The key under the cursor, or nil where it stands on no entry.
    ///
    /// - Throws: `undecodable` for bytes that are no `Key`.
    public var key: Key? {
        get throws(StorageError) { isAtEntry ? try Key(keyBytes: keyBytes) : nil }
    }

    /// Returns the value under the cursor, or nil where it stands on no entry.
    ///
    /// - Throws: `undecodable` for bytes that are no `Value`; `damaged`, `inputOutput`, `closed`.
    public func currentValue() throws(StorageError) -> Value? {
        guard let bytes = try source.valueBytes(under: cursor) else { return nil }
        return try Value(storedBytes: unsafe bytes.span.bytes)
    }

    /// Calls `body` with key and value under the cursor, and returns what it returns, or nil where it stands on no
    /// entry. What is lent is a copy.
    public func withEntry<Result>(
        _ body: (_ key: RawSpan, _ value: RawSpan) throws(Database.Failure) -> Result
    ) throws(Database.Failure) -> Result? {
        guard let bytes = try source.valueBytes(under: cursor) else { return nil }
        return try body(keyBytes, unsafe bytes.span.bytes)
    }

    /// Calls `body` with copies of key and value under the cursor.
    func withCopies<Result>(
        _ body: (_ key: RawSpan, _ value: RawSpan) -> Result
    ) throws(StorageError) -> Result? {
        guard let bytes = try source.valueBytes(under: cursor) else { return nil }
        return body(keyBytes, unsafe bytes.span.bytes)
    }

    // MARK: Moving

    /// Moves to the following entry, from before the first to the first. Returns it, or nil behind the last.
    public mutating func next() throws(StorageError) -> (key: Key, value: Value)? {
        guard try advance() else { return nil }
        return try current()
    }

    /// Moves to the entry before, from behind the last to the last. Returns it, or nil before the first.
    public mutating func previous() throws(StorageError) -> (key: Key, value: Value)? {
        guard try retreat() else { return nil }
        return try current()
    }

    /// Moves to the following entry, from before the first to the first. Returns whether there is one. Reads no value.
    @discardableResult
    public mutating func advance() throws(StorageError) -> Bool {
        try source.move(&cursor) { (cursor: inout TreeCursor) throws(StorageError) in
            try cursor.next()
        }
    }

    /// Moves to the entry before, from behind the last to the last. Returns whether there is one. Reads no value.
    @discardableResult
    public mutating func retreat() throws(StorageError) -> Bool {
        try source.move(&cursor) { (cursor: inout TreeCursor) throws(StorageError) in
            try cursor.previous()
        }
    }

    /// Moves to the first entry. Returns whether there is one. O(log n).
    @discardableResult
    public mutating func moveToFirst() throws(StorageError) -> Bool {
        try source.move(&cursor) { (cursor: inout TreeCursor) throws(StorageError) in
            try cursor.first()
        }
    }

    /// Moves to the last entry. Returns whether there is one. O(log n).
    @discardableResult
    public mutating func moveToLast() throws(StorageError) -> Bool {
        try source.move(&cursor) { (cursor: inout TreeCursor) throws(StorageError) in
            try cursor.last()
        }
    }

    /// Moves to the first entry whose key is not below `key`, or behind the last. Returns whether there is one, which
    /// then is the entry under the cursor. O(log n).
    @discardableResult
    public mutating func seek(to key: Key) throws(StorageError) -> Bool {
        let bytes = key.keyBytes(of: .whole)
        return try source.move(&cursor) { (cursor: inout TreeCursor) throws(StorageError) in
            try withByteView(of: bytes) { key throws(StorageError) in try cursor.seek(key) }
        }
    }

    /// Moves to the last entry whose key is below `key`, or before the first. Returns whether there is one. O(log n).
    @discardableResult
    public mutating func seek(before key: Key) throws(StorageError) -> Bool {
        let bytes = key.keyBytes(of: .whole)
        return try source.move(&cursor) { (cursor: inout TreeCursor) throws(StorageError) in
            try withByteView(of: bytes) { key throws(StorageError) in try cursor.seekBefore(key) }
        }
    }

    private func current() throws(StorageError) -> (key: Key, value: Value)? {
        guard let key = try key, let value = try currentValue() else { return nil }
        return (key, value)
    }
}

// Visits of a range, for the calls of a table.
extension TableCursor {
    /// Lets the steps that follow visit only what lies in `range`.
    mutating func limit(to range: KeyRange) {
        self.range = range
        isBeforeRange = true
    }

    /// The bytes of the key under the cursor, copied; nil where it stands on no entry.
    var place: [UInt8]? { isAtEntry ? cursor.key.array : nil }

    /// Moves to the next entry of the range.
    mutating func step(_ order: TableOrder) throws(StorageError) -> (key: Key, value: Value)? {
        guard try stepPlace(order) else { return nil }
        return try current()
    }

    /// Moves to the next key of the range.
    mutating func stepKey(_ order: TableOrder) throws(StorageError) -> Key? {
        guard try stepPlace(order) else { return nil }
        return try key
    }

    mutating func stepPlace(_ order: TableOrder) throws(StorageError) -> Bool {
        let isFirst = isBeforeRange
        isBeforeRange = false
        let range = range
        let isThere = try source.move(&cursor) { (cursor: inout TreeCursor) throws(StorageError) in
            guard isFirst else {
                return order == .ascending ? try cursor.next() : try cursor.previous()
            }
            return order == .ascending
                ? try cursor.first(in: range) : try cursor.last(in: range)
        }
        return isThere && range.contains(cursor.key)
    }
}
