import StorageIO

/// A table whose changing calls commit by themselves: of a ``Database``, or the database itself as its default
/// table.
public protocol CommittingTable<Key, Value>: TableChanging {}

extension CommittingTable {
    /// Puts a value under a key, in a transaction of its own.
    ///
    /// - Parameters:
    ///   - value: the value, of at most 1 GiB.
    ///   - key: the key, of at most 1,024 bytes.
    ///   - durability: what the commit waits for; nil for the database's own level.
    /// - Throws: as `write(durability:timeout:file:line:_:)`, and `keyTooLong`, `valueTooLong`, `wrongType`.
    /// - Complexity: O(log n).
    @available(*, noasync, message: "In a task, use the call with await.")
    @inlinable
    public func put(
        _ value: Value, for key: Key, durability: Database.Durability? = nil
    ) throws(StorageError) {
        try key.withKeyBytes { key throws(StorageError) in
            try value.withStoredBytes { value throws(StorageError) in
                try source.putAlone(value, for: key, durability)
            }
        }
    }

    /// Deletes a key, in a transaction of its own.
    ///
    /// - Parameters:
    ///   - key: the key.
    ///   - durability: what the commit waits for; nil for the database's own level.
    /// - Returns: whether it was there.
    @available(*, noasync, message: "In a task, use the call with await.")
    @discardableResult
    public func delete(
        _ key: Key, durability: Database.Durability
    ) throws(StorageError) -> Bool {
        try source.change(durability: durability) { table throws(StorageError) in
            try table.delete(key)
        }
    }

    /// Deletes all entries in a range, in a transaction of its own.
    ///
    /// - Parameters:
    ///   - range: the keys to delete: a Swift range, `.prefix(…)`, `.all`.
    ///   - durability: what the commit waits for.
    /// - Returns: how many entries there were.
    @available(*, noasync, message: "In a task, use the call with await.")
    @discardableResult
    public func delete(
        in range: KeyInterval<Key>, durability: Database.Durability
    ) throws(StorageError) -> Int {
        let range = range.keyRange
        return try source.change(durability: durability) { table throws(StorageError) in
            try table.delete(in: range)
        }
    }

    /// Puts many entries in one transaction.
    ///
    /// - Parameters:
    ///   - entries: pairs of a key and a value, in any order. Of two with the same key the later one stays.
    ///   - durability: what the commit waits for.
    @available(*, noasync, message: "In a task, use the call with await.")
    public func put(
        contentsOf entries: some Sequence<(key: Key, value: Value)>,
        durability: Database.Durability
    ) throws(StorageError) {
        try source.change(durability: durability) { table throws(StorageError) in
            for (key, value) in entries { try table.put(value, for: key) }
        }
    }
}

extension CommittingTable where Key == [UInt8], Value == [UInt8] {
    /// Puts a value under a key, in a transaction of its own.
    ///
    /// - Parameters:
    ///   - value: anything that has bytes, at most 1 GiB.
    ///   - key: anything that has bytes, at most 1,024.
    ///   - durability: what the commit waits for; nil for the database's own level.
    @available(*, noasync, message: "In a task, use the call with await.")
    @inlinable
    public func put(
        _ value: borrowing some ByteSource & ~Copyable & ~Escapable,
        for key: borrowing some ByteSource & ~Copyable & ~Escapable,
        durability: Database.Durability? = nil
    ) throws(StorageError) {
        try key.withBytes { key throws(StorageError) in
            try value.withBytes { value throws(StorageError) in
                try source.putAlone(value, for: key, durability)
            }
        }
    }

    /// Deletes a key, in a transaction of its own. Returns whether it was there.
    ///
    /// - Parameters:
    ///   - key: anything that has bytes.
    ///   - durability: what the commit waits for.
    @available(*, noasync, message: "In a task, use the call with await.")
    @discardableResult
    public func delete(
        _ key: borrowing some ByteSource & ~Copyable & ~Escapable,
        durability: Database.Durability
    ) throws(StorageError) -> Bool {
        try key.withBytes { key throws(StorageError) in
            try source.change(durability: durability) { table throws(StorageError) in
                try table.delete(key)
            }
        }
    }
}

extension TableSource {
    /// Puts a value in the transaction, or in one of its own.
    @usableFromInline
    func put(_ value: RawSpan, for key: RawSpan) throws(StorageError) {
        guard case .transaction(let engine, let number) = origin else {
            return try putAlone(value, for: key, nil)
        }
        try RunningTable(engine: engine, number: number, table: table).put(value, for: key)
    }

    /// Deletes a key in the transaction, or in one of its own. Returns whether it was there.
    @usableFromInline
    func delete(_ key: RawSpan) throws(StorageError) -> Bool {
        try change { table throws(StorageError) in try table.delete(key) }
    }

    /// Puts a value in a transaction of its own, if possible into pages that nobody looks at.
    @usableFromInline
    func putAlone(
        _ value: RawSpan, for key: RawSpan, _ durability: Database.Durability?
    ) throws(StorageError) {
        guard case .newest(let engine) = origin, table.indexes == nil else {
            return try change(durability: durability) { table throws(StorageError) in
                try table.put(value, for: key)
            }
        }
        let core = engine.core
        try withByteView(of: key) { key throws(StorageError) in
            try withByteView(of: value) { value throws(StorageError) in
                try core.putAlone(
                    key, value, table: core.place(for: table), kind: table.kind,
                    core.level(durability))
            }
        }
    }
}
