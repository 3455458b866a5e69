import BTree
import PageStore
import StorageIO
import WAL

/// A database in a file of the operating system.
#if !hasFeature(Embedded)
    @_spi(Engine)
#endif
public typealias FileDatabase = DatabaseEngine<
    FilePageStore<POSIXFile>, WriteAheadLog<POSIXFileSystem>
>

/// A snapshot of a ``Database``.
#if !hasFeature(Embedded)
    @_spi(Engine)
#endif
public typealias DatabaseSnapshot = EngineSnapshot<
    FilePageStore<POSIXFile>, WriteAheadLog<POSIXFileSystem>
>

/// A write transaction of a ``Database``.
#if !hasFeature(Embedded)
    @_spi(Engine)
#endif
public typealias DatabaseTransaction = EngineTransaction<
    FilePageStore<POSIXFile>, WriteAheadLog<POSIXFileSystem>
>

/// A database in memory alone, gone with its handle.
#if !hasFeature(Embedded)
    @_spi(Engine)
#endif
public typealias InMemoryDatabase = DatabaseEngine<InMemoryPageStore, NullLog>

#if !hasFeature(Embedded)
    @_spi(Engine)
#endif
extension DatabaseEngine
where Store == FilePageStore<POSIXFile>, Log == WriteAheadLog<POSIXFileSystem> {
    /// Opens the database at `path`, or creates it there. A symbolic link is followed once, and the
    /// log stands beside the file that it leads to. A relative path is looked up once, so the process
    /// may change its directory afterwards; see ``DatabaseFiles``.
    ///
    /// Beside the data file there is its log, `path-wal`, gone after ``close()``. A log left by a
    /// crash is replayed: O(its length). A new one comes into being with the first commit, so opening
    /// to read costs none.
    ///
    /// - Throws: `fileNotFound`, `fileExists`, `permissionDenied`, `locked`, `emptyFile`,
    ///   `notADatabase`, `unsupportedFormat`, `truncated`, `damaged`, `inputOutput`, `diskFull`,
    ///   `ambiguousName` for a file with several names, `invalidArgument` for options that make no
    ///   sense.
    public static func open(
        _ path: String, options: DatabaseOptions = DatabaseOptions()
    ) throws(StorageError) -> FileDatabase {
        try open(path, files: POSIXFileSystem(), options: options)
    }
}

#if !hasFeature(Embedded)
    @_spi(Engine)
#endif
extension DatabaseEngine where Store == InMemoryPageStore, Log == NullLog {
    /// A new, empty database in memory. The cache budget does not apply: all of it stays.
    public static func openInMemory(
        options: DatabaseOptions = DatabaseOptions()
    ) throws(StorageError) -> InMemoryDatabase {
        var options = options
        options.usesLog = false
        options.access = .create
        options.durability = .buffered
        options.checkpointPolicy = .manual
        let store = try InMemoryPageStore(
            options: PageStoreOptions(sizeLimit: options.sizeLimit))
        let recovery = try Recovery(store: store, options: options, path: "")
        return DatabaseEngine(
            core: Engine(
                store: store, log: NullLog(), options: options, path: "", writer: recovery.writer))
    }
}

#if !hasFeature(Embedded)
    @_spi(Engine)
#endif
extension DatabaseEngine {
    /// The name of a database's log.
    public static func logPath(of path: String) -> String { DatabaseFiles.log(of: path) }

    /// Opens or creates a database on any file system; see ``Database`` for the system's.
    public static func open<Files: FileSystem>(
        _ path: String, files: Files, options: DatabaseOptions = DatabaseOptions()
    ) throws(StorageError) -> DatabaseEngine
    where Store == FilePageStore<Files.Handle>, Log == WriteAheadLog<Files> {
        try options.check()
        let names = try DatabaseFiles(path, on: files)
        let handle = try openDataFile(names, files: files, options: options)
        do throws(StorageError) {
            return try open(handle, names: names, files: files, options: options)
        } catch {
            handle.close()
            throw error
        }
    }

