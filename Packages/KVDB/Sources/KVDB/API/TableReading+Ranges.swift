import StorageIO

// The calls of a table that take a range, with Swift's own ranges.
extension TableReading where Self: ~Copyable {
    /// Returns the number of entries in a range of Swift's; see ``count(in:)``.
    public func count(in range: some KeyRangeExpression<Key>) throws(StorageError) -> Int {
        try count(in: range.interval)
    }

    /// Returns the first entry in a range of Swift's; see ``first(in:)``.
    public func first(
        in range: some KeyRangeExpression<Key>
    ) throws(StorageError) -> (key: Key, value: Value)? {
        try first(in: range.interval)
    }

    /// Returns the last entry in a range of Swift's; see ``last(in:)``.
    public func last(
        in range: some KeyRangeExpression<Key>
    ) throws(StorageError) -> (key: Key, value: Value)? {
        try last(in: range.interval)
    }

    /// Calls `body` with each entry in a range of Swift's; see ``forEach(in:order:_:)``.
    @inlinable
    public func forEach(
        in range: some KeyRangeExpression<Key>, order: TableOrder = .ascending,
        _ body: (_ key: Key, _ value: Value) throws(Database.Failure) -> Void
    ) throws(Database.Failure) {
        try forEach(in: range.interval, order: order, body)
    }

    /// Calls `body` with the bytes of each entry in a range of Swift's; see ``scan(in:order:_:)``.
    @inlinable
    public func scan(
        in range: some KeyRangeExpression<Key>, order: TableOrder = .ascending,
        _ body: (_ key: RawSpan, _ value: RawSpan) throws(Database.Failure) -> Bool
    ) throws(Database.Failure) {
        try scan(in: range.interval, order: order, body)
    }

    /// Calls `body` with the bytes of each key in a range of Swift's; see ``scanKeys(in:order:_:)``.
    public func scanKeys(
        in range: some KeyRangeExpression<Key>, order: TableOrder = .ascending,
        _ body: (_ key: RawSpan) throws(Database.Failure) -> Bool
    ) throws(Database.Failure) {
        try scanKeys(in: range.interval, order: order, body)
    }

    /// Returns the entries in a range of Swift's; see ``entries(in:order:limit:)``.
    public func entries(
        in range: some KeyRangeExpression<Key>, order: TableOrder = .ascending,
        limit: Int = .max
    ) throws(StorageError) -> [(key: Key, value: Value)] {
        try entries(in: range.interval, order: order, limit: limit)
    }

    /// Returns the keys in a range of Swift's; see ``keys(in:order:limit:)``.
    public func keys(
        in range: some KeyRangeExpression<Key>, order: TableOrder = .ascending,
        limit: Int = .max
    ) throws(StorageError) -> [Key] {
        try keys(in: range.interval, order: order, limit: limit)
    }
}

extension TableChanging where Self: ~Copyable {
    /// Deletes all entries in a range of Swift's; see ``delete(in:)``.
    @available(*, noasync, message: "In a task, use the call with await.")
    @discardableResult
    public func delete(in range: some KeyRangeExpression<Key>) throws(StorageError) -> Int {
        try delete(in: range.interval)
    }

    /// Deletes the entries in a range of Swift's that a condition holds for; see ``delete(in:where:)``.
    @available(*, noasync, message: "In a task, use the call with await.")
    @discardableResult
    public func delete(
        in range: some KeyRangeExpression<Key>,
        where condition: (_ key: Key, _ value: Value) throws(Database.Failure) -> Bool
    ) throws(Database.Failure) -> Int {
        try delete(in: range.interval, where: condition)
    }

    /// Deletes the first entry in a range of Swift's and returns it; see ``deleteFirst(in:)``.
    @available(*, noasync, message: "In a task, use the call with await.")
    @discardableResult
    public func deleteFirst(
        in range: some KeyRangeExpression<Key>
    ) throws(StorageError) -> (key: Key, value: Value)? {
        try deleteFirst(in: range.interval)
    }

    /// Deletes the last entry in a range of Swift's and returns it; see ``deleteLast(in:)``.
    @available(*, noasync, message: "In a task, use the call with await.")
    @discardableResult
    public func deleteLast(
        in range: some KeyRangeExpression<Key>
    ) throws(StorageError) -> (key: Key, value: Value)? {
        try deleteLast(in: range.interval)
    }
}
