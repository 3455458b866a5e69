import StorageIO

// What can be done with the files of a database that nobody has open, and where they are.
extension Database {
    /// Builds a new database from what can be read of a damaged one and its log.
    ///
    /// The damaged one is only read: nothing is written, created or removed beside it. The new one is one durable
    /// transaction, and is verified before the call returns. What is taken for what, and how sure it is, is in
    /// `Docs/Guides/Salvage.md`. Memory: a few bytes a page, the keys at the ends of each leaf that nothing leads to, and
    /// the largest value.
    ///
    /// - Parameters:
    ///   - source: the data file; its log is looked for beside the file that it leads to.
    ///   - target: must not exist yet.
    ///   - options: what to take, and how much memory.
    ///   - progress: called now and then. What it throws ends the salvage; then there is no target.
    /// - Returns: what came back and what didn't.
    /// - Throws: `fileExists` for a target that is there, `invalidArgument` for one that would share a name with the source,
    ///   `locked` while somebody writes the source, `permissionDenied`, `ambiguousName` and `outOfMemory` when its files
    ///   can't be read for that, `unsupportedFormat`, `emptyFile`, `notADatabase` and `damaged` when nothing is there to
    ///   salvage, and what writing a database throws; what `progress` throws. Then there is no target.
    /// - Complexity: reads every page once or twice.
    @discardableResult
    public static func salvage(
        from source: String, to target: String, options: SalvageOptions = SalvageOptions(),
        progress: (Progress) throws(Failure) -> Void = { _ in }
    ) throws(Failure) -> SalvageReport {
        try salvage(
            from: source, to: target, files: POSIXFileSystem(), options: options,
            progress: progress)
    }

    /// Builds a new database from what can be read of a damaged one on a file system of your own; see
    /// `salvage(from:to:options:progress:)`.
    ///
    /// - Parameters:
    ///   - source: the data file there.
    ///   - target: must not exist yet.
    ///   - files: where both are.
    ///   - options: what to take, and how much memory.
    ///   - progress: called now and then. What it throws ends the salvage; then there is no target.
    /// - Returns: what came back and what didn't.
    /// - Throws: as on the system's files.
    @discardableResult
    public static func salvage(
        from source: String, to target: String, files: some FileSystem,
        options: SalvageOptions = SalvageOptions(),
        progress: (Progress) throws(Failure) -> Void = { _ in }
    ) throws(Failure) -> SalvageReport {
        try passingOn(progress) { progress throws(StorageError) in
            try FileEngine.salvage(
                from: source, to: target, files: AnyFileSystem(files), options: options,
                progress: progress)
        }
    }

    /// Returns where the files of a database are, and where they will be: its data file, its log, and the draft that it
    /// begins as. Copy or remove them together, while nobody has the database open.
    ///
    /// - Parameter path: the data file, which need not be there; its folder must.
    /// - Throws: `fileNotFound` for a missing folder and for a link that leads nowhere, `ambiguousName` for links in a
    ///   circle, `permissionDenied`.
    public static func files(of path: String) throws(StorageError) -> DatabaseFiles {
        try DatabaseFiles(path)
    }
}
