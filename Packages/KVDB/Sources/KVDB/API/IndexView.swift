import BTree
import PageStore
import StorageIO

/// The rows of a table in the order of one of its indexes: of the newest version, of a snapshot, or of a running
/// transaction. Get it by ``TableReading/index(_:)``.
///
/// Rows with the same key in the index come in the order of their own keys. Each call reads index and rows of one version.
public struct IndexView<Key: OrderedKey, Value: StoredValue, IndexKey: OrderedKey> {
    /// A row, with its key in the index.
    public typealias Row = (indexKey: IndexKey, key: Key, value: Value)

    private let table: TableSource
    private let index: Index<Key, Value, IndexKey>

    init(_ table: TableSource, _ index: Index<Key, Value, IndexKey>) {
        self.table = table
        self.index = index
    }

    /// Returns the first row with a key in the index, the only one if the index is unique; nil if there is none.
    ///
    /// - Throws: `wrongIndexes` when the table is kept without this index; as `get(_:)` of a table.
    /// - Complexity: O(log n).
    public func first(_ indexKey: IndexKey) throws(StorageError) -> (key: Key, value: Value)? {
        try rows(in: .only(indexKey), limit: 1).first.map { ($0.key, $0.value) }
    }

    /// Returns the first row in a range of the index, or nil if there is none. O(log n).
    public func first(in range: KeyInterval<IndexKey> = .all) throws(StorageError) -> Row? {
        try rows(in: range, limit: 1).first
    }

    /// Returns the last row in a range of the index, or nil if there is none. O(log n).
    public func last(in range: KeyInterval<IndexKey> = .all) throws(StorageError) -> Row? {
        try rows(in: range, order: .descending, limit: 1).first
    }

    /// Returns the rows with a key in the index.
    ///
    /// - Complexity: O(rows returned × log n).
    public func get(_ indexKey: IndexKey) throws(StorageError) -> [(key: Key, value: Value)] {
        try rows(in: .only(indexKey)).map { ($0.key, $0.value) }
    }

    /// Returns whether a row has a key in the index. O(log n).
    public func contains(_ indexKey: IndexKey) throws(StorageError) -> Bool {
        try count(in: .only(indexKey)) > 0
    }

    /// Returns the number of rows in a range of the index. O(log n).
    public func count(in range: KeyInterval<IndexKey> = .all) throws(StorageError) -> Int {
        let range = range.keyRange(of: .part)
        return try sources().entries.read { tree throws(StorageError) in
            Int(clamping: try tree.count(in: range))
        }
    }

    /// Returns the rows in a range of the index.
    ///
    /// - Parameters:
    ///   - range: the keys of the index wanted.
    ///   - order: which way to go.
    ///   - limit: the most rows to return.
    /// - Throws: `wrongIndexes` when the table is kept without this index; `damaged`, `inputOutput`, `closed`, `undecodable`.
    /// - Complexity: O(rows returned × log n).
    public func rows(
        in range: KeyInterval<IndexKey> = .all, order: TableOrder = .ascending, limit: Int = .max
    ) throws(StorageError) -> [Row] {
        var found: [Row] = []
        let (rows, entries) = try sources()
        var cursor = try cursor(range, entries)
        while found.count < limit, let row = try next(&cursor, order, rows) { found.append(row) }
        return found
    }

    /// Returns the keys in a range of the index, with those of their rows. Reads no row.
    ///
    /// - Complexity: O(log n + keys returned).
    public func keys(
        in range: KeyInterval<IndexKey> = .all, order: TableOrder = .ascending, limit: Int = .max
    ) throws(StorageError) -> [(indexKey: IndexKey, key: Key)] {
        var found: [(indexKey: IndexKey, key: Key)] = []
        var cursor = try cursor(range, try sources().entries)
        while found.count < limit, let entry = try cursor.stepKey(order) {
            let (indexKey, key) = entry.parts
            found.append((indexKey, key))
        }
        return found
    }

