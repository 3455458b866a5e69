/// Files that live in memory only: the second implementation of ``FileSystem``, for tests and for
/// databases that need no disk.
///
/// Names are plain byte strings; directories are not asked for. A file that is removed or renamed
/// over lives on for the handles that are open. Everything written is "durable" for as long as
/// this object lives.
public final class InMemoryFileSystem: FileSystem, @unchecked Sendable {
    // Sendable: `names` and `nextHandle` are only touched under `lock`.
    private let lock = Lock()
    /// The files by name, compared byte for byte; few, so a plain array. Guarded by `lock`.
    private var names: [(path: [UInt8], contents: InMemoryContents)] = []
    /// Tells handles apart in the lock tables. Guarded by `lock`.
    private var nextHandle = 0

    /// A file system without files.
    public init() {}

    private func index(of path: String) -> Int? {
        names.firstIndex { $0.path.elementsEqual(path.utf8) }
    }

    private static func notFound(_ path: String) -> StorageError {
        StorageError(.fileNotFound, "The file does not exist; check the path.", path: path)
    }

    private static func alreadyThere(_ path: String) -> StorageError {
        StorageError(
            .fileExists, "The file exists already; choose another name or remove it.", path: path)
    }

    /// Opens `path`. O(number of files).
    ///
    /// - Throws: `fileNotFound`, `fileExists`, `invalidArgument`.
    public func open(_ path: String, _ mode: OpenMode) throws(StorageError) -> InMemoryFile {
        try StorageError.checkPath(path)
        lock.acquire()
        defer { lock.release() }
        let contents: InMemoryContents
        if let index = index(of: path) {
            if mode == .createNew { throw Self.alreadyThere(path) }
            contents = names[index].contents
        } else {
            if mode == .readOnly || mode == .readWrite { throw Self.notFound(path) }
            contents = InMemoryContents()
            names.append(([UInt8](path.utf8), contents))
        }
        nextHandle += 1
        return InMemoryFile(
            path: path, contents: contents, handle: nextHandle, isReadOnly: mode == .readOnly)
    }

    /// Whether something is there under this name.
    public func exists(_ path: String) throws(StorageError) -> Bool {
        try StorageError.checkPath(path)
        lock.acquire()
        defer { lock.release() }
        return index(of: path) != nil
    }

    /// Removes the name; handles that are open keep the file.
    public func remove(_ path: String) throws(StorageError) {
        try StorageError.checkPath(path)
        lock.acquire()
        defer { lock.release() }
        guard let index = index(of: path) else { throw Self.notFound(path) }
        names.remove(at: index)
    }

    /// Gives a file another name in one step; see ``FileSystem/rename(_:to:replacing:)``.
    public func rename(_ from: String, to: String, replacing: Bool) throws(StorageError) {
        try StorageError.checkPath(from)
        try StorageError.checkPath(to)
        lock.acquire()
        defer { lock.release() }
        guard let source = index(of: from) else { throw Self.notFound(from) }
        if let target = index(of: to) {
            if !replacing { throw Self.alreadyThere(to) }
            if target == source { return }
            names[target].contents = names[source].contents
            names.remove(at: source)
        } else {
            names[source].path = [UInt8](to.utf8)
        }
    }

    /// Does nothing: there is no medium.
    public func syncDirectory(of path: String) throws(StorageError) {
        try StorageError.checkPath(path)
    }
}
