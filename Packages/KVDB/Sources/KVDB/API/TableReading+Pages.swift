import StorageIO

// Lists that are shown a page at a time.
extension TableReading where Self: ~Copyable {
    /// Returns the entries in a range that come after a key: the next page of a list.
    ///
    /// ```swift
    /// let page = try users.entries(in: .prefix("a"), after: last, limit: 50)
    /// ```
    ///
    /// - Parameters:
    ///   - range: the keys of the whole list: a Swift range, `.prefix(…)`, `.all`.
    ///   - order: which way the list goes.
    ///   - key: the last key of the page before. It need not be there any more. In descending order the entries
    ///     below it follow.
    ///   - limit: the most entries to return.
    /// - Returns: the entries; fewer than `limit` at the end of the list.
    /// - Throws: `damaged` with the page, `inputOutput`, `closed`, `undecodable`.
    /// - Complexity: O(log n + entries returned).
    public func entries(
        in range: KeyInterval<Key> = .all, order: TableOrder = .ascending,
        after key: Key, limit: Int
    ) throws(StorageError) -> [(key: Key, value: Value)] {
        try entries(in: range.rest(after: key, order), order: order, limit: limit)
    }

    /// Returns the entries in a range of Swift's that come after a key; see ``entries(in:order:after:limit:)``.
    public func entries(
        in range: some KeyRangeExpression<Key>, order: TableOrder = .ascending,
        after key: Key, limit: Int
    ) throws(StorageError) -> [(key: Key, value: Value)] {
        try entries(in: range.interval, order: order, after: key, limit: limit)
    }

    /// Returns the keys in a range that come after a key: the next page of a list of keys. Big values are not read.
    ///
    /// - Parameters:
    ///   - range: the keys of the whole list: a Swift range, `.prefix(…)`, `.all`.
    ///   - order: which way the list goes.
    ///   - key: the last key of the page before. It need not be there any more. In descending order the keys below it
    ///     follow.
    ///   - limit: the most keys to return.
    /// - Throws: `damaged` with the page, `inputOutput`, `closed`, `undecodable`.
    /// - Complexity: O(log n + keys returned).
    public func keys(
        in range: KeyInterval<Key> = .all, order: TableOrder = .ascending,
        after key: Key, limit: Int
    ) throws(StorageError) -> [Key] {
        try keys(in: range.rest(after: key, order), order: order, limit: limit)
    }

    /// Returns the keys in a range of Swift's that come after a key; see ``keys(in:order:after:limit:)``.
    public func keys(
        in range: some KeyRangeExpression<Key>, order: TableOrder = .ascending,
        after key: Key, limit: Int
    ) throws(StorageError) -> [Key] {
        try keys(in: range.interval, order: order, after: key, limit: limit)
    }
}

extension KeyInterval {
    /// The part of the range that comes after `key` in an order.
    func rest(after key: Key, _ order: TableOrder) -> Self {
        let beyond: Self = order == .ascending ? .after(key) : .before(key)
        return Self(
            whole: keyRange(of: .whole).intersection(beyond.keyRange(of: .whole)),
            part: keyRange(of: .part).intersection(beyond.keyRange(of: .part)))
    }
}
