import BTree
import StorageIO

// The most frequent calls on the default table. They do what the calls of ``TableReading`` do, without a value that
// says where they go to.
extension Database.Snapshot {
    /// Returns the value of a key, or nil if there is none.
    ///
    /// - Parameter key: anything that has bytes.
    /// - Throws: `damaged` with the page, `inputOutput`, `closed`.
    /// - Complexity: O(log n).
    @inlinable
    public func get(
        _ key: borrowing some ByteSource & ~Copyable & ~Escapable
    ) throws(StorageError) -> [UInt8]? {
        var value: [UInt8]?
        try withByteView(of: key) { key throws(StorageError) in
            try lendBytes(of: key) { value = $0.array }
        }
        return value
    }

    /// Calls `body`, which throws nothing, with the bytes of a key's value; see `withValue(for:_:)`.
    ///
    /// - Parameters:
    ///   - key: anything that has bytes.
    ///   - body: gets the bytes, which can't leave it.
    /// - Returns: what `body` returns, or nil if there is no such key.
    @inlinable
    public func withValue<Result>(
        for key: borrowing some ByteSource & ~Copyable & ~Escapable, _ body: (RawSpan) -> Result
    ) throws(StorageError) -> Result? {
        var outcome: Result?
        try withByteView(of: key) { key throws(StorageError) in
            try lendBytes(of: key) { value in outcome = value.withBytes(body) }
        }
        return outcome
    }

    /// Calls `body` with the bytes of a key's value where they lie in the cache; see
    /// `withValue(for:_:)`.
    ///
    /// - Parameters:
    ///   - key: anything that has bytes.
    ///   - body: gets the bytes, which can't leave it.
    /// - Returns: what `body` returns, or nil if there is no such key.
    @inlinable
    public func withValue<Result>(
        for key: borrowing some ByteSource & ~Copyable & ~Escapable,
        _ body: (RawSpan) throws(Database.Failure) -> Result
    ) throws(Database.Failure) -> Result? {
        var outcome: Result?
        var failure: Database.Failure?
        try withByteView(of: key) { key throws(StorageError) in
            try lendBytes(of: key) { value in
                do throws(Database.Failure) {
                    outcome = try value.withBytes(body)
                } catch { failure = error }
            }
        }
        if let failure { throw failure }
        return outcome
    }

    /// Lends the bytes of a key's value, if it is there.
    @usableFromInline
    func lendBytes(of key: ByteView, to body: (ByteView) -> Void) throws(StorageError) {
        engine.note { reads in reads.note(key, table: []) }
        try engine.lendValue(of: key, to: body)
    }
}

extension Database {
    /// Returns the value of a key in the newest version, or nil if there is none.
    ///
    /// - Parameter key: anything that has bytes.
    /// - Throws: `damaged` with the page, `inputOutput`, `closed`.
    /// - Complexity: O(log n).
    @inlinable
    public func get(
        _ key: borrowing some ByteSource & ~Copyable & ~Escapable
    ) throws(StorageError) -> [UInt8]? {
        var value: [UInt8]?
        try withByteView(of: key) { key throws(StorageError) in
            try lendBytes(of: key) { value = $0.array }
        }
        return value
    }

    /// Calls `body`, which throws nothing, with the bytes of a key's value; see `withValue(for:_:)`.
    ///
    /// - Parameters:
    ///   - key: anything that has bytes.
    ///   - body: gets the bytes, which can't leave it.
    /// - Returns: what `body` returns, or nil if there is no such key.
    @inlinable
    public func withValue<Result>(
        for key: borrowing some ByteSource & ~Copyable & ~Escapable, _ body: (RawSpan) -> Result
    ) throws(StorageError) -> Result? {
        var outcome: Result?
        try withByteView(of: key) { key throws(StorageError) in
            try lendBytes(of: key) { value in outcome = value.withBytes(body) }
        }
        return outcome
    }

    /// Calls `body` with the bytes of a key's value in the newest version, where they lie in the cache; see
    /// `withValue(for:_:)`.
    ///
    /// - Parameters:
    ///   - key: anything that has bytes.
    ///   - body: gets the bytes, which can't leave it.
    /// - Returns: what `body` returns, or nil if there is no such key.
    @inlinable
    public func withValue<Result>(
        for key: borrowing some ByteSource & ~Copyable & ~Escapable,
        _ body: (RawSpan) throws(Failure) -> Result
    ) throws(Failure) -> Result? {
        var outcome: Result?
        var failure: Failure?
        try withByteView(of: key) { key throws(StorageError) in
            try lendBytes(of: key) { value in
                do throws(Failure) {
                    outcome = try value.withBytes(body)
                } catch { failure = error }
            }
        }
        if let failure { throw failure }
        return outcome
    }