    private static func openDataFile<Files: FileSystem>(
        _ names: DatabaseFiles, files: Files, options: DatabaseOptions
    ) throws(StorageError) -> Files.Handle {
        let path = names.data
        if options.isReadOnly {
            let handle = try files.open(path, .readOnly)
            try lock(handle, at: names, files, exclusive: false)
            return handle
        }
        if !(try files.exists(path)) {
            guard options.access != .readWrite else {
                throw StorageError(.fileNotFound, "There is no database here.", path: path)
            }
            do throws(StorageError) {
                try create(names, files: files, options: options)
            } catch {
                throw names.named(error)
            }
        } else if options.access == .createNew {
            throw StorageError(.fileExists, "The database exists already.", path: path)
        }
        let handle = try files.open(path, .readWrite)
        try lock(handle, at: names, files, exclusive: true)
        return handle
    }

    /// Takes the lock, and makes sure that what is locked is what the name leads to, so that the
    /// log beside the name is this file's.
    private static func lock<Files: FileSystem>(
        _ handle: Files.Handle, at names: DatabaseFiles, _ files: Files, exclusive: Bool
    ) throws(StorageError) {
        let path = names.data
        do throws(StorageError) {
            try handle.lock(exclusive: exclusive)
            guard try files.isInPlace(handle, at: path) else {
                throw StorageError(
                    .ambiguousName,
                    "Another file took the database's place while it was being opened; try again.",
                    path: path)
            }
            guard exclusive, let status = try handle.status(), status.linkCount > 1 else { return }
            // Where a rename is a link and a removal, a crash may come in between.
            if status.linkCount == 2, try files.isInPlace(handle, at: names.draft) {
                return try files.remove(names.draft)
            }
            throw StorageError(
                .ambiguousName,
                "The database has \(status.linkCount) names (hard links), but its log can stand "
                    + "beside one only; remove the others, or use a copy.",
                path: path)
        } catch {
            handle.close()
            throw error
        }
    }

    /// Makes a new database in one step: under another name first, so that a crash never leaves a
    /// half-made file under `path`.
    private static func create<Files: FileSystem>(
        _ names: DatabaseFiles, files: Files, options: DatabaseOptions
    ) throws(StorageError) {
        let path = names.data
        if try files.exists(names.log) {
            // Another creator may have been faster; then the log belongs to its database.
            if try files.exists(path) {
                guard options.access != .createNew else {
                    throw StorageError(.fileExists, "The database exists already.", path: path)
                }
                return
            }
            throw StorageError(
                .fileExists,
                "A log is here without its database. Bring the database back, or move the log away "
                    + "to create a new one.",
                path: names.log)
        }
        let draft = try files.open(names.draft, .create, beside: nil)
        defer { draft.close() }
        // Whoever else is creating it holds this lock; a draft that a crash left is free. So is one
        // that has become the database between the open and the lock, and that must not be touched.
        try draft.lock(exclusive: true)
        guard !(try files.exists(path)) else {
            if try draft.size() == 0 { try files.remove(names.draft) }
            guard options.access != .createNew else {
                throw StorageError(.fileExists, "The database exists already.", path: path)
            }
            return
        }
        guard try draft.size() <= UInt64(2 * PageLayout.pageSize) else {
            throw StorageError(
                .fileExists,
                "A file with content is where the draft of the new database would be; move it "
                    + "away.",
                path: names.draft)
        }
        try draft.truncate(to: 0)
        _ = try FilePageStore<Files.Handle>.create(
            on: draft,
            options: PageStoreOptions(
                sizeLimit: options.sizeLimit, locksFile: false),
            check: NodeCheck.check)
        do throws(StorageError) {
            try files.rename(names.draft, to: path, replacing: false)
        } catch {
            guard error.code == .fileExists else { throw error }
            // Another process was faster; its database is as good as ours.
            try files.remove(names.draft)
            guard options.access != .createNew else { throw error }
        }
    }

