import BTree
import PageStore
import StorageIO
import WAL

/// A table that can be read: of the newest version of a database, of a snapshot, or of a running transaction.
///
/// ``Database``, ``Database/Snapshot`` and ``Database/Transaction`` are such tables themselves: the default table, whose keys and
/// values are bytes. Write what only needs to read as a generic function over `some TableReading<Key, Value>`,
/// and it takes all of them.
///
/// A table that nobody has put anything into is empty; it takes no call to create it.
public protocol TableReading<Key, Value>: ~Copyable {
    /// The type of its keys, in whose order it is sorted.
    associatedtype Key: OrderedKey
    /// The type of its values.
    associatedtype Value: StoredValue
    /// Where the calls go to. Only the types of this library can make one.
    var source: TableSource { get }
}

/// The order in which entries are visited.
public enum TableOrder: Sendable {
    /// From the smallest key to the largest.
    case ascending
    /// From the largest key to the smallest.
    case descending
}

// One entry.
extension TableReading where Self: ~Copyable {
    /// Returns the value of a key, or nil if there is none.
    ///
    /// - Parameter key: the key to look for.
    /// - Throws: `damaged` with the page, `inputOutput`, `closed`; `undecodable` for bytes that are no `Value`.
    /// - Complexity: O(log n).
    @inlinable
    public func get(_ key: Key) throws(StorageError) -> Value? {
        try key.withKeyBytes { key throws(StorageError) in try source.value(of: key) }
    }

    /// Calls `body` with the bytes of a key's value.
    ///
    /// A database and a snapshot lend the bytes where they lie in the cache. Keep `body` short, since pages that it
    /// reads can't be evicted meanwhile. A transaction lends a copy, so that `body` may change the table.
    ///
    /// - Parameters:
    ///   - key: the key to look for.
    ///   - body: gets the bytes, which can't leave it.
    /// - Returns: what `body` returns, or nil if there is no such key.
    /// - Throws: what `body` throws; `damaged` with the page, `inputOutput`, `closed`.
    /// - Complexity: O(log n).
    @inlinable
    public func withValue<Result>(
        for key: Key, _ body: (RawSpan) throws(Database.Failure) -> Result
    ) throws(Database.Failure) -> Result? {
        try key.withKeyBytes { key throws(Database.Failure) in try source.lend(key, to: body) }
    }

    /// Returns whether a key is there. Reads no value.
    ///
    /// - Complexity: O(log n).
    @inlinable
    public func contains(_ key: Key) throws(StorageError) -> Bool {
        try key.withKeyBytes { key throws(StorageError) in try source.contains(key) }
    }

    /// Returns the values of many keys, all from one version: nil where a key is missing.
    ///
    /// Faster than one call for each where the data are larger than the processor's caches, since the waits
    /// for memory overlap.
    ///
    /// - Parameter keys: any number of keys, in any order.
    /// - Returns: as many values, in the same order.
    /// - Complexity: O(keys × log n).
    public func get(many keys: some Sequence<Key>) throws(StorageError) -> [Value?] {
        var values: [Value?] = []
        values.reserveCapacity(keys.underestimatedCount)
        var batch = KeyBatch()
        for key in keys {
            key.withKeyBytes { withByteView(of: $0) { batch.append($0) } }
            guard batch.count == 64 else { continue }
            try source.append(batch, to: &values)
            batch.removeAll()
        }
        try source.append(batch, to: &values)
        return values
    }
}

// Counts and places.
extension TableReading where Self: ~Copyable {
    /// The number of entries. O(1).
    public var count: Int {
        get throws(StorageError) { try source.read { tree in Int(clamping: tree.count) } }
    }

    /// Whether there are no entries. O(1).
    public var isEmpty: Bool { get throws(StorageError) { try count == 0 } }

