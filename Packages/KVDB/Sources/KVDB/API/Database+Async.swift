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

    // What takes long, for tasks. It runs on a thread of the database.
    extension Database {
        /// Makes every commit so far durable, whatever level it asked for.
        ///
        /// - Throws: `CancellationError` if the task is cancelled before it begins; `closed`, `poisoned`, `inputOutput`.
        nonisolated(nonsending) public func sync() async throws {
            try await perform(on: engine.core.readers) { _ in try self.sync() }
        }

        /// Writes the newest version to the data file, so that the log before it is not needed any more, and gives
        /// free pages at the file's end back. Readers and writers go on meanwhile.
        ///
        /// - Throws: `CancellationError` if the task is cancelled before it begins; `diskFull` with nothing lost;
        ///   `timedOut`, `poisoned`, `readOnly`, `closed`.
        nonisolated(nonsending) public func checkpoint() async throws {
            try await perform(on: engine.core.workers) { _ in try self.checkpoint() }
        }

        /// Writes everything to the data file, removes the log and gives the file's lock back. Every use of the
        /// handle throws `closed` from then on, and so does every read of a snapshot, a cursor or a stream that comes to
        /// another page: what they have found already they still give. Calls after the first do nothing.
        ///
        /// Writes of tasks that have begun end as they would; those that wait throw `closed`. It does not heed a
        /// cancellation of the task.
        ///
        /// - Throws: `busy` if a write transaction runs on for more than five seconds: nothing has happened then, and
        ///   the handle is open as before. After any other error the handle is closed: the last checkpoint failed, and
        ///   the next open recovers from the log; or the log could not be removed durably, and everything is in
        ///   the data file.
        nonisolated(nonsending) public func close() async throws {
            let core = engine.core
            guard !core.lifecycle.isClosed else { return }
            do {
                try await core.workers.run(refusal: core.closingError(), endsEarly: false) { _ in
                    try self.close()
                }
            } catch let error as StorageError where error.code == .closed {
                // Another call was first.
            }
        }

        /// Looks at everything, as the blocking call of this name does.
        ///
        /// - Parameter progress: gets the pages checked so far, now and then, on a thread of the database. What it throws
        ///   ends the verification.
        /// - Returns: the report; damage is in it and not thrown.
        /// - Throws: `CancellationError` if the task is cancelled, at the next place where the database tells of its
        ///   progress; `poisoned`, since after a failed write or sync only a reopen tells what the file has; `timedOut`,
        ///   `closed`, `outOfMemory`; what `progress` throws.
        nonisolated(nonsending) public func verify(
            progress: @Sendable (Progress) throws -> Void = { _ in }
        ) async throws -> VerificationReport {
            try await perform(progress) { progress in try self.verify(progress: progress) }
        }

        /// Makes the file nearly as small as its content allows, as the blocking call of this name does.
        ///
        /// - Parameter progress: called now and then, on a thread of the database. What it throws ends the compaction,
        ///   without the step that it was in: the content is the same.
        /// - Returns: what was done, with the sizes before and after.
        /// - Throws: `CancellationError` if the task is cancelled, at the next place where the database tells of its
        ///   progress, with the content as it was; `diskFull`, `fileTooLarge` when there was no room for any step;
        ///   `timedOut`, `readOnly`, `closed`, `poisoned`; what `progress` throws.
        @discardableResult
        nonisolated(nonsending) public func compact(
            progress: @Sendable (Progress) throws -> Void = { _ in }
        ) async throws -> CompactionReport {
            try await perform(progress) { progress in try self.compact(progress: progress) }
        }

        /// Writes the newest version into a file in a portable format, as the blocking call of this name does.
        ///
        /// - Parameters:
        ///   - path: the file's name, which it gets when it is whole.
        ///   - format: version 1 can hold the default table only.
        ///   - progress: called now and then, on a thread of the database. What it throws ends the export, and there is
        ///     no new file.
        /// - Returns: the number of entries.
        /// - Throws: `CancellationError` if the task is cancelled, at the next place where the database tells of its
        ///   progress; as the blocking call.
        @discardableResult
        nonisolated(nonsending) public func export(
            to path: String, format: ExportFormat = .version2,
            progress: @Sendable (Progress) throws -> Void = { _ in }
        ) async throws -> Int {
            try await perform(progress) { progress in
                try self.export(to: path, format: format, progress: progress)
            }
        }

        /// Imports an exported file as one change, as the blocking call of this name does. Tasks that write wait.
        ///
        /// - Parameters:
        ///   - path: the file.
        ///   - merging: whether what the database has stays, unless the file has the same key.
        ///   - progress: called now and then, on a thread of the database. What it throws undoes all.
        /// - Returns: what was read.
        /// - Throws: `CancellationError` if the task is cancelled, at the next place where the database tells of its
        ///   progress, and nothing has changed; as the blocking call.
        @discardableResult
        nonisolated(nonsending) public func `import`(
            from path: String, merging: Bool = false,
            progress: @Sendable (Progress) throws -> Void = { _ in }
        ) async throws -> ImportReport {
            try await perform(progress) { progress in
                try self.import(from: path, merging: merging, progress: progress)
            }
        }
    }

    extension Database {
        /// Runs work on threads of the database while the task waits.
        nonisolated(nonsending) func perform<Result: Sendable>(
            on threads: WorkThreads, _ work: @escaping @Sendable (QueuedWork) throws -> Result
        ) async throws -> Result {
            try engine.core.requireOpen()
            return try await threads.run(refusal: engine.core.closingError(), work)
        }

        /// Runs long work on a thread of the database while the task waits.
        ///
        /// - Parameters:
        ///   - progress: what the caller wants to be told.
        ///   - work: gets a closure to call now and then, which throws what `progress` throws, and `CancellationError`
        ///     if the task was cancelled.
        nonisolated(nonsending) func perform<Result: Sendable>(
            _ progress: @Sendable (Progress) throws -> Void,
            _ work: @escaping @Sendable (_ progress: (Progress) throws -> Void) throws -> Result
        ) async throws -> Result {
            try await engine.core.perform(progress, work)
        }
    }

    extension Engine {
        /// Runs long work on a thread of the database while the task waits; see `Database.perform`.
        nonisolated(nonsending) func perform<Result: Sendable>(
            _ progress: @Sendable (Database.Progress) throws -> Void,
            _ work:
                @escaping @Sendable (_ progress: (Database.Progress) throws -> Void) throws ->
                Result
        ) async throws -> Result {
            try requireOpen()
            return try await workers.perform(progress, refusal: closingError(), work)
        }
    }

    extension WorkThreads {
        /// Runs long work on one of the threads while the task waits; see `Database.perform`.
        nonisolated(nonsending) func perform<Result: Sendable>(
            _ progress: @Sendable (Database.Progress) throws -> Void, refusal: StorageError,
            _ work:
                @escaping @Sendable (_ progress: (Database.Progress) throws -> Void) throws ->
                Result
        ) async throws -> Result {
            try await withoutActuallyEscaping(progress) { progress in
                try await run(refusal: refusal) { call in
                    try work { state in
                        try call.checkCancellation()
                        try progress(state)
                    }
                }
            }
        }
    }
#endif
