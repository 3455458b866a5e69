/// An open file of any kind, behind one type.
///
/// What is generic over ``File`` is compiled for each kind of file anew. With this one it is compiled once, and
/// a call to the system costs a jump more. ``AnyFileSystem`` opens such files.
public final class AnyFile: File {
    /// What is open just now. An object of its own, so that the file system can reach it without a weak reference
    /// to this one: an object with such a reference is retained and released by a much longer way.
    fileprivate let opening: Opening

    /// The file that all calls go to.
    public var base: any File { opening.base! }

    /// Wraps an open file. Closing either of the two closes both.
    ///
    /// - Parameter base: the file that all calls go to.
    public convenience init(_ base: any File) { self.init(base, origin: nil) }

    fileprivate init(_ base: any File, origin: Origin?) {
        path = base.path
        opening = Opening(base, origin)
    }

    deinit { opening.end() }

    /// The file, for a call on it.
    private func opened() throws(StorageError) -> any File { try opening.opened() }

    /// The path it was opened by.
    public let path: String

    /// Reads at a position; see ``File/read(into:at:)``.
    public func read(
        into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64
    ) throws(StorageError) -> Int { try unsafe opened().read(into: buffer, at: offset) }

    /// Writes at a position; see ``File/write(_:at:)``.
    public func write(
        _ buffer: UnsafeRawBufferPointer, at offset: UInt64
    ) throws(StorageError) { try unsafe opened().write(buffer, at: offset) }

    /// Makes all earlier writes durable; see ``File/sync()``.
    public func sync() throws(StorageError) { try opened().sync() }

    /// Starts to write a part back, or waits for it; see ``File/writeBack(_:at:waiting:)``.
    public func writeBack(
        _ count: UInt64, at offset: UInt64, waiting: Bool
    ) throws(StorageError) { try opened().writeBack(count, at: offset, waiting: waiting) }

    /// The file's size in bytes.
    public func size() throws(StorageError) -> UInt64 { try opened().size() }

    /// Cuts or extends the file; see ``File/truncate(to:)``.
    public func truncate(to size: UInt64) throws(StorageError) { try opened().truncate(to: size) }

    /// Reserves room; see ``File/preallocate(_:at:)``.
    public func preallocate(_ count: UInt64, at offset: UInt64) throws(StorageError) {
        try opened().preallocate(count, at: offset)
    }

    /// Takes the file's lock without waiting; see ``File/lock(exclusive:)``.
    public func lock(exclusive: Bool) throws(StorageError) {
        try opened().lock(exclusive: exclusive)
        opening.noteLock(exclusive: exclusive)
    }

    /// Which file it is; see ``File/status()``.
    public func status() throws(StorageError) -> FileStatus? { try opened().status() }

    /// Drops the lock and closes.
    public func close() { opening.close() }
}

/// How a file was opened.
private struct Origin {
    let mode: OpenMode
    let isBeside: Bool
    let owner: AnyFile?
}

/// The file that the calls on an ``AnyFile`` go to. It is closed and opened anew by a suspension.
private final class Opening: Sendable {
    private struct State {
        /// Nil when nobody has the file any more.
        var base: (any File)?
        /// How to open it again; nil where that is not known.
        var origin: Origin?
        /// Whether the base is closed, to be opened again.
        var isSuspended = false
        /// How it is locked; nil while it is not.
        var isExclusive: Bool?
        var isClosed = false
    }

    private let state: Guarded<State>
    let path: String

    init(_ base: any File, _ origin: Origin?) {
        path = base.path
        state = Guarded(State(base: base, origin: origin))
    }

    /// Nil when nobody has the file any more.
    var base: (any File)? { state.withLock { $0.base } }

    /// Whether nobody can use it any more.
    var isClosed: Bool { state.withLock { $0.isClosed } }

    /// The file, for a call on it.
    func opened() throws(StorageError) -> any File {
        try state.withLock { state throws(StorageError) in
            guard !state.isSuspended, let base = state.base else {
                throw StorageError(
                    .busy, "The database is suspended, and its files are given back.", path: path)
            }
            return base
        }
    }