    /// Returns the number of entries in a range.
    ///
    /// - Complexity: O(log n) (R10): the tree keeps counts, so nobody goes from entry to entry.
    public func count(in range: KeyInterval<Key>) throws(StorageError) -> Int {
        let range = range.keyRange
        return try source.read(noting: { reads, name in reads.note(range, table: name) }) {
            tree throws(StorageError) in
            Int(clamping: try tree.count(in: range))
        }
    }

    /// Returns the number of keys below `key`, which need not be there itself.
    ///
    /// - Complexity: O(log n) (R10).
    public func rank(of key: Key) throws(StorageError) -> Int {
        try key.withKeyBytes { key throws(StorageError) in try source.rank(of: key) }
    }

    /// Returns the entry that has `index` entries before it, or nil beyond the last.
    ///
    /// - Complexity: O(log n) (R10).
    public func entry(at index: Int) throws(StorageError) -> (key: Key, value: Value)? {
        guard index >= 0 else { return nil }
        return try source.entry { tree throws(StorageError) in try tree.entry(at: UInt64(index)) }
    }

    /// Returns the first entry, or nil if there is none. O(log n).
    public func first() throws(StorageError) -> (key: Key, value: Value)? {
        try source.first(in: .all)
    }

    /// Returns the first entry whose key lies in a range, or nil if there is none. `first(in: key...)` finds the
    /// nearest entry from a key upward.
    ///
    /// - Complexity: O(log n).
    public func first(
        in range: KeyInterval<Key>
    ) throws(StorageError) -> (key: Key, value: Value)? {
        try source.first(in: range.keyRange)
    }

    /// Returns the last entry, or nil if there is none. O(log n).
    public func last() throws(StorageError) -> (key: Key, value: Value)? {
        try source.last(in: .all)
    }

    /// Returns the last entry whose key lies in a range, or nil if there is none. `last(in: ..<key)` finds the
    /// nearest entry below a key.
    ///
    /// - Complexity: O(log n).
    public func last(
        in range: KeyInterval<Key>
    ) throws(StorageError) -> (key: Key, value: Value)? {
        try source.last(in: range.keyRange)
    }
}

// Many entries.
extension TableReading where Self: ~Copyable {
    /// Makes a cursor, which stands before the first entry.
    ///
    /// - Throws: `closed`, `damaged`, `inputOutput`.
    public func cursor() throws(StorageError) -> TableCursor<Key, Value> {
        source.note(.all)
        return TableCursor(try source.cursorStart())
    }

    /// Makes a cursor whose steps visit the keys in a range. What they read is for the caller to note.
    func cursor(over range: KeyRange) throws(StorageError) -> TableCursor<Key, Value> {
        var cursor = TableCursor<Key, Value>(try source.cursorStart())
        cursor.limit(to: range)
        return cursor
    }

    /// Calls `body` with each entry in a range, in the order of keys.
    ///
    /// All entries come from one version. Only a transaction's table may change meanwhile, by the body: each step then
    /// finds what is there behind the key before it.
    ///
    /// - Parameters:
    ///   - range: the keys to visit: a Swift range, `.prefix(…)`, `.all`.
    ///   - order: which way to go.
    ///   - body: gets key and value. What it throws ends the visit.
    /// - Throws: what `body` throws; `damaged` with the page, `inputOutput`, `closed`, `undecodable`.
    /// - Complexity: O(log n + entries visited).
    @inlinable
    public func forEach(
        in range: KeyInterval<Key> = .all, order: TableOrder = .ascending,
        _ body: (_ key: Key, _ value: Value) throws(Database.Failure) -> Void
    ) throws(Database.Failure) {
        try scan(in: range, order: order) { key, value throws(Database.Failure) in
            try body(try Key(keyBytes: key), try Value(storedBytes: value))
            return true
        }
    }

