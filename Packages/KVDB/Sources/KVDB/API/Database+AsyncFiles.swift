#if !hasFeature(Embedded)
    import StorageIO

    // Streams and files, for tasks. What takes long runs on a thread of the database, or on one of its own where there is
    // no database.
    extension Database.Snapshot {
        /// Writes this version in a portable format, as the blocking call of this name does.
        ///
        /// - Parameters:
        ///   - format: version 1 can hold the default table only.
        ///   - progress: called now and then, on a thread of the database. What it throws ends the export.
        ///   - sink: takes the bytes of the stream in order, on that thread. They are lent for the length of the call.
        /// - Returns: the number of entries.
        /// - Throws: `CancellationError` if the task is cancelled, at the next place where the database tells of its progress;
        ///   as the blocking call.
        @discardableResult
        nonisolated(nonsending) public func export(
            format: ExportFormat = .version2,
            progress: @Sendable (Database.Progress) throws -> Void = { _ in },
            to sink: @Sendable (RawSpan) throws -> Void
        ) async throws -> Int {
            try await withoutActuallyEscaping(sink) { sink in
                try await engine.core.perform(progress) { progress in
                    try self.export(format: format, progress: progress, to: sink)
                }
            }
        }
    }

    extension Database {
        /// Writes the newest version in a portable format, as the blocking call of this name does.
        ///
        /// - Parameters:
        ///   - format: version 1 can hold the default table only.
        ///   - progress: called now and then, on a thread of the database. What it throws ends the export.
        ///   - sink: takes the bytes of the stream in order, on that thread. They are lent for the length of the call.
        /// - Returns: the number of entries.
        /// - Throws: `CancellationError` if the task is cancelled, at the next place where the database tells of its progress;
        ///   as the blocking call.
        @discardableResult
        nonisolated(nonsending) public func export(
            format: ExportFormat = .version2,
            progress: @Sendable (Progress) throws -> Void = { _ in },
            to sink: @Sendable (RawSpan) throws -> Void
        ) async throws -> Int {
            try await snapshot().export(format: format, progress: progress, to: sink)
        }

        /// Reads an export from a stream as one change, as the blocking call of this name does. Tasks that write wait.
        ///
        /// - Parameters:
        ///   - reader: reads the stream, on a thread of the database.
        ///   - merging: whether what the database has stays, unless the stream has the same key.
        ///   - progress: called now and then, on a thread of the database. What it throws undoes all.
        /// - Returns: what was read.
        /// - Throws: `CancellationError` if the task is cancelled, at the next place where the database tells of its
        ///   progress, and nothing has changed; as the blocking call.
        @discardableResult
        nonisolated(nonsending) public func `import`(
            from reader: sending ExportReader, merging: Bool = false,
            progress: @Sendable (Progress) throws -> Void = { _ in }
        ) async throws -> ImportReport {
            let sent = Sent(reader)
            return try await perform(progress) { progress in
                try self.import(from: sent.value, merging: merging, progress: progress)
            }
        }

        /// Walks every table and returns what it consists of, as the blocking call of this name does.
        ///
        /// - Parameter progress: called now and then, on a thread of the database. What it throws ends the walk.
        /// - Throws: `CancellationError` if the task is cancelled, at the next place where the database tells of its
        ///   progress; as the blocking call.
        nonisolated(nonsending) public func inspect(
            progress: @Sendable (Progress) throws -> Void = { _ in }
        ) async throws -> Inspection {
            try await perform(progress) { progress in try self.inspect(progress: progress) }
        }

        /// Verifies the files of a database without opening it, as the blocking call of this name does.
        ///
        /// - Parameters:
        ///   - path: the data file.
        ///   - progress: called now and then, on a thread of its own. What it throws ends the verification.
        /// - Returns: the report; damage is in it and not thrown.
        /// - Throws: `CancellationError` if the task is cancelled, at the next place where progress is told; as the blocking
        ///   call.
        nonisolated(nonsending) public static func verify(
            at path: String, progress: @Sendable (Progress) throws -> Void = { _ in }
        ) async throws -> VerificationReport {
            try await verify(at: path, files: POSIXFileSystem(), progress: progress)
        }

        /// Verifies the files of a database on a file system of your own, as the blocking call of this name does.
        ///
        /// - Parameters:
        ///   - path: the data file there.
        ///   - files: where it is, and its log.
        ///   - progress: called now and then, on a thread of its own. What it throws ends the verification.
        /// - Returns: the report; damage is in it and not thrown.
        /// - Throws: as on the system's files.
        nonisolated(nonsending) public static func verify(
            at path: String, files: some FileSystem,
            progress: @Sendable (Progress) throws -> Void = { _ in }
        ) async throws -> VerificationReport {
            try await performAlone(progress) { progress in
                try verify(at: path, files: files, progress: progress)
            }
        }

        /// Builds a new database from what can be read of a damaged one and its log, as the blocking call of this name does.
        ///
        /// - Parameters:
        ///   - source: the data file; its log is looked for beside the file that it leads to.
        ///   - target: must not exist yet.
        ///   - options: what to take, and how much memory.
        ///   - progress: called now and then, on a thread of its own. What it throws ends the salvage.
        /// - Returns: what came back and what didn't.
        /// - Throws: `CancellationError` if the task is cancelled, at the next place where progress is told; as the blocking
        ///   call. Then there is no target.
        @discardableResult
        nonisolated(nonsending) public static func salvage(
            from source: String, to target: String, options: SalvageOptions = SalvageOptions(),
            progress: @Sendable (Progress) throws -> Void = { _ in }
        ) async throws -> SalvageReport {
            try await salvage(
                from: source, to: target, files: POSIXFileSystem(), options: options,
                progress: progress)
        }

        /// Builds a new database from what can be read of a damaged one on a file system of your own, as the blocking call of
        /// this name does.
        ///
        /// - Parameters:
        ///   - source: the data file there.
        ///   - target: must not exist yet.
        ///   - files: where both are.
        ///   - options: what to take, and how much memory.
        ///   - progress: called now and then, on a thread of its own. What it throws ends the salvage.
        /// - Returns: what came back and what didn't.
        /// - Throws: as on the system's files.
        @discardableResult
        nonisolated(nonsending) public static func salvage(
            from source: String, to target: String, files: some FileSystem,
            options: SalvageOptions = SalvageOptions(),
            progress: @Sendable (Progress) throws -> Void = { _ in }
        ) async throws -> SalvageReport {
            try await performAlone(progress) { progress in
                try salvage(
                    from: source, to: target, files: files, options: options, progress: progress)
            }
        }
    }

    extension Database {
        /// Runs long work on a thread of its own while the task waits.
        nonisolated(nonsending) private static func performAlone<Result: Sendable>(
            _ progress: @Sendable (Progress) throws -> Void,
            _ work: @escaping @Sendable (_ progress: (Progress) throws -> Void) throws -> Result
        ) async throws -> Result {
            let threads = WorkThreads(limit: 1)
            let refusal = StorageError(.closed, "The work is over.")
            defer { threads.close(refusal) }
            return try await threads.perform(progress, refusal: refusal, work)
        }
    }

    /// A value on its way to another thread.
    struct Sent<Value>: @unchecked Sendable {
        // Sendable: whoever sent the value has no way to it any more, and one thread uses it.
        let value: Value

        init(_ value: sending Value) { self.value = value }
    }
#endif
