import StorageIO

/// Where the files of one database are: every name that it has, or comes to have.
///
/// It is made from a path once, and opening, recovery, verification, salvage and closing go by it, so
/// that all of them mean the same files: through whatever symbolic links the path leads, and to
/// whatever directory the process changes later. Errors name files as they are named here.
public struct DatabaseFiles: Sendable {
    /// The path that it was made from.
    public let given: String
    /// The data file: absolute, with symbolic links followed. Its lock stands for all of the files.
    public let data: String

    /// The log, which is there from the first commit to a clean close.
    public var log: String { Self.log(of: data) }

    /// The name under which a new database is made before it gets its own.
    public var draft: String { data + "-new" }

    /// All names, free or not: nothing else may be put there.
    public var all: [String] { [data, log, draft] }

    /// The name of the log of a data file, wherever that is.
    #if !hasFeature(Embedded)
        @_spi(Engine)
    #endif
    public static func log(of data: String) -> String { data + "-wal" }

    /// Resolves `path`. The data file need not be there, but its directory must.
    ///
    /// - Throws: `fileNotFound` for a missing directory and for a symbolic link that leads nowhere,
    ///   `ambiguousName` for links in a circle, `permissionDenied`, `invalidArgument`.
    public init<Files: FileSystem>(_ path: String, on files: Files) throws(StorageError) {
        given = path
        data = try files.resolve(path)
    }

    /// Resolves `path` on the system's files; see ``init(_:on:)``.
    public init(_ path: String) throws(StorageError) {
        try self.init(path, on: POSIXFileSystem())
    }

    /// The database's name that `path` stands for, or nil if it stands for something else. What is to be
    /// written to `path`, an export or a report, would take the place of that file, or of one that
    /// the database makes later.
    ///
    /// Files are compared by what they are (device and number), and names by where they lead to, so
    /// that neither links nor another way of writing a path hide one.
    ///
    /// - Throws: as ``init(_:on:)``.
    public func conflict<Files: FileSystem>(
        with path: String, on files: Files
    ) throws(StorageError) -> String? {
        let target = try files.resolve(path)
        let status = try files.status(of: target)
        for name in all {
            if name.utf8.elementsEqual(target.utf8) { return name }
            guard let status, let own = try files.status(of: name) else { continue }
            if own.isSameFile(as: status) { return name }
        }
        return nil
    }

    /// Whether `path` stands for one of the database's names on the system's files; see
    /// `conflict(with:on:)`.
    public func conflict(with path: String) throws(StorageError) -> String? {
        try conflict(with: path, on: POSIXFileSystem())
    }

    /// The name that two databases would share, or nil if each has its own.
    ///
    /// - Throws: as ``init(_:on:)``.
    public func conflict<Files: FileSystem>(
        with other: DatabaseFiles, on files: Files
    ) throws(StorageError) -> String? {
        for name in other.all {
            if let own = try conflict(with: name, on: files) { return own }
        }
        return nil
    }

    /// An error with the draft's name replaced by the database's, which is what the caller asked for.
    /// What the caller has to look at under the draft's name keeps it.
    func named(_ error: StorageError) -> StorageError {
        guard let path = error.path, path.utf8.elementsEqual(draft.utf8) else { return error }
        switch error.code {
        case .ambiguousName, .fileExists: return error
        case .permissionDenied where error.systemCode == 0: return error
        default:
            var error = error
            error.path = data
            return error
        }
    }
}