    /// Calls `body` with each row in a range of the index, in its order.
    ///
    /// In a transaction, `body` may change the table: each step finds what is there behind the entry before it.
    ///
    /// - Parameters:
    ///   - range: the keys of the index to visit.
    ///   - order: which way to go.
    ///   - body: gets the row. What it throws ends the visit.
    /// - Throws: what `body` throws; as `rows(in:order:limit:)`.
    /// - Complexity: O(rows visited × log n).
    public func forEach(
        in range: KeyInterval<IndexKey> = .all, order: TableOrder = .ascending,
        _ body: (_ indexKey: IndexKey, _ key: Key, _ value: Value) throws(Database.Failure) -> Void
    ) throws(Database.Failure) {
        let (rows, entries) = try sources()
        var cursor = try cursor(range, entries)
        while let row = try next(&cursor, order, rows) {
            try body(row.indexKey, row.key, row.value)
        }
    }

    // MARK: Parts

    private func sources() throws(StorageError) -> (rows: TableSource, entries: TableSource) {
        let rows = try table.settled()
        return (rows, try rows.index(index.schema, index.types))
    }

    private func cursor(
        _ range: KeyInterval<IndexKey>, _ entries: TableSource
    ) throws(StorageError) -> TableCursor<Keys<IndexKey, Key>, NoValue> {
        var cursor = TableCursor<Keys<IndexKey, Key>, NoValue>(try entries.cursorStart())
        cursor.limit(to: range.keyRange(of: .part))
        return cursor
    }

    private func next(
        _ cursor: inout TableCursor<Keys<IndexKey, Key>, NoValue>, _ order: TableOrder,
        _ rows: TableSource
    ) throws(StorageError) -> Row? {
        guard let entry = try cursor.stepKey(order) else { return nil }
        let (indexKey, key) = entry.parts
        let value: Value? = try key.withKeyBytes { key throws(StorageError) in
            try rows.value(of: key)
        }
        guard let value else {
            throw StorageError(
                .damaged,
                "The index \(index.name) leads to a row that is not there. Verify the database; then declare the index "
                    + "with a higher version, and buildIndexes(of:) makes it anew.")
        }
        return (indexKey, key, value)
    }
}

extension TableReading where Self: ~Copyable {
    /// The rows in the order of an index of the table.
    public func index<IndexKey>(
        _ index: Index<Key, Value, IndexKey>
    ) -> IndexView<Key, Value, IndexKey> {
        IndexView(source, index)
    }
}

extension KeyInterval {
    /// One key.
    fileprivate static func only(_ key: Key) -> Self { Self(from: .with(key), to: .with(key)) }
}

extension KeyRangeExpression {
    /// The same range, of keys that others follow as well.
    fileprivate var partInterval: KeyInterval<Key> {
        KeyInterval(whole: keyRange, part: keyRange(of: .part))
    }
}

// With Swift's own ranges.
extension IndexView {
    /// Returns the first row in a range of Swift's; see ``first(in:)``.
    public func first(in range: some KeyRangeExpression<IndexKey>) throws(StorageError) -> Row? {
        try first(in: range.partInterval)
    }

    /// Returns the last row in a range of Swift's; see ``last(in:)``.
    public func last(in range: some KeyRangeExpression<IndexKey>) throws(StorageError) -> Row? {
        try last(in: range.partInterval)
    }

    /// Returns the number of rows in a range of Swift's; see ``count(in:)``.
    public func count(in range: some KeyRangeExpression<IndexKey>) throws(StorageError) -> Int {
        try count(in: range.partInterval)
    }

    /// Returns the rows in a range of Swift's; see ``rows(in:order:limit:)``.
    public func rows(
        in range: some KeyRangeExpression<IndexKey>, order: TableOrder = .ascending,
        limit: Int = .max
    ) throws(StorageError) -> [Row] {
        try rows(in: range.partInterval, order: order, limit: limit)
    }

    /// Returns the keys in a range of Swift's; see ``keys(in:order:limit:)``.
    public func keys(
        in range: some KeyRangeExpression<IndexKey>, order: TableOrder = .ascending,
        limit: Int = .max
    ) throws(StorageError) -> [(indexKey: IndexKey, key: Key)] {
        try keys(in: range.partInterval, order: order, limit: limit)
    }

    /// Calls `body` with each row in a range of Swift's; see ``forEach(in:order:_:)``.
    public func forEach(
        in range: some KeyRangeExpression<IndexKey>, order: TableOrder = .ascending,
        _ body: (_ indexKey: IndexKey, _ key: Key, _ value: Value) throws(Database.Failure) -> Void
    ) throws(Database.Failure) {
        try forEach(in: range.partInterval, order: order, body)
    }
}
