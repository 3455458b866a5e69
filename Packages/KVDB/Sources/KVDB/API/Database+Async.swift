#if !hasFeature(Embedded)
    import StorageIO
    import WAL

    // Transactions of tasks.
    extension Database {
        /// Runs `body` in a write transaction, which commits if it returns and aborts if it throws.
        ///
        /// ```swift
        /// try await database.write { transaction in
        ///     try transaction.put("1", for: "a")
        ///     try transaction.delete("b")
        /// }
        /// ```
        ///
        /// The writes of all tasks queue up, and no task that waits blocks a thread. One thread of the database runs them in
        /// the order in which they came, each as a transaction of its own, and makes all that have gathered durable by
        /// one sync. At ``Durability/full`` nobody sees a commit before it is durable (R3 in `Docs/Architecture.md`).
        ///
        /// If the task is cancelled before `body` has begun, `body` is never called. A write that has begun ends as it
        /// would.
        ///
        /// - Parameters:
        ///   - durability: what the commit waits for; nil for the database's own level.
        ///   - timeout: how long to wait until `body` begins; nil for ``Options/writerTimeout``.
        ///   - file: where this is called, for the error that others get who waited in vain.
        ///   - line: the line there.
        ///   - body: what to do. It runs on the database's thread, so it should neither wait nor compute for long.
        /// - Returns: what `body` returns, after the commit.
        /// - Throws: what `body` throws; `CancellationError`; `timedOut`, which names the transaction in the way; `closed` if
        ///   the database is closed before `body` has begun; and what ``Transaction/commit(durability:)`` throws.
        @discardableResult
        nonisolated(nonsending) public func write<Result: Sendable>(
            durability: Durability? = nil, timeout: Duration? = nil,
            file: StaticString = #fileID, line: UInt = #line,
            _ body: @Sendable (borrowing Transaction) throws -> Result
        ) async throws -> Result {
            try await withoutActuallyEscaping(body) { body in
                try await engine.queueWrite(timeout: timeout, at: (file, line)) {
                    [engine] running in
                    let transaction = Transaction(engine: running, of: engine)
                    let result = try body(transaction)
                    return (result, try transaction.commitToHead(durability: durability))
                }
            }
        }
    }

    extension Database.Transaction {
        /// Makes the changes the head. Returns what is left to wait for.
        fileprivate consuming func commitToHead(
            durability: Durability?
        ) throws(StorageError) -> CommitWait {
            let isVolatile = database.core.options.isVolatile
            return try engine.commitToHead(durability: isVolatile ? .buffered : durability)
        }
    }
#endif