    /// Lends the bytes of a key's value in the newest version, if it is there.
    @usableFromInline
    func lendBytes(of key: ByteView, to body: (ByteView) -> Void) throws(StorageError) {
        try engine.lendNewest(key, to: body)
    }

    /// Puts a value under a key, in a transaction of its own.
    ///
    /// - Parameters:
    ///   - value: anything that has bytes, at most 1 GiB.
    ///   - key: anything that has bytes, at most 1,024.
    ///   - durability: what the commit waits for; nil for the database's own level.
    /// - Throws: as `write(durability:timeout:file:line:_:)`, and `keyTooLong`, `valueTooLong`.
    /// - Complexity: O(log n).
    @available(*, noasync, message: "In a task, use the call with await.")
    @inlinable
    public func put(
        _ value: borrowing some ByteSource & ~Copyable & ~Escapable,
        for key: borrowing some ByteSource & ~Copyable & ~Escapable,
        durability: Durability? = nil
    ) throws(StorageError) {
        try withByteView(of: key) { key throws(StorageError) in
            try withByteView(of: value) { value throws(StorageError) in
                try putBytes(value, for: key, durability)
            }
        }
    }

    /// Puts a value in a transaction of its own, if possible into pages that nobody looks at.
    @usableFromInline
    func putBytes(
        _ value: ByteView, for key: ByteView, _ durability: Durability?
    ) throws(StorageError) {
        let core = engine.core
        try core.putAlone(key, value, core.level(durability))
    }
}

extension Database.Transaction {
    /// Puts a value under a key, in place of the one that is there.
    ///
    /// - Parameters:
    ///   - value: anything that has bytes, at most 1 GiB.
    ///   - key: anything that has bytes, at most 1,024.
    /// - Throws: `keyTooLong`, `valueTooLong`, and nothing has changed; `diskFull`, `damaged`, `inputOutput`, after
    ///   which only abort is left.
    /// - Complexity: O(log n).
    @available(*, noasync, message: "In a task, use the call with await.")
    @inlinable
    public func put(
        _ value: borrowing some ByteSource & ~Copyable & ~Escapable,
        for key: borrowing some ByteSource & ~Copyable & ~Escapable
    ) throws(StorageError) {
        try withByteView(of: key) { key throws(StorageError) in
            try withByteView(of: value) { value throws(StorageError) in
                try putBytes(value, for: key)
            }
        }
    }

    @usableFromInline
    func putBytes(_ value: ByteView, for key: ByteView) throws(StorageError) {
        let core = database.core
        guard core.transactionUse.enter(engine.number) else {
            throw core.transactionUse.refusal(engine.number, path: core.path)
        }
        defer { core.transactionUse.leave(engine.number) }
        try core.put(key, value)
    }
}

extension TableReading where Self: ~Copyable {
    // Inlined: an entry costs 138 instructions, and each call of a closure more 10.
    /// Calls `body`, which throws nothing, with the bytes of each entry in a range, in the order of keys, until it
    /// returns false; see ``scan(in:order:_:)``.
    ///
    /// - Parameters:
    ///   - range: the keys to visit: `.prefix(…)`, `.all`.
    ///   - order: which way to go.
    ///   - body: gets the bytes of key and value, which can't leave it, and returns whether to go on.
    /// - Throws: `damaged` with the page, `inputOutput`, `closed`.
    /// - Complexity: O(log n + entries visited).
    @inline(__always)
    @inlinable
    public func scan(
        in range: KeyInterval<Key> = .all, order: TableOrder = .ascending,
        _ body: (_ key: RawSpan, _ value: RawSpan) -> Bool
    ) throws(StorageError) {
        let source = source
        guard !source.isTransaction else {
            return try visitCopies(range.keyRange, order, body)
        }
        try source.scanBytes(range.keyRange, order, body)
    }

    /// Visits copies of the entries in a range of a transaction's table.
    @usableFromInline
    func visitCopies(
        _ range: KeyRange, _ order: TableOrder, _ body: (RawSpan, RawSpan) -> Bool
    ) throws(StorageError) {
        var cursor = try cursor()
        cursor.limit(to: range)
        while try cursor.stepPlace(order) {
            guard try cursor.withCopies(body) ?? false else { return }
        }
    }
}
