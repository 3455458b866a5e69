import BTree
import PageStore
import StorageIO
import WAL

/// A table that can be changed: of a running transaction, or of a database, where each call is a transaction of its
/// own.
///
/// A table comes into being with the first entry that is put into it. Its record then says the types of its keys and
/// values, and a table of other types is refused by `wrongType` from then on.
///
/// After `keyTooLong`, `valueTooLong`, `wrongType`, `wrongIndexes`, `notUnique`, `undecodable`, `busy` and `invalidArgument`
/// nothing has changed, and a transaction goes on. After any other error of a call in a transaction, only abort is left.
public protocol TableChanging<Key, Value>: TableReading, ~Copyable {}

// One entry.
extension TableChanging where Self: ~Copyable {
    /// Puts a value under a key, in place of the one that is there.
    ///
    /// - Parameters:
    ///   - value: the value, of at most 1 GiB.
    ///   - key: the key, of at most 1,024 bytes.
    /// - Throws: `keyTooLong`, `valueTooLong`, `wrongType`, `diskFull`, `damaged`, `inputOutput`, `closed`; for a
    ///   database also what a commit throws.
    /// - Complexity: O(log n).
    @available(*, noasync, message: "In a task, use the call with await.")
    @inlinable
    public func put(_ value: Value, for key: Key) throws(StorageError) {
        try key.withKeyBytes { key throws(StorageError) in
            try value.withStoredBytes { value throws(StorageError) in
                try source.put(value, for: key)
            }
        }
    }

    /// Puts a value under a key that is not there yet.
    ///
    /// - Returns: whether it was put: false if there is such a key already, and nothing has changed.
    /// - Throws: as `put(_:for:)`.
    /// - Complexity: O(log n).
    @available(*, noasync, message: "In a task, use the call with await.")
    @discardableResult
    public func insert(_ value: Value, for key: Key) throws(StorageError) -> Bool {
        try source.change { table throws(StorageError) in try table.insert(value, for: key) }
    }

    /// Puts a value in place of the one that is there.
    ///
    /// - Returns: whether it was put: false if there is no such key, and nothing has changed.
    /// - Throws: as `put(_:for:)`.
    /// - Complexity: O(log n).
    @available(*, noasync, message: "In a task, use the call with await.")
    @discardableResult
    public func replace(_ value: Value, for key: Key) throws(StorageError) -> Bool {
        try source.change { table throws(StorageError) in try table.replace(value, for: key) }
    }

    /// Puts a value in place of one that the caller has seen: compares the bytes and sets the value in one step.
    ///
    /// - Parameters:
    ///   - old: the value that must be there.
    ///   - new: the value to put.
    ///   - key: the key of both.
    /// - Returns: whether it was put: false if another value is there, or none, and nothing has changed.
    /// - Throws: as `put(_:for:)`.
    /// - Complexity: O(log n + size of the value).
    @available(*, noasync, message: "In a task, use the call with await.")
    @discardableResult
    public func replace(_ old: Value, with new: Value, for key: Key) throws(StorageError) -> Bool {
        try source.change { table throws(StorageError) in
            try table.replace(old, with: new, for: key)
        }
    }

    /// Puts a value under a key and returns the one that was there before, or nil.
    ///
    /// - Throws: as `put(_:for:)`; `undecodable` for an old value that is no `Value`, and nothing has changed.
    /// - Complexity: O(log n).
    @available(*, noasync, message: "In a task, use the call with await.")
    public func exchange(_ value: Value, for key: Key) throws(StorageError) -> Value? {
        try source.change { table throws(StorageError) in try table.exchange(value, for: key) }
    }

    /// Changes the value of a key: `body` gets it, or nil if there is none, and what it leaves is put. If it leaves nil,
    /// the key is deleted.
    ///
    /// ```swift
    /// try counters.update("visits") { count in count = (count ?? 0) + 1 }
    /// ```
    ///
    /// - Parameters:
    ///   - key: the key of the value.
    ///   - body: changes the value. In a database's own transaction it must not wait for another transaction.
    /// - Returns: what `body` returns.
    /// - Throws: what `body` throws, and nothing has changed; as `put(_:for:)`.
    /// - Complexity: O(log n).
    @available(*, noasync, message: "In a task, use the call with await.")
    @discardableResult
    public func update<Result>(
        _ key: Key, _ body: (inout Value?) throws(Database.Failure) -> Result
    ) throws(Database.Failure) -> Result {
        try source.changing { table throws(Database.Failure) in
            try table.update(key, body)
        }
    }

    /// Deletes a key.
    ///
    /// - Returns: whether it was there.
    /// - Throws: `wrongType`, `damaged`, `inputOutput`, `closed`; for a database also what a commit throws.
    /// - Complexity: O(log n).
    @available(*, noasync, message: "In a task, use the call with await.")
    @discardableResult
    @inlinable
    public func delete(_ key: Key) throws(StorageError) -> Bool {
        try key.withKeyBytes { key throws(StorageError) in try source.delete(key) }
    }