    private static func open<Files: FileSystem>(
        _ handle: Files.Handle, names: DatabaseFiles, files: Files, options: DatabaseOptions
    ) throws(StorageError) -> DatabaseEngine
    where Store == FilePageStore<Files.Handle>, Log == WriteAheadLog<Files> {
        let (store, log, recovery) = try recover(
            handle, names: names, files: files, options: options)
        let core = Engine(
            store: store, log: log, options: options, path: names.data, writer: recovery.writer,
            checkLog: logCheck(store: store, handle: handle, names: names, files: files))
        if recovery.recovered.commits > 0 {
            core.events?.add(
                .recovered(
                    commits: recovery.recovered.commits, byteCount: recovery.recovered.byteCount))
        }
        core.deliverEvents()
        return DatabaseEngine(core: core)
    }

    /// Why the database in `handle` can't be opened; nil when it can. All that opening does, is done,
    /// to read: so nobody who asks this comes to another verdict than opening. Changes nothing, and
    /// keeps nothing open.
    ///
    /// - Parameter handle: open to read and locked.
    /// - Throws: what has to do with the system and not with the files.
    static func refusal<Files: FileSystem>(
        _ handle: Files.Handle, names: DatabaseFiles, files: Files
    ) throws(StorageError) -> StorageError?
    where Store == FilePageStore<Files.Handle>, Log == WriteAheadLog<Files> {
        var options = DatabaseOptions()
        options.access = .readOnly
        // Replayed pages come on top of the file's.
        let size = min(Int(clamping: try handle.size()), Int.max / 2)
        options.sizeLimit = max(options.sizeLimit, size * 2)
        do throws(StorageError) {
            try recover(handle, names: names, files: files, options: options, locksLog: false)
                .log.abandon()
            return nil
        } catch {
            switch error.code {
            case .damaged, .truncated, .notADatabase, .emptyFile, .unsupportedFormat, .valueTooLong,
                .fileTooLarge:
                return error
            default: throw error
            }
        }
    }

    /// Brings the files to the last committed transaction.
    private static func recover<Files: FileSystem>(
        _ handle: Files.Handle, names: DatabaseFiles, files: Files, options: DatabaseOptions,
        locksLog: Bool = true
    ) throws(StorageError) -> (store: Store, log: Log, recovery: Recovery<Store>)
    where Store == FilePageStore<Files.Handle>, Log == WriteAheadLog<Files> {
        let store = try FilePageStore.open(
            on: handle,
            options: PageStoreOptions(
                cacheBudget: options.cacheBudget, dirtyBudget: options.dirtyBudget,
                sizeLimit: options.sizeLimit, readOnly: options.isReadOnly || options.isVolatile,
                locksFile: false, securesSuperblock: false),
            check: NodeCheck.check)
        let isLogThere = try files.exists(names.log)
        // After a clean close its superblock is durable; else before recovery writes anything.
        if !options.isReadOnly {
            let isClosed = store.checkpoint.endsLog || store.generation == 1
            if !isClosed || isLogThere { try store.secureSuperblock() }
            // A creation that was killed before its name was durable. Nothing may be added to the file before
            // that: if it went back to its draft's name, nobody could tell it from a file of somebody else.
            if store.generation == 1 { try files.syncDirectory(of: names.data) }
        }
        var recovery = try Recovery(store: store, options: options, path: names.data)
        if store.otherSlotDamaged { try recovery.checkPages() }
        let log = try openLog(
            store: store, handle: handle, names: names, files: files, options: options,
            isLogThere: isLogThere, locksLog: locksLog, recovery: &recovery)
        do throws(StorageError) {
            try recovery.finish()
        } catch {
            log.abandon()
            throw error
        }
        return (store, log, recovery)
    }

