import StorageIO

// Opening by name: all that a store needs to be safe, in one call.
extension FilePageStore {
    /// Opens the store at `path`: opens the file, takes its lock, makes its name and the superblock that
    /// it has durable, and reads the free list. With ``PageStoreOptions/readOnly`` nothing is written.
    ///
    /// - Parameters:
    ///   - files: where the file lives.
    ///   - path: its name. A symbolic link is followed.
    ///   - options: see ``PageStoreOptions``.
    ///   - check: the structure check for tree nodes entering the cache.
    /// - Throws: `fileNotFound`, `permissionDenied`, `locked`; `ambiguousName` when another file took
    ///   the name meanwhile; and as ``open(on:options:check:)``.
    public static func open<Files: FileSystem>(
        files: Files, path: String, options: PageStoreOptions = PageStoreOptions(),
        check: @escaping PageCheck
    ) throws(StorageError) -> FilePageStore where Files.Handle == Handle {
        let mode = options.readOnly ? OpenMode.readOnly : .readWrite
        return try withFile(files, path, mode, options) { file throws(StorageError) in
            try open(on: file, options: options, check: check)
        }
    }

    /// Creates an empty store at `path`, durably under this name, and opens it.
    ///
    /// A power cut in it leaves no file, a whole store, or a file that the next `create` and
    /// ``openOrCreate(files:path:options:check:)`` take.
    ///
    /// - Parameters:
    ///   - files: where the file is to live.
    ///   - path: its name.
    ///   - options: see ``PageStoreOptions``; not ``PageStoreOptions/readOnly``.
    ///   - record: what the first superblock says.
    ///   - identifier: what to tell the store by.
    ///   - check: the structure check for tree nodes entering the cache.
    /// - Throws: `fileExists` when something with content has the name, `permissionDenied`, `locked`,
    ///   `diskFull`, `ambiguousName`, `inputOutput`; `invalidArgument` for a store to be read only.
    public static func create<Files: FileSystem>(
        files: Files, path: String, options: PageStoreOptions = PageStoreOptions(),
        record: CheckpointRecord = CheckpointRecord(), identifier: StoreIdentifier = .random(),
        check: @escaping PageCheck
    ) throws(StorageError) -> FilePageStore where Files.Handle == Handle {
        guard !options.readOnly else {
            throw StorageError(
                .invalidArgument, "A store can't be created to be read only.", path: path)
        }
        return try withFile(files, path, .create, options) { file throws(StorageError) in
            try create(
                on: file, options: options, record: record, identifier: identifier, check: check)
        }
    }

    /// Opens the store at `path`, or creates an empty one where there is none: no file, an empty one, or
    /// what a creation left that a crash cut short. With ``PageStoreOptions/readOnly`` it only opens.
    ///
    /// - Parameters:
    ///   - files: where the file lives, or is to live.
    ///   - path: its name. A symbolic link is followed.
    ///   - options: see ``PageStoreOptions``.
    ///   - check: the structure check for tree nodes entering the cache.
    /// - Throws: as ``open(files:path:options:check:)`` and
    ///   ``create(files:path:options:record:identifier:check:)``.
    public static func openOrCreate<Files: FileSystem>(
        files: Files, path: String, options: PageStoreOptions = PageStoreOptions(),
        check: @escaping PageCheck
    ) throws(StorageError) -> FilePageStore where Files.Handle == Handle {
        if options.readOnly {
            return try open(files: files, path: path, options: options, check: check)
        }
        return try withFile(files, path, .create, options) { file throws(StorageError) in
            try isBlank(file)
                ? create(on: file, options: options, check: check)
                : open(on: file, options: options, check: check)
        }
    }

    /// Opens a file for `body`, which opens the store; closes it when that fails, and else makes its name
    /// durable: whoever created it may have been killed before.
    private static func withFile<Files: FileSystem>(
        _ files: Files, _ path: String, _ mode: OpenMode, _ options: PageStoreOptions,
        _ body: (Handle) throws(StorageError) -> FilePageStore
    ) throws(StorageError) -> FilePageStore where Files.Handle == Handle {
        let path = try files.resolve(path)
        let file = try files.open(path, mode)
        do throws(StorageError) {
            if options.locksFile { try file.lock(exclusive: !options.readOnly) }
            guard try files.isInPlace(file, at: path) else {
                throw StorageError(
                    .ambiguousName,
                    "Another file took the name while it was being opened; try again.", path: path)
            }
            let store = try body(file)
            if !options.readOnly { try files.syncDirectory(of: path) }
            return store
        } catch {
            file.close()
            throw error
        }
    }
}