    /// Deletes a key and returns the value that it had, or nil if it was not there.
    ///
    /// - Throws: as `delete(_:)`; `undecodable` for a value that is no `Value`, and nothing has changed.
    /// - Complexity: O(log n).
    @available(*, noasync, message: "In a task, use the call with await.")
    public func take(_ key: Key) throws(StorageError) -> Value? {
        try source.change { table throws(StorageError) in try table.take(key) }
    }
}

// Many entries.
extension TableChanging where Self: ~Copyable {
    /// Puts many entries, the same as one after the other in one transaction.
    ///
    /// - Parameter entries: pairs of a key and a value, in any order. Of two with the same key the later one stays.
    ///   A dictionary is such a sequence.
    /// - Throws: as `put(_:for:)`. A transaction keeps the entries before the one that is refused; a
    ///   database keeps none.
    /// - Complexity: O(entries × log n).
    @available(*, noasync, message: "In a task, use the call with await.")
    @inlinable
    public func put(
        contentsOf entries: some Sequence<(key: Key, value: Value)>
    ) throws(StorageError) {
        try source.change(durability: nil) { table throws(StorageError) in
            for (key, value) in entries {
                try key.withKeyBytes { key throws(StorageError) in
                    try value.withStoredBytes { value throws(StorageError) in
                        try table.put(value, for: key)
                    }
                }
            }
        }
    }

    /// Deletes many keys, the same as one after the other in one transaction.
    ///
    /// - Parameter keys: the keys, in any order.
    /// - Returns: how many of them were there.
    /// - Throws: as `delete(_:)`.
    /// - Complexity: O(keys × log n).
    @available(*, noasync, message: "In a task, use the call with await.")
    @discardableResult
    public func delete(contentsOf keys: some Sequence<Key>) throws(StorageError) -> Int {
        try source.change { table throws(StorageError) in try table.delete(contentsOf: keys) }
    }

    /// Deletes all entries in a range. Whole subtrees go without a look at their entries.
    ///
    /// - Parameter range: the keys to delete: a Swift range, `.prefix(…)`, `.all`.
    /// - Returns: how many entries there were.
    /// - Throws: as `delete(_:)`.
    /// - Complexity: O(log n + pages freed).
    @available(*, noasync, message: "In a task, use the call with await.")
    @discardableResult
    public func delete(in range: KeyInterval<Key>) throws(StorageError) -> Int {
        let range = range.keyRange
        return try source.change { table throws(StorageError) in
            try table.delete(in: range)
        }
    }

    /// Deletes the entries in a range that a condition holds for, in one transaction.
    ///
    /// - Parameters:
    ///   - range: the keys to look at: a Swift range, `.prefix(…)`, `.all`.
    ///   - condition: gets key and value, and returns whether to delete them.
    /// - Returns: how many entries were deleted.
    /// - Throws: what `condition` throws; as `delete(_:)`.
    /// - Complexity: O(log n + entries in the range + deleted × log n). Takes no memory for them.
    @available(*, noasync, message: "In a task, use the call with await.")
    @discardableResult
    public func delete(
        in range: KeyInterval<Key> = .all,
        where condition: (_ key: Key, _ value: Value) throws(Database.Failure) -> Bool
    ) throws(Database.Failure) -> Int {
        let range = range.keyRange
        return try source.changing { table throws(Database.Failure) in
            try table.delete(in: range, where: condition)
        }
    }

    /// Deletes the first entry in a range and returns it, or nil if there is none: what a queue takes next.
    ///
    /// - Throws: as `delete(_:)`; `undecodable`, and nothing has changed.
    /// - Complexity: O(log n).
    @available(*, noasync, message: "In a task, use the call with await.")
    @discardableResult
    public func deleteFirst(
        in range: KeyInterval<Key> = .all
    ) throws(StorageError) -> (key: Key, value: Value)? {
        let range = range.keyRange
        return try source.change { table throws(StorageError) in try table.deleteFirst(in: range) }
    }

    /// Deletes the last entry in a range and returns it, or nil if there is none.
    ///
    /// - Throws: as `delete(_:)`; `undecodable`, and nothing has changed.
    /// - Complexity: O(log n).
    @available(*, noasync, message: "In a task, use the call with await.")
    @discardableResult
    public func deleteLast(
        in range: KeyInterval<Key> = .all
    ) throws(StorageError) -> (key: Key, value: Value)? {
        let range = range.keyRange
        return try source.change { table throws(StorageError) in try table.deleteLast(in: range) }
    }
}

// Pairs without labels.
extension TableChanging where Self: ~Copyable {
    /// Puts many entries; see ``put(contentsOf:)``.
    ///
    /// - Parameter entries: pairs of a key and a value.
    @available(*, noasync, message: "In a task, use the call with await.")
    @inlinable
    public func put(
        contentsOf entries: some Sequence<(Key, Value)>
    ) throws(StorageError) {
        try source.change(durability: nil) { table throws(StorageError) in
            for (key, value) in entries {
                try key.withKeyBytes { key throws(StorageError) in
                    try value.withStoredBytes { value throws(StorageError) in
                        try table.put(value, for: key)
                    }
                }
            }
        }
    }
}
