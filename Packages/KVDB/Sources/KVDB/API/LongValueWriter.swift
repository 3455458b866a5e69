import StorageIO

/// Takes the bytes of a value that is put portion by portion.
///
/// ```swift
/// try files.put(for: "film", count: size) { writer in
///     while let portion = try input.read() { try writer.write(portion) }
/// }
/// ```
public struct LongValueWriter: ~Copyable {
    private let table: RunningTable
    private let draft: ValueDraft

    init(table: RunningTable, draft: ValueDraft) {
        self.table = table
        self.draft = draft
    }

    /// The number of bytes that the value will have.
    public var count: Int { draft.count }
    /// The number of bytes that were written so far.
    public var writtenCount: Int { draft.writtenCount }

    /// Writes the next bytes.
    ///
    /// - Parameter bytes: anything that has bytes; portions of any size, also of different ones.
    /// - Throws: `invalidArgument` if the value would have more bytes than were announced; `diskFull`, `inputOutput`,
    ///   `closed`. The value is not put then, whatever the caller does with the error.
    /// - Complexity: O(bytes).
    public mutating func write(
        _ bytes: borrowing some ByteSource & ~Copyable & ~Escapable
    ) throws(StorageError) {
        try withByteView(of: bytes) { bytes throws(StorageError) in
            try table.step { () throws(StorageError) in
                try table.engine.core.append(bytes, to: draft)
            }
        }
    }
}

extension TableChanging where Self: ~Copyable, Value == [UInt8] {
    /// Puts a value that is written portion by portion, of up to 1 GiB in constant memory.
    ///
    /// ```swift
    /// try database.put(for: "film", count: size) { writer in
    ///     while let portion = try input.read() { try writer.write(portion) }
    /// }
    /// ```
    ///
    /// A value of more than 256 KiB goes to the data file as it comes, and not through the log, so its transaction
    /// commits by a checkpoint. As long as `body` runs, the transaction can be read but not changed.
    ///
    /// - Parameters:
    ///   - key: the key, of at most 1,024 bytes.
    ///   - count: the number of bytes that the value will have.
    ///   - body: writes exactly as many. What it throws leaves everything as it was, and a transaction goes on.
    /// - Throws: what `body` throws; `invalidArgument` if it wrote too few or too many bytes, and in a table with
    ///   indexes, whose rows are put as a whole; as `put(_:for:)`. After an error of the value itself, nothing has
    ///   changed and a transaction goes on.
    /// - Complexity: O(log n + size of the value).
    @available(*, noasync, message: "In a task, use the call with await.")
    public func put(
        for key: Key, count: Int,
        _ body: (inout LongValueWriter) throws(Database.Failure) -> Void
    ) throws(Database.Failure) {
        try key.withKeyBytes { key throws(Database.Failure) in
            try source.put(for: key, count: count, body)
        }
    }
}

extension TableChanging where Self: ~Copyable, Key == [UInt8], Value == [UInt8] {
    /// Puts a value that is written portion by portion.
    ///
    /// - Parameters:
    ///   - key: anything that has bytes, at most 1,024.
    ///   - count: the number of bytes that the value will have.
    ///   - body: writes exactly as many. What it throws leaves everything as it was, and a transaction goes on.
    /// - Throws: as for a key that is an array of bytes.
    /// - Complexity: O(log n + size of the value).
    @available(*, noasync, message: "In a task, use the call with await.")
    public func put(
        for key: borrowing some ByteSource & ~Copyable & ~Escapable, count: Int,
        _ body: (inout LongValueWriter) throws(Database.Failure) -> Void
    ) throws(Database.Failure) {
        try key.withBytes { key throws(Database.Failure) in
            try source.put(for: key, count: count, body)
        }
    }
}