    /// Calls `body` with the bytes of each entry in a range, in the order of keys, until it returns false.
    ///
    /// A database and a snapshot lend the bytes where they lie in the cache; a transaction lends copies, and may be
    /// changed by `body` as `forEach(in:order:_:)` says.
    ///
    /// - Parameters:
    ///   - range: the keys to visit: a Swift range, `.prefix(…)`, `.all`.
    ///   - order: which way to go.
    ///   - body: gets the bytes of key and value, which can't leave it, and returns whether to go on.
    /// - Throws: what `body` throws; `damaged` with the page, `inputOutput`, `closed`.
    /// - Complexity: O(log n + entries visited).
    @inlinable
    public func scan(
        in range: KeyInterval<Key> = .all, order: TableOrder = .ascending,
        _ body: (_ key: RawSpan, _ value: RawSpan) throws(Database.Failure) -> Bool
    ) throws(Database.Failure) {
        let range = range.keyRange
        guard source.isTransaction else {
            return try source.scan(range, order, body)
        }
        try visit(range, order, body)
    }

    /// Visits the entries of a transaction's table by a cursor.
    @usableFromInline
    func visit(
        _ range: KeyRange, _ order: TableOrder,
        _ body: (_ key: RawSpan, _ value: RawSpan) throws(Database.Failure) -> Bool
    ) throws(Database.Failure) {
        var cursor = try cursor(over: range)
        while try cursor.stepPlace(order) {
            guard try cursor.withEntry(body) ?? false else { return }
        }
    }

    /// Calls `body` with the bytes of each key in a range, in order, until it returns false. Reads no big value.
    ///
    /// - Parameters:
    ///   - range: the keys to visit: a Swift range, `.prefix(…)`, `.all`.
    ///   - order: which way to go.
    ///   - body: gets the key's bytes, which can't leave it, and returns whether to go on.
    /// - Throws: what `body` throws; `damaged` with the page, `inputOutput`, `closed`.
    /// - Complexity: O(log n + keys visited).
    public func scanKeys(
        in range: KeyInterval<Key> = .all, order: TableOrder = .ascending,
        _ body: (_ key: RawSpan) throws(Database.Failure) -> Bool
    ) throws(Database.Failure) {
        let range = range.keyRange
        guard source.isTransaction else {
            return try source.scanKeys(range, order, body)
        }
        var cursor = try cursor(over: range)
        while try cursor.stepPlace(order) {
            guard try body(cursor.keyBytes) else { return }
        }
    }

    /// Returns the entries in a range, all from one version.
    ///
    /// - Parameters:
    ///   - range: the keys wanted: a Swift range, `.prefix(…)`, `.all`.
    ///   - order: which way to go.
    ///   - limit: the most entries to return. For the next page, ask for the range behind the last key.
    /// - Returns: the entries. They take memory, all of them, at once; ``cursor()`` and
    ///   `forEach(in:order:_:)` take one at a time.
    /// - Throws: `damaged` with the page, `inputOutput`, `closed`, `undecodable`.
    /// - Complexity: O(log n + entries returned).
    public func entries(
        in range: KeyInterval<Key> = .all, order: TableOrder = .ascending,
        limit: Int = .max
    ) throws(StorageError) -> [(key: Key, value: Value)] {
        var entries: [(key: Key, value: Value)] = []
        let range = range.keyRange
        var cursor = try cursor(over: range)
        while entries.count < limit, let entry = try cursor.step(order) { entries.append(entry) }
        source.note(range, order, through: entries.count == limit ? cursor.place : nil)
        return entries
    }

    /// Returns the keys in a range, all from one version. Big values are not read.
    ///
    /// - Parameters:
    ///   - range: the keys wanted: a Swift range, `.prefix(…)`, `.all`.
    ///   - order: which way to go.
    ///   - limit: the most keys to return.
    /// - Complexity: O(log n + keys returned).
    public func keys(
        in range: KeyInterval<Key> = .all, order: TableOrder = .ascending,
        limit: Int = .max
    ) throws(StorageError) -> [Key] {
        var keys: [Key] = []
        let range = range.keyRange
        var cursor = try cursor(over: range)
        while keys.count < limit, let key = try cursor.stepKey(order) { keys.append(key) }
        source.note(range, order, through: keys.count == limit ? cursor.place : nil)
        return keys
    }
}
