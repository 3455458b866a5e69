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
        /// - Throws: as ``Database/write(durability:timeout:file:line:_:)``, and `keyTooLong`, `valueTooLong`, `wrongType`.
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
        fileprivate var bytes: [UInt8] { withByteView { $0.array } }
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
            let name = name
            return try await engine.queueWrite { transaction in
                let result = try body(RunningTable(engine: engine, number: nil, name: name))
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
