/// An open file, read and written at positions. Safe to use from any number of threads.
///
/// This and ``FileSystem`` are the engine's only way to the system, so an in-memory file, a
/// simulated crash or an injected fault plugs in here and nowhere else.
public protocol File: AnyObject, Sendable {
    /// The path it was opened by, for messages.
    var path: String { get }

    /// Reads at `offset` until `buffer` is full or the file ends.
    ///
    /// - Returns: the bytes read; fewer than asked only at the end of the file.
    /// - Throws: `inputOutput`, `closed`.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(StorageError)
        -> Int

    /// Writes all of `buffer` at `offset`, extending the file where needed. Not durable before
    /// ``sync()``.
    ///
    /// - Throws: `diskFull`, `readOnly`, `inputOutput`, `closed`. What was written then is unknown.
    func write(_ buffer: UnsafeRawBufferPointer, at offset: UInt64) throws(StorageError)

    /// Makes all earlier writes and the file's size durable (`fdatasync`, `F_FULLFSYNC`).
    ///
    /// - Throws: `inputOutput`. The writes since the last sync may then be lost, and a later
    ///   success would not bring them back: never retry.
    func sync() throws(StorageError)

    /// Starts to write a part of the file from the system's cache to the medium, or waits until what was
    /// started there is done. Makes nothing durable: that does ``sync()``, which then has less to do. It
    /// keeps a large sync from holding up those of other files behind it.
    ///
    /// - Parameters:
    ///   - count: how many bytes.
    ///   - offset: where they begin.
    ///   - waiting: whether to wait; otherwise it only starts.
    /// - Throws: `inputOutput`: as after a failed ``sync()``, writes may be lost.
    func writeBack(_ count: UInt64, at offset: UInt64, waiting: Bool) throws(StorageError)

    /// The file's size in bytes.
    func size() throws(StorageError) -> UInt64

    /// Cuts or extends the file to `size` bytes; new bytes read as zero.
    func truncate(to size: UInt64) throws(StorageError)

    /// Reserves disk space for `count` bytes at `offset` and extends the file over them, so that
    /// later writes there can't fail for want of space.
    ///
    /// - Throws: `diskFull` with nothing changed, `inputOutput`.
    func preallocate(_ count: UInt64, at offset: UInt64) throws(StorageError)

    /// Takes the file's lock without waiting: exclusive to write, shared to read. It is held
    /// against other processes and against other handles of this process until ``close()``.
    ///
    /// - Throws: `locked`, with the holder in the message where it can be told.
    func lock(exclusive: Bool) throws(StorageError)

    /// Which file it is and how many names it has; nil where that can't be told.
    func status() throws(StorageError) -> FileStatus?

    /// Drops the lock and closes. Calls after the first do nothing.
    func close()
}

extension File {
    /// Nothing: the system decides when.
    public func writeBack(
        _ count: UInt64, at offset: UInt64, waiting: Bool
    ) throws(StorageError) {}

    /// Nil: this kind of file has no identity to tell.
    public func status() throws(StorageError) -> FileStatus? { nil }
}

/// Which file a handle or a name leads to.
public struct FileStatus: Sendable, Equatable {
    /// The device it is on.
    public var device: UInt64
    /// Its number there.
    public var inode: UInt64
    /// How many names it has; 0 for an open file whose last name was removed.
    public var linkCount: UInt64
    /// How many bytes it takes on the disk, without its holes; nil where the file system does not say.
    public var allocatedByteCount: UInt64?

    /// Whether both are of the same file.
    public func isSameFile(as other: FileStatus) -> Bool {
        device == other.device && inode == other.inode
    }
}

/// How ``FileSystem/open(_:_:)`` opens a file.
public enum OpenMode: Sendable {
    /// To read only; the file must exist.
    case readOnly
    /// To read and write; the file must exist.
    case readWrite
    /// To read and write; created (for this user alone) when missing.
    case create
    /// To read and write; must not exist yet.
    case createNew
}

/// Where files live: names, and opening by name.
public protocol FileSystem: Sendable {
    /// The type of its open files.
    associatedtype Handle: File

    /// Opens `path`.
    ///
    /// - Throws: `fileNotFound`, `fileExists`, `permissionDenied`, `readOnly`, `inputOutput`.
    func open(_ path: String, _ mode: OpenMode) throws(StorageError) -> Handle

    /// Whether something is there under this name.
    func exists(_ path: String) throws(StorageError) -> Bool

    /// Removes the name. Durable after ``syncDirectory(of:)``.
    func remove(_ path: String) throws(StorageError)

    /// Gives a file another name in one step. Durable after ``syncDirectory(of:)``.
    ///
    /// - Parameters:
    ///   - from: the name that it has.
    ///   - to: the name that it gets.
    ///   - replacing: whether a file already there is replaced; otherwise it is a `fileExists` error.
    func rename(_ from: String, to: String, replacing: Bool) throws(StorageError)

    /// Makes creations, removals and renames in the directory that holds `path` durable.
    func syncDirectory(of path: String) throws(StorageError)

    /// The name under which the file that `path` leads to is found from now on, whatever directory
    /// the process goes to: absolute, with symbolic links followed. A name that is still free is
    /// resolved too; its directory must be there.
    ///
    /// Where the system can't give such a name, or this user may not use it, it is `path`. So it is
    /// in file systems that have neither links nor a current directory.
    ///
    /// - Throws: `fileNotFound` for a link that leads nowhere and for a missing directory,
    ///   `ambiguousName` for a circle.
    func resolve(_ path: String) throws(StorageError) -> String

    /// Which file is under this name; nil when there is none or it can't be told.
    func status(of path: String) throws(StorageError) -> FileStatus?

    /// Opens a file that stands beside another: never through a symbolic link, only with this one
    /// name, only if it belongs to the owner of `owner`, to this process's user or to root, and, when
    /// it is opened to be written, with the access rights of `owner`. Without an owner it must be this
    /// user's, and is for this user alone.
    ///
    /// - Throws: as ``open(_:_:)``; `ambiguousName` for a link or a second name; `permissionDenied`
    ///   for another user's file, and for one that more people may open than `owner` when that can't
    ///   be changed. Nothing was written then.
    func open(_ path: String, _ mode: OpenMode, beside owner: Handle?) throws(StorageError)
        -> Handle
}

extension FileSystem {
    /// The path itself: there are neither links nor a current directory.
    public func resolve(_ path: String) throws(StorageError) -> String { path }

    /// Nil: these files have no identity to tell.
    public func status(of path: String) throws(StorageError) -> FileStatus? { nil }

    /// Opens the file: there are neither links nor access rights.
    public func open(
        _ path: String, _ mode: OpenMode, beside owner: Handle?
    ) throws(StorageError) -> Handle {
        try open(path, mode)
    }

    /// Whether `handle` is still what its name leads to; true where that can't be told.
    public func isInPlace(_ handle: Handle, at path: String) throws(StorageError) -> Bool {
        guard let own = try handle.status() else { return true }
        guard let named = try status(of: path) else { return false }
        return named.isSameFile(as: own)
    }
}