    func noteLock(exclusive: Bool) { state.withLock { $0.isExclusive = exclusive } }

    func close() {
        state.withLock { state in
            state.isClosed = true
            return state.base
        }?.close()
    }

    /// Lets go of the file and of its owner, since nobody has it any more.
    func end() {
        // They end behind the lock.
        _ = state.withLock { state in
            let last = (state.base, state.origin)
            state.isClosed = true
            (state.base, state.origin) = (nil, nil)
            return last
        }
    }

    /// Closes the file and gives its lock back, if it has one, until ``resume(with:)``. Calls on it throw `busy` from now
    /// on; those that run end as they would, and the lock goes with the last of them.
    func suspend() {
        let base = state.withLock { state -> (any File)? in
            guard
                !state.isClosed, !state.isSuspended, state.isExclusive != nil,
                state.origin != nil
            else { return nil }
            state.isSuspended = true
            return state.base
        }
        base?.close()
    }

    /// Opens the file by its name again, and takes its lock.
    ///
    /// - Parameter open: opens it.
    /// - Throws: what opening and locking throw; it stays suspended then.
    func resume(
        with open: (Origin) throws(StorageError) -> any File
    ) throws(StorageError) {
        let (isExclusive, origin) = state.withLock { state in
            (state.isSuspended && !state.isClosed ? state.isExclusive : nil, state.origin)
        }
        guard let isExclusive, let origin else { return }
        let base = try open(origin)
        do throws(StorageError) {
            try base.lock(exclusive: isExclusive)
        } catch {
            base.close()
            throw error
        }
        state.withLock { state in
            state.base = base
            state.isSuspended = false
        }
    }
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

    /// Closes all files that are locked, with their locks, until ``resume()``; calls on them throw `busy` meanwhile. Files that
    /// are opened after this are not concerned.
    public func suspend() { kind.suspend() }

    /// Opens the files of ``suspend()`` by their names again, and takes their locks.
    ///
    /// - Throws: what opening and locking throw; what was not opened yet stays suspended then.
    public func resume() throws(StorageError) { try kind.resume() }

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
    func suspend()
    func resume() throws(StorageError)
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
    #if !hasFeature(Embedded)
        /// The files that may still be open, in the order of their opening.
        private let files = Guarded<[Opening]>([])
    #endif

    init(_ base: Base) { self.base = base }

    func open(_ path: String, _ mode: OpenMode) throws(StorageError) -> AnyFile {
        let file = try base.open(path, mode)
        return note(AnyFile(file, origin: Origin(mode: mode, isBeside: false, owner: nil)))
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
        let file = try openBase(path, mode, beside: owner)
        return note(AnyFile(file, origin: Origin(mode: mode, isBeside: true, owner: owner)))
    }

    private func openBase(
        _ path: String, _ mode: OpenMode, beside owner: AnyFile?
    ) throws(StorageError) -> Base.Handle {
        guard let owner else { return try base.open(path, mode, beside: nil) }
        guard let base = owner.base as? Base.Handle else {
            throw StorageError(
                .invalidArgument, "The file's owner is of another file system.", path: path)
        }
        return try self.base.open(path, mode, beside: base)
    }

    #if hasFeature(Embedded)
        private func note(_ file: AnyFile) -> AnyFile { file }

        func suspend() {}

        func resume() throws(StorageError) {}
    #else
        private func note(_ file: AnyFile) -> AnyFile {
            files.withLock { files in
                files.removeAll { $0.isClosed }
                files.append(file.opening)
            }
            return file
        }

        func suspend() {
            for file in files.withLock({ $0 }) { file.suspend() }
        }

        func resume() throws(StorageError) {
            // Owners first, as they were opened.
            for file in files.withLock({ $0 }) {
                try file.resume { origin throws(StorageError) in
                    let mode: OpenMode =
                        if case .readOnly = origin.mode { .readOnly } else { .readWrite }
                    return origin.isBeside
                        ? try openBase(file.path, mode, beside: origin.owner)
                        : try base.open(file.path, mode)
                }
            }
        }
    #endif
}