    /// How ``verify(progress:)`` reads the log: by a handle of its own, every frame and every record's
    /// operations.
    private static func logCheck<Files: FileSystem>(
        store: Store, handle: Files.Handle, names: DatabaseFiles, files: Files
    ) -> Engine<Store, Log>.LogCheck where Store == FilePageStore<Files.Handle> {
        let identity = LogIdentity(high: store.identifier.first, low: store.identifier.second)
        return { position throws(StorageError) in
            guard try files.exists(names.log) else {
                let isMissed = store.checkpoint.needsLog
                return (0, isThere: false, isMissed ? LogSurvey.missing(names.log) : nil)
            }
            let reader = try LogReader(
                files: files, path: names.log, identity: identity, beside: handle,
                mayBeNew: !store.checkpoint.needsLog)
            defer { reader.close() }
            let covered = store.checkpoint.transaction
            let report = try reader.forEachRecord(from: position) { record throws(StorageError) in
                // Recovery passes over what the checkpoint covers, so nothing in there is judged.
                guard record.transaction > covered else { return }
                var operations = OperationReader(record.payload)
                while try operations.next() != nil {}
            }
            return (report.recordCount, isThere: true, report.damage?.ofDatabase)
        }
    }

    private static func openLog<Files: FileSystem>(
        store: Store, handle: Files.Handle, names: DatabaseFiles, files: Files,
        options: DatabaseOptions, isLogThere: Bool, locksLog: Bool,
        recovery: inout Recovery<Store>
    ) throws(StorageError) -> Log
    where Store == FilePageStore<Files.Handle>, Log == WriteAheadLog<Files> {
        let checkpoint = store.checkpoint
        // A superblock slot that is neither valid nor blank is what a crash in the middle of a
        // checkpoint leaves, and then the log is still there; without it, the newer checkpoint was
        // damaged later, and the older one's pages may have been reused since.
        if store.otherSlotDamaged && checkpoint.usesLog && !isLogThere {
            throw StorageError(
                .damaged,
                "One of the two superblocks is damaged and there is no log; the newest checkpoint "
                    + "may be lost. Salvage what is left, or restore a backup.",
                path: names.data)
        }
        let mustExist = checkpoint.needsLog
        guard isLogThere || !mustExist else {
            throw StorageError(
                .damaged,
                "The database was not closed and its log is gone, with the newest commits. Bring "
                    + "the log back, or restore a backup.",
                path: names.log)
        }
        if let problem = checkpoint.logPositionProblem(names.data) { throw problem }
        var logOptions = options.logOptions
        // The data file's lock keeps other handles of this database away from both files; the log's
        // keeps those of a copy away that someone put in the data file's place.
        logOptions.locksFile = locksLog
        do throws(StorageError) {
            return try WriteAheadLog.open(
                files: files, path: names.log,
                identity: LogIdentity(high: store.identifier.first, low: store.identifier.second),
                from: checkpoint.logPosition, options: logOptions, readOnly: options.isReadOnly,
                mustExist: mustExist, beside: handle
            ) { record throws(StorageError) in
                try recovery.replay(
                    transaction: record.transaction, payload: record.payload, at: record.start)
            }
        } catch {
            throw error.ofDatabase
        }
    }
}

extension StorageError {
    /// The error for the database whose log it is of: that must reach back to the checkpoint, so what was
    /// recycled was lost.
    var ofDatabase: StorageError {
        var error = self
        if code == .positionRecycled { error.code = .damaged }
        return error
    }
}

extension CheckpointRecord {
    /// What is wrong with the place to replay from; nil when a log may have it.
    func logPositionProblem(_ path: String) -> StorageError? {
        guard
            logPosition % UInt64(LogLayout.alignment) != 0
                || logPosition >= LogLayout.maximumPosition
        else { return nil }
        return StorageError(
            .damaged, "The superblock names a place that no log can have.", path: path,
            logSequenceNumber: logPosition)
    }

    /// Whether there must be a log, which holds what was committed since.
    var needsLog: Bool { usesLog && !endsLog }
}
