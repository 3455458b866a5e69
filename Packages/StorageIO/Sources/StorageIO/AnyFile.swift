/// An open file of any kind, behind one type.
///
/// What is generic over ``File`` is compiled for each kind of file anew. With this one it is compiled once, and
/// a call to the system costs a jump more. ``AnyFileSystem`` opens such files.
public final class AnyFile: File {
    /// The file that all calls go to.
    public let base: any File

    /// Wraps an open file. Closing either of the two closes both.
    ///
    /// - Parameter base: the file that all calls go to.
    public init(_ base: any File) { self.base = base }

    /// The path it was opened by.
    public var path: String { base.path }

    /// Reads at a position; see ``File/read(into:at:)``.
    public func read(
        into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64
    ) throws(StorageError) -> Int { try unsafe base.read(into: buffer, at: offset) }

    /// Writes at a position; see ``File/write(_:at:)``.
    public func write(
        _ buffer: UnsafeRawBufferPointer, at offset: UInt64
    ) throws(StorageError) { try unsafe base.write(buffer, at: offset) }

    /// Makes all earlier writes durable; see ``File/sync()``.
    public func sync() throws(StorageError) { try base.sync() }

    /// Starts to write a part back, or waits for it; see ``File/writeBack(_:at:waiting:)``.
    public func writeBack(
        _ count: UInt64, at offset: UInt64, waiting: Bool
    ) throws(StorageError) { try base.writeBack(count, at: offset, waiting: waiting) }

    /// The file's size in bytes.
    public func size() throws(StorageError) -> UInt64 { try base.size() }

    /// Cuts or extends the file; see ``File/truncate(to:)``.
    public func truncate(to size: UInt64) throws(StorageError) { try base.truncate(to: size) }

    /// Reserves room; see ``File/preallocate(_:at:)``.
    public func preallocate(_ count: UInt64, at offset: UInt64) throws(StorageError) {
        try base.preallocate(count, at: offset)
    }

    /// Takes the file's lock without waiting; see ``File/lock(exclusive:)``.
    public func lock(exclusive: Bool) throws(StorageError) { try base.lock(exclusive: exclusive) }

    /// Which file it is; see ``File/status()``.
    public func status() throws(StorageError) -> FileStatus? { try base.status() }

    /// Drops the lock and closes.
    public func close() { base.close() }
}

/// A file system of any kind, behind one type; see ``AnyFile``.
public struct AnyFileSystem: FileSystem {
    private let kind: any FileSystemKind

    /// Wraps a file system.
    ///
    /// - Parameter files: what all calls go to.
    public init(_ files: some FileSystem) { kind = Kind(files) }

    /// Opens a file; see ``FileSystem/open(_:_:)``.
    public func open(_ path: String, _ mode: OpenMode) throws(StorageError) -> AnyFile {
        try kind.open(path, mode)
    }

    /// Whether something is there under this name.
    public func exists(_ path: String) throws(StorageError) -> Bool { try kind.exists(path) }

    /// Removes the name; see ``FileSystem/remove(_:)``.
    public func remove(_ path: String) throws(StorageError) { try kind.remove(path) }

    /// Gives a file another name in one step; see ``FileSystem/rename(_:to:replacing:)``.
    public func rename(_ from: String, to: String, replacing: Bool) throws(StorageError) {
        try kind.rename(from, to: to, replacing: replacing)
    }

    /// Makes changes of names durable; see ``FileSystem/syncDirectory(of:)``.
    public func syncDirectory(of path: String) throws(StorageError) {
        try kind.syncDirectory(of: path)
    }

    /// The name under which a file is found from now on; see ``FileSystem/resolve(_:)``.
    public func resolve(_ path: String) throws(StorageError) -> String { try kind.resolve(path) }

    /// Which file is under this name; see ``FileSystem/status(of:)``.
    public func status(of path: String) throws(StorageError) -> FileStatus? {
        try kind.status(of: path)
    }

    /// Opens a file that stands beside another; see ``FileSystem/open(_:_:beside:)``. That other file must
    /// come from this very file system.
    public func open(
        _ path: String, _ mode: OpenMode, beside owner: AnyFile?
    ) throws(StorageError) -> AnyFile {
        try kind.open(path, mode, beside: owner)
    }
}

/// What an ``AnyFileSystem`` leads to.
private protocol FileSystemKind: AnyObject, Sendable {
    func open(_ path: String, _ mode: OpenMode) throws(StorageError) -> AnyFile
    func exists(_ path: String) throws(StorageError) -> Bool
    func remove(_ path: String) throws(StorageError)
    func rename(_ from: String, to: String, replacing: Bool) throws(StorageError)
    func syncDirectory(of path: String) throws(StorageError)
    func resolve(_ path: String) throws(StorageError) -> String
    func status(of path: String) throws(StorageError) -> FileStatus?
    func open(
        _ path: String, _ mode: OpenMode, beside owner: AnyFile?
    ) throws(StorageError) -> AnyFile
}

/// A file system of one kind, opening files of any.
private final class Kind<Base: FileSystem>: FileSystemKind {
    let base: Base

    init(_ base: Base) { self.base = base }

    func open(_ path: String, _ mode: OpenMode) throws(StorageError) -> AnyFile {
        AnyFile(try base.open(path, mode))
    }

    func exists(_ path: String) throws(StorageError) -> Bool { try base.exists(path) }

    func remove(_ path: String) throws(StorageError) { try base.remove(path) }

    func rename(_ from: String, to: String, replacing: Bool) throws(StorageError) {
        try base.rename(from, to: to, replacing: replacing)
    }

    func syncDirectory(of path: String) throws(StorageError) {
        try base.syncDirectory(of: path)
    }

    func resolve(_ path: String) throws(StorageError) -> String { try base.resolve(path) }

    func status(of path: String) throws(StorageError) -> FileStatus? {
        try base.status(of: path)
    }

    func open(
        _ path: String, _ mode: OpenMode, beside owner: AnyFile?
    ) throws(StorageError) -> AnyFile {
        guard let owner else { return AnyFile(try base.open(path, mode, beside: nil)) }
        guard let base = owner.base as? Base.Handle else {
            throw StorageError(
                .invalidArgument, "The file's owner is of another file system.", path: path)
        }
        return AnyFile(try self.base.open(path, mode, beside: base))
    }
}
