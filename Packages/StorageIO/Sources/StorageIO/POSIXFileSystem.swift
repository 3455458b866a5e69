import CStorageIO

/// The system's files.
public struct POSIXFileSystem: FileSystem {
    /// The system's files; all values are the same.
    public init() {}

    /// Opens the regular file at `path`.
    ///
    /// - Throws: `fileNotFound`, `fileExists`, `permissionDenied`, `readOnly`, `notADatabase` for
    ///   a directory, device or pipe, `diskFull`, `inputOutput`.
    public func open(_ path: String, _ mode: OpenMode) throws(StorageError) -> POSIXFile {
        try StorageError.checkPath(path)
        let flags: Int32
        switch mode {
        case .readOnly: flags = Int32(CSIO_OPEN_READ_ONLY)
        case .readWrite: flags = 0
        case .create: flags = Int32(CSIO_OPEN_CREATE)
        case .createNew:
            flags = Int32(CSIO_OPEN_CREATE | CSIO_OPEN_EXCLUSIVE)
        }
        let descriptor = unsafe csio_open(path, flags)
        if descriptor < 0 { throw .system(Int64(descriptor), "open the file", path: path) }
        var identity = FileLockRegistry.Identity(device: 0, inode: 0)
        var isRegular: Int32 = 0
        let result = unsafe csio_identity(
            descriptor, &identity.device, &identity.inode, &isRegular)
        if result != 0 || isRegular == 0 {
            _ = csio_close(descriptor)
            if result != 0 { throw .system(Int64(result), "open the file", path: path) }
            throw StorageError(
                .notADatabase, "It is a directory, a device or a pipe, not a file; check the path.",
                path: path)
        }
        return POSIXFile(
            path: path, descriptor: descriptor, identity: identity, isReadOnly: mode == .readOnly)
    }

    /// Whether something is there under this name.
    public func exists(_ path: String) throws(StorageError) -> Bool {
        try StorageError.checkPath(path)
        let result = unsafe csio_exists(path)
        if result < 0 { throw .system(Int64(result), "look for the file", path: path) }
        return result != 0
    }

    /// Removes the name; handles that are open keep the file.
    public func remove(_ path: String) throws(StorageError) {
        try StorageError.checkPath(path)
        let result = unsafe csio_remove(path)
        if result != 0 { throw .system(Int64(result), "remove the file", path: path) }
    }

    /// Gives a file another name in one step; see ``FileSystem/rename(_:to:replacing:)``.
    public func rename(_ from: String, to: String, replacing: Bool) throws(StorageError) {
        try StorageError.checkPath(from)
        try StorageError.checkPath(to)
        let result = unsafe csio_rename(from, to, replacing ? 1 : 0)
        if result == 0 { return }
        let isTarget = result == -csio_errno_exists()
        throw .system(Int64(result), "rename the file", path: isTarget ? to : from)
    }

    /// Makes the names in the directory of `path` durable; see ``FileSystem/syncDirectory(of:)``.
    public func syncDirectory(of path: String) throws(StorageError) {
        try StorageError.checkPath(path)
        let directory = Self.directory(of: path)
        let result = unsafe csio_sync_directory(directory)
        if result != 0 { throw .system(Int64(result), "sync the directory", path: directory) }
    }

    /// The directory part of a path: `a/b` gives `a`, `/a` gives `/`, `a` gives `.`.
    static func directory(of path: String) -> String {
        let bytes = path.utf8
        guard let slash = bytes.lastIndex(of: UInt8(ascii: "/")) else { return "." }
        return slash == bytes.startIndex ? "/" : String(path[..<slash])
    }
}
