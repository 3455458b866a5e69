import PageStore
import StorageIO
import WAL

extension Database {
    /// Brings everything to the data file and gives the files and their locks back, until `resume()`.
    ///
    /// For a system that suspends programs and ends those that hold a lock meanwhile, as iOS does with files that an app shares with
    /// its extensions: call it when the app goes to the background. Another process may use the database then.
    ///
    /// It waits for the write transaction and the checkpoint that run. From then on
    /// - writes wait for `resume()`, for ``Options/writerTimeout`` at most, and then throw `timedOut`;
    /// - reads of what is in memory go on, at the version that was the newest; those that would need the file throw `busy`;
    ///   so do exports and verifications that are under way;
    /// - `close()` closes.
    ///
    /// A process that is ended meanwhile loses nothing. Calls after the first do nothing, and so does this in memory.
    ///
    /// - Throws: `timedOut` with the transaction in the way; `busy` inside a write transaction of this thread; `diskFull`,
    ///   `inputOutput`, `poisoned`, `closed`. Nothing is given back then.
    public func suspend() throws(StorageError) {
        let core = engine.core
        try core.requireOpen()
        if isInMemory { return }
        let isSuspended = suspended.withLock { $0 != nil }
        guard !isSuspended else { return }
        if !core.options.isReadOnly { try core.beginSuspension() }
        do throws(StorageError) {
            let evidence = try FileEvidence(of: self)
            suspended.withLock { $0 = evidence }
        } catch {
            _ = core.endSuspension()
            throw error
        }
        files.suspend()
    }

    /// Takes the files and their locks again after `suspend()`, and lets writes go on.
    ///
    /// Files that another process has written meanwhile, and be it only to close them, are not those that this handle knows.
    /// Then the handle is closed, since nothing that it has in memory counts: open the database anew. One that only read them
    /// does not matter.
    ///
    /// - Throws: `locked` while another process has the database open, and `fileNotFound`, `inputOutput` and the like: it
    ///   is still suspended, and this can be tried again. `closed` when another process has written the files; the handle
    ///   is closed then.
    public func resume() throws(StorageError) {
        let core = engine.core
        try core.requireOpen()
        guard let before = suspended.withLock({ $0 }) else { return }
        let isSame: Bool
        do throws(StorageError) {
            isSame = try takeFiles(before)
        } catch {
            // All or none.
            files.suspend()
            throw error
        }
        suspended.withLock { $0 = nil }
        guard isSame else {
            core.abandonSuspended()
            throw StorageError(
                .closed,
                "Another process has written the database while it was suspended; open it anew.",
                path: path)
        }
        _ = core.endSuspension()
    }

    /// Opens and locks the files again. Returns whether they are as they were.
    private func takeFiles(_ before: FileEvidence) throws(StorageError) -> Bool {
        do throws(StorageError) {
            try files.resume()
        } catch {
            // The data file, which comes first, is there and locked: so who closed it removed the log.
            guard error.code == .fileNotFound, try files.exists(engine.path) else { throw error }
            return false
        }
        return try FileEvidence(of: self) == before
    }

    /// Whether the files are given back; see `suspend()`.
    public var isSuspended: Bool { suspended.withLock { $0 != nil } }
}

#if !hasFeature(Embedded)
    extension Database {
        /// Brings everything to the data file and gives the files and their locks back, as the blocking call of this name
        /// does. It does not heed a cancellation of the task.
        ///
        /// - Throws: as the blocking call.
        nonisolated(nonsending) public func suspend() async throws {
            try await engine.core.workers.run(
                refusal: engine.core.closingError(), endsEarly: false
            ) { _ in try self.suspend() }
        }

        /// Takes the files and their locks again, as the blocking call of this name does. It does not heed a cancellation of
        /// the task.
        ///
        /// - Throws: as the blocking call.
        nonisolated(nonsending) public func resume() async throws {
            try await engine.core.workers.run(
                refusal: engine.core.closingError(), endsEarly: false
            ) { _ in try self.resume() }
        }
    }
#endif

/// What shows whether the files of a database are the ones that a handle left: which files they are, the superblocks, and how
/// many records the log has that a recovery would apply.
struct FileEvidence: Equatable, Sendable {
    private let superblocks: [UInt8]
    private let data: FileStatus?
    private let log: FileStatus?
    private let isLogThere: Bool
    private let recordCount: Int

    init(of database: Database) throws(StorageError) {
        let files = database.files
        let path = database.engine.path
        let file = try files.open(path, .readOnly)
        defer { file.close() }
        var bytes = [UInt8](repeating: 0, count: 2 * PageLayout.pageSize)
        let count = try bytes.read(file, at: 0)
        superblocks = Array(bytes.prefix(count))
        data = try Self.identity(of: path, files)
        log = try Self.identity(of: DatabaseFiles.log(of: path), files)
        let core = database.engine.core
        let found = try core.checkLog?(core.store.checkpoint.logPosition)
        if let damage = found?.damage { throw damage }
        isLogThere = found?.isThere ?? false
        recordCount = found?.records ?? 0
    }

    /// Which file is under a name, whatever else there is about it.
    private static func identity(
        of path: String, _ files: AnyFileSystem
    ) throws(StorageError) -> FileStatus? {
        guard try files.exists(path), var status = try files.status(of: path) else { return nil }
        status.linkCount = 0
        status.allocatedByteCount = nil
        return status
    }
}
