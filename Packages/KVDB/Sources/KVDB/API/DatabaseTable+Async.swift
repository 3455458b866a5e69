#if !hasFeature(Embedded)
    import StorageIO
    import WAL

    // The changing calls of a database's tables, for tasks. Each is what the blocking call of the same name is; in a
    // function that is `async` the compiler takes these, so that no thread of a task is blocked by accident.
    extension CommittingTable {
        /// Puts a value under a key, in a transaction of its own.
        ///
        /// - Parameters:
        ///   - value: the value, of at most 1 GiB.
        ///   - key: the key, of at most 1,024 bytes.
        ///   - durability: what the commit waits for; nil for the database's own level.
        /// - Throws: as `write(durability:timeout:file:line:_:)`, and `keyTooLong`, `valueTooLong`, `wrongType`.
        nonisolated(nonsending) public func put(
            _ value: Value, for key: Key, durability: Database.Durability? = nil
        ) async throws {
            let key = key.withKeyBytes { $0.bytes }
            let value = try value.withStoredBytes { $0.bytes }
            try await source.put(value, for: key, durability)
        }

        /// Deletes a key, in a transaction of its own.
        ///
        /// - Parameters:
        ///   - key: the key.
        ///   - durability: what the commit waits for; nil for the database's own level.
        /// - Returns: whether it was there.
        @discardableResult
        nonisolated(nonsending) public func delete(
            _ key: Key, durability: Database.Durability? = nil
        ) async throws -> Bool {
            let key = key.withKeyBytes { $0.bytes }
            return try await source.delete(key, durability)
        }
    }

    // One entry.
    extension CommittingTable {
        /// Puts a value under a key that is not there yet; see ``TableChanging/insert(_:for:)``.
        ///
        /// - Returns: whether it was put.
        @discardableResult
        nonisolated(nonsending) public func insert(
            _ value: Value, for key: Key
        ) async throws -> Bool {
            try await source.queueChange { table in try table.insert(value, for: key) }
        }

        /// Puts a value in place of the one that is there; see ``TableChanging/replace(_:for:)``.
        ///
        /// - Returns: whether it was put.
        @discardableResult
        nonisolated(nonsending) public func replace(
            _ value: Value, for key: Key
        ) async throws -> Bool {
            try await source.queueChange { table in try table.replace(value, for: key) }
        }

        /// Puts a value in place of one that the caller has seen; see ``TableChanging/replace(_:with:for:)``.
        ///
        /// - Returns: whether it was put.
        @discardableResult
        nonisolated(nonsending) public func replace(
            _ old: Value, with new: Value, for key: Key
        ) async throws -> Bool {
            try await source.queueChange { table in try table.replace(old, with: new, for: key) }
        }

        /// Puts a value under a key and returns the one that was there before, or nil; see
        /// ``TableChanging/exchange(_:for:)``.
        nonisolated(nonsending) public func exchange(
            _ value: Value, for key: Key
        ) async throws -> Value? {
            try await source.queueChange { table in try table.exchange(value, for: key) }
        }

        /// Changes the value of a key; see ``TableChanging/update(_:_:)``.
        ///
        /// - Parameters:
        ///   - key: the key of the value.
        ///   - body: changes the value, on the database's thread.
        /// - Returns: what `body` returns.
        @discardableResult
        nonisolated(nonsending) public func update<Result: Sendable>(
            _ key: Key, _ body: @Sendable (inout Value?) throws -> Result
        ) async throws -> Result {
            let source = source
            return try await withoutActuallyEscaping(body) { body in
                try await source.queueChange { table in try table.update(key, body) }
            }
        }

        /// Deletes a key and returns the value that it had, or nil if it was not there; see
        /// ``TableChanging/take(_:)``.
        nonisolated(nonsending) public func take(_ key: Key) async throws -> Value? {
            try await source.queueChange { table in try table.take(key) }
        }
    }

    // Many entries.
    extension CommittingTable {
        /// Puts many entries in one transaction; see `put(contentsOf:)`.
        ///
        /// - Parameters:
        ///   - entries: pairs of a key and a value, in any order. They are gathered before the write is queued.
        ///   - durability: what the commit waits for; nil for the database's own level.
        nonisolated(nonsending) public func put(
            contentsOf entries: some Sequence<(key: Key, value: Value)>,
            durability: Database.Durability? = nil
        ) async throws {
            let entries = Array(entries)
            try await source.queueChange(durability) { table in
                try table.put(contentsOf: entries)
            }
        }

        /// Puts many entries in one transaction; see `put(contentsOf:)`.
        ///
        /// - Parameters:
        ///   - entries: pairs of a key and a value.
        ///   - durability: what the commit waits for; nil for the database's own level.
        nonisolated(nonsending) public func put(
            contentsOf entries: some Sequence<(Key, Value)>,
            durability: Database.Durability? = nil
        ) async throws {
            let entries = Array(entries)
            try await source.queueChange(durability) { table in
                try table.put(contentsOf: entries)
            }
        }

        /// Deletes many keys in one transaction. Returns how many of them were there.
        ///
        /// - Parameter keys: the keys, in any order. They are gathered before the write is queued.
        @discardableResult
        nonisolated(nonsending) public func delete(
            contentsOf keys: some Sequence<Key>
        ) async throws -> Int {
            let keys = Array(keys)
            return try await source.queueChange { table in try table.delete(contentsOf: keys) }
        }

        /// Deletes all entries in a range, in a transaction of its own.
        ///
        /// - Parameters:
        ///   - range: the keys to delete: a Swift range, `.prefix(…)`, `.all`.
        ///   - durability: what the commit waits for; nil for the database's own level.
        /// - Returns: how many entries there were.
        @discardableResult
        nonisolated(nonsending) public func delete(
            in range: KeyInterval<Key>, durability: Database.Durability? = nil
        ) async throws -> Int {
            let range = range.keyRange
            return try await source.queueChange(durability) { table in
                try table.delete(in: range)
            }
        }

        /// Deletes the entries in a range that a condition holds for; see `delete(in:where:)`.
        ///
        /// - Parameters:
        ///   - range: the keys to look at: a Swift range, `.prefix(…)`, `.all`.
        ///   - condition: gets key and value, on the database's thread, and returns whether to delete them.
        /// - Returns: how many entries were deleted.
        @discardableResult
        nonisolated(nonsending) public func delete(
            in range: KeyInterval<Key> = .all,
            where condition: @Sendable (_ key: Key, _ value: Value) throws -> Bool
        ) async throws -> Int {
            let range = range.keyRange
            let source = source
            return try await withoutActuallyEscaping(condition) { condition in
                try await source.queueChange { table in
                    try table.delete(in: range, where: condition)
                }
            }
        }

        /// Deletes the first entry in a range and returns it, or nil if there is none: what a queue takes next.
        ///
        /// - Parameter range: the keys to look at: a Swift range, `.prefix(…)`, `.all`.
        @discardableResult
        nonisolated(nonsending) public func deleteFirst(
            in range: KeyInterval<Key> = .all
        ) async throws -> (key: Key, value: Value)? {
            let range = range.keyRange
            return try await source.queueChange { table in try table.deleteFirst(in: range) }
        }

        /// Deletes the last entry in a range and returns it, or nil if there is none.
        ///
        /// - Parameter range: the keys to look at: a Swift range, `.prefix(…)`, `.all`.
        @discardableResult
        nonisolated(nonsending) public func deleteLast(
            in range: KeyInterval<Key> = .all
        ) async throws -> (key: Key, value: Value)? {
            let range = range.keyRange
            return try await source.queueChange { table in try table.deleteLast(in: range) }
        }
    }

    // Swift's own ranges.
    extension CommittingTable {
        /// Deletes all entries in a range of Swift's, in a transaction of its own. Returns how many there were.
        @discardableResult
        nonisolated(nonsending) public func delete(
            in range: some KeyRangeExpression<Key>, durability: Database.Durability? = nil
        ) async throws -> Int {
            try await delete(in: range.interval, durability: durability)
        }

        /// Deletes the entries in a range of Swift's that a condition holds for. Returns how many were deleted.
        @discardableResult
        nonisolated(nonsending) public func delete(
            in range: some KeyRangeExpression<Key>,
            where condition: @Sendable (_ key: Key, _ value: Value) throws -> Bool
        ) async throws -> Int {
            try await delete(in: range.interval, where: condition)
        }

        /// Deletes the first entry in a range of Swift's and returns it, or nil if there is none.
        @discardableResult
        nonisolated(nonsending) public func deleteFirst(
            in range: some KeyRangeExpression<Key>
        ) async throws -> (key: Key, value: Value)? {
            try await deleteFirst(in: range.interval)
        }

        /// Deletes the last entry in a range of Swift's and returns it, or nil if there is none.
        @discardableResult
        nonisolated(nonsending) public func deleteLast(
            in range: some KeyRangeExpression<Key>
        ) async throws -> (key: Key, value: Value)? {
            try await deleteLast(in: range.interval)
        }
    }

    extension CommittingTable where Key == [UInt8], Value == [UInt8] {
        /// Puts a value under a key, in a transaction of its own.
        ///
        /// - Parameters:
        ///   - value: anything that has bytes, at most 1 GiB.
        ///   - key: anything that has bytes, at most 1,024.
        ///   - durability: what the commit waits for; nil for the database's own level.
        nonisolated(nonsending) public func put(
            _ value: borrowing some ByteSource & ~Copyable & ~Escapable,
            for key: borrowing some ByteSource & ~Copyable & ~Escapable,
            durability: Database.Durability? = nil
        ) async throws {
            let key = key.withBytes { $0.bytes }
            let value = value.withBytes { $0.bytes }
            try await source.put(value, for: key, durability)
        }

        /// Deletes a key, in a transaction of its own. Returns whether it was there.
        ///
        /// - Parameters:
        ///   - key: anything that has bytes.
        ///   - durability: what the commit waits for; nil for the database's own level.
        @discardableResult
        nonisolated(nonsending) public func delete(
            _ key: borrowing some ByteSource & ~Copyable & ~Escapable,
            durability: Database.Durability? = nil
        ) async throws -> Bool {
            let key = key.withBytes { $0.bytes }
            return try await source.delete(key, durability)
        }
    }

    extension RawSpan {
        /// A copy.
        fileprivate var bytes: [UInt8] { withByteView(of: self) { $0.array } }
    }

    extension TableSource {
        /// Queues a change of the newest version's table as a transaction of its own.
        nonisolated(nonsending) func queueChange<Result: Sendable>(
            _ durability: Database.Durability? = nil,
            _ body: @escaping @Sendable (RunningTable) throws -> Result
        ) async throws -> Result {
            guard case .newest(let engine) = origin else {
                preconditionFailure("Only a database's tables have calls that commit.")
            }
            let table = table
            return try await engine.queueWrite { transaction in
                let result = try body(RunningTable(engine: engine, number: nil, table: table))
                let isVolatile = engine.core.options.isVolatile
                return (
                    result,
                    try transaction.commitToHead(durability: isVolatile ? .buffered : durability)
                )
            }
        }

        nonisolated(nonsending) fileprivate func put(
            _ value: [UInt8], for key: [UInt8], _ durability: Database.Durability?
        ) async throws {
            try await queueChange(durability) { table in
                try table.put(unsafe value.span.bytes, for: unsafe key.span.bytes)
            }
        }

        nonisolated(nonsending) fileprivate func delete(
            _ key: [UInt8], _ durability: Database.Durability?
        ) async throws -> Bool {
            try await queueChange(durability) { table in try table.delete(unsafe key.span.bytes) }
        }
    }
#endif