extension CommittingTable where Value == [UInt8] {
    /// Puts a value that is written portion by portion, in a transaction of its own.
    ///
    /// - Parameters:
    ///   - key: the key, of at most 1,024 bytes.
    ///   - count: the number of bytes that the value will have.
    ///   - durability: what the commit waits for.
    ///   - body: writes exactly as many bytes. What it throws leaves everything as it was.
    /// - Throws: what `body` throws; `invalidArgument` if it wrote too few or too many bytes; as `put(_:for:)`.
    @available(*, noasync, message: "In a task, use the call with await.")
    public func put(
        for key: Key, count: Int, durability: Database.Durability,
        _ body: (inout LongValueWriter) throws(Database.Failure) -> Void
    ) throws(Database.Failure) {
        try key.withKeyBytes { key throws(Database.Failure) in
            try source.put(for: key, count: count, durability: durability, body)
        }
    }
}

extension CommittingTable where Key == [UInt8], Value == [UInt8] {
    /// Puts a value that is written portion by portion, in a transaction of its own.
    ///
    /// - Parameters:
    ///   - key: anything that has bytes, at most 1,024.
    ///   - count: the number of bytes that the value will have.
    ///   - durability: what the commit waits for.
    ///   - body: writes exactly as many bytes. What it throws leaves everything as it was.
    /// - Throws: as for a key that is an array of bytes.
    @available(*, noasync, message: "In a task, use the call with await.")
    public func put(
        for key: borrowing some ByteSource & ~Copyable & ~Escapable, count: Int,
        durability: Database.Durability,
        _ body: (inout LongValueWriter) throws(Database.Failure) -> Void
    ) throws(Database.Failure) {
        try key.withBytes { key throws(Database.Failure) in
            try source.put(for: key, count: count, durability: durability, body)
        }
    }
}

#if !hasFeature(Embedded)
    extension CommittingTable where Value == [UInt8] {
        /// Puts a value that is written portion by portion, in a transaction of its own.
        ///
        /// - Parameters:
        ///   - key: the key, of at most 1,024 bytes.
        ///   - count: the number of bytes that the value will have.
        ///   - durability: what the commit waits for; nil for the database's own level.
        ///   - body: writes exactly as many bytes, on the database's thread; other tasks that write wait for it. What it
        ///     throws leaves everything as it was.
        /// - Throws: what `body` throws; `CancellationError` if the task is cancelled before it begins;
        ///   `invalidArgument` if it wrote too few or too many bytes; as the blocking call.
        nonisolated(nonsending) public func put(
            for key: Key, count: Int, durability: Database.Durability? = nil,
            _ body: @Sendable (inout LongValueWriter) throws -> Void
        ) async throws {
            let key = key.withKeyBytes { key in withByteView(of: key) { $0.array } }
            try await source.put(for: key, count: count, durability, body)
        }
    }

    extension CommittingTable where Key == [UInt8], Value == [UInt8] {
        /// Puts a value that is written portion by portion, in a transaction of its own.
        ///
        /// - Parameters:
        ///   - key: anything that has bytes, at most 1,024.
        ///   - count: the number of bytes that the value will have.
        ///   - durability: what the commit waits for; nil for the database's own level.
        ///   - body: writes exactly as many bytes, on the database's thread; other tasks that write wait for it. What it
        ///     throws leaves everything as it was.
        /// - Throws: as for a key that is an array of bytes.
        nonisolated(nonsending) public func put(
            for key: borrowing some ByteSource & ~Copyable & ~Escapable, count: Int,
            durability: Database.Durability? = nil,
            _ body: @Sendable (inout LongValueWriter) throws -> Void
        ) async throws {
            let key = withByteView(of: key) { $0.array }
            try await source.put(for: key, count: count, durability, body)
        }
    }

    extension TableSource {
        nonisolated(nonsending) fileprivate func put(
            for key: [UInt8], count: Int, _ durability: Database.Durability?,
            _ body: @Sendable (inout LongValueWriter) throws -> Void
        ) async throws {
            try await withoutActuallyEscaping(body) { body in
                try await queueChange(durability) { table in
                    try table.put(for: unsafe key.span.bytes, count: count, body)
                }
            }
        }
    }
#endif
