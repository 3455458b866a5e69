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
        try open(path, mode, extraFlags: 0).file
    }

    /// Opens a file that stands beside another; see ``FileSystem/open(_:_:beside:)``.
    public func open(
        _ path: String, _ mode: OpenMode, beside owner: POSIXFile?
    ) throws(StorageError) -> POSIXFile {
        let (file, status) = try open(path, mode, extraFlags: Int32(CSIO_OPEN_NO_FOLLOW))
        do throws(StorageError) {
            guard status.links <= 1 else {
                throw StorageError(
                    .ambiguousName,
                    "The file has \(status.links) names (hard links), and what is written would "
                        + "change it under all of them; remove the others, or put a copy here.",
                    path: path)
            }
            // The owner of a file may read and change what is in it, now or later.
            let isTrusted = try owner.map(file.isTrusted(beside:)) ?? (status.is_own != 0)
            guard isTrusted else {
                throw StorageError(
                    .permissionDenied,
                    "The file belongs to user \(status.owner), who is neither this process's user "
                        + "nor the database's owner; nothing was written to it. Move it away, or, if "
                        + "that user may be trusted, give it to the database's owner.", path: path)
            }
            if mode != .readOnly { try file.takeRights(of: owner) }
        } catch {
            file.close()
            throw error
        }
        return file
    }

    private func open(
        _ path: String, _ mode: OpenMode, extraFlags: Int32
    ) throws(StorageError) -> (file: POSIXFile, status: csio_status) {
        try StorageError.checkPath(path)
        let flags: Int32
        switch mode {
        case .readOnly: flags = Int32(CSIO_OPEN_READ_ONLY)
        case .readWrite: flags = 0
        case .create: flags = Int32(CSIO_OPEN_CREATE)
        case .createNew:
            flags = Int32(CSIO_OPEN_CREATE | CSIO_OPEN_EXCLUSIVE)
        }
        let descriptor = unsafe csio_open(path, flags | extraFlags)
        if descriptor < 0 { throw Self.openError(descriptor, path, mode) }
        var status = csio_status()
        let result = unsafe csio_status_of(descriptor, &status)
        if result != 0 || status.is_regular == 0 {
            _ = csio_close(descriptor)
            if result != 0 { throw .system(Int64(result), "open the file", path: path) }
            throw StorageError(
                .notADatabase, "It is a directory, a device or a pipe, not a file; check the path.",
                path: path)
        }
        let identity = FileLockRegistry.Identity(device: status.device, inode: status.inode)
        let file = POSIXFile(
            path: path, descriptor: descriptor, identity: identity, isReadOnly: mode == .readOnly)
        return (file, status)
    }

    private static func openError(
        _ result: Int32, _ path: String, _ mode: OpenMode
    ) -> StorageError {
        switch mode {
        case .readOnly, .readWrite: return .system(Int64(result), "open the file", path: path)
        case .create, .createNew:
            if result == -csio_errno_no_entry() || result == -csio_errno_not_directory() {
                return .noDirectory(directory(of: path), result, path: path)
            }
            return .system(
                Int64(result), mode == .create ? "open or create the file" : "create the file",
                path: path)
        }
    }

    /// The absolute path of what `path` leads to; see ``FileSystem/resolve(_:)``.
    public func resolve(_ path: String) throws(StorageError) -> String {
        try StorageError.checkPath(path)
        let isLink = unsafe csio_is_link(path)
        if isLink < 0 { throw .system(Int64(isLink), "look for the file", path: path) }
        let directory = Self.directory(of: path)
        let name = Self.lastName(of: path)
        let isDirectory = ["", ".", ".."].contains { name.utf8.elementsEqual($0.utf8) }
        guard isLink == 0, !isDirectory else {
            let real = Self.realPath(of: path)
            if real.result < 0 {
                throw .system(Int64(real.result), "follow the symbolic link", path: path)
            }
            if let found = real.path { return found }
            throw StorageError(
                .ambiguousName,
                "The symbolic link leads to a name that is not UTF-8; give its directories other "
                    + "names.", path: path)
        }
        let real = Self.realPath(of: directory)
        switch real.result {
        case -csio_errno_no_entry(), -csio_errno_not_directory():
            throw .noDirectory(directory, real.result, path: path)
        case -csio_errno_loop():
            throw .system(Int64(real.result), "follow the symbolic links", path: path)
        default: break
        }
        // A name that is no text, or longer than the system takes, can't be given in full. And a
        // directory may be reached from the one that the process is in and yet not from the root,
        // because of the access rights in between. Then the path stays as it is.
        guard let parent = real.path else { return path }
        let isAbsolute = path.utf8.first == UInt8(ascii: "/")
        let probe = isAbsolute ? 1 : unsafe csio_exists(parent + "/.")
        guard probe > 0 else { return path }
        return parent.utf8.count == 1 ? parent + name : parent + "/" + name
    }

    /// What the system says is the path without links: nil after an error, and where it is no text.
    private static func realPath(of path: String) -> (path: String?, result: Int32) {
        var buffer = [CChar](repeating: 0, count: 4096)
        let length = unsafe buffer.withUnsafeMutableBufferPointer {
            unsafe csio_real_path(path, $0.baseAddress, $0.count)
        }
        guard length >= 0 else { return (nil, length) }
        let bytes = buffer[..<Int(length)].map { UInt8(bitPattern: $0) }
        return (String(validating: bytes, as: UTF8.self), length)
    }

    /// Which file is under this name; see ``FileSystem/status(of:)``.
    public func status(of path: String) throws(StorageError) -> FileStatus? {
        try StorageError.checkPath(path)
        var status = csio_status()
        let result = unsafe csio_status_at(path, &status)
        if result == 0 { return FileStatus(status) }
        let error = StorageError.system(Int64(result), "look at the file", path: path)
        if error.code == .fileNotFound { return nil }
        throw error
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

    /// What comes behind the directory part: `a/b` gives `b`, `a/` nothing.
    private static func lastName(of path: String) -> String {
        let bytes = path.utf8
        guard let slash = bytes.lastIndex(of: UInt8(ascii: "/")) else { return path }
        return String(path[bytes.index(after: slash)...])
    }
}

extension FileStatus {
    init(_ status: csio_status) {
        self.init(
            device: status.device, inode: status.inode, linkCount: status.links,
            allocatedByteCount: status.allocated > 0 ? status.allocated : nil)
    }
}
