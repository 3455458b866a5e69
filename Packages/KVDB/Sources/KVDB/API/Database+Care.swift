import StorageIO

extension Database {
    /// Looks at everything: every page in use is read from the file and checked, every table walked, and the log
    /// that a recovery would read is read.
    ///
    /// Readers go on; writers and checkpoints wait. Behind damage it goes on with what else there is. In memory there
    /// is no file to read: the pages are checked where they are. The indexes of the tables that this handle has used are
    /// compared with their rows.
    ///
    /// - Parameter progress: gets the pages checked so far, now and then. What it throws ends the verification.
    /// - Returns: the report; damage is in it and not thrown.
    /// - Throws: `poisoned`, since after a failed write or sync only a reopen tells what the file has; `timedOut`,
    ///   `busy` inside a write transaction of this thread, `closed`, `outOfMemory`; what `progress` throws.
    /// - Complexity: reads every page.
    public func verify(
        progress: (Progress) throws(Failure) -> Void = { _ in }
    ) throws(Failure) -> VerificationReport {
        try Self.passingOn(progress) { progress throws(StorageError) in
            var report = try engine.verify(progress: progress)
            guard report.isSound else { return report }
            let snapshot = try engine.snapshot()
            for (name, indexes) in engine.core.tables.declaredIndexes {
                for problem in try snapshot.problems(of: indexes, on: name) {
                    var finding = VerificationReport.Finding(
                        .index, StorageError(.damaged, problem, path: engine.core.path))
                    finding.table = name
                    report.add(finding)
                }
            }
            return report
        }
    }

    /// Verifies the files of a database without opening it, also where opening fails.
    ///
    /// Nothing is written, and nobody may write the database meanwhile. Files in which nothing is wrong can be
    /// opened: at the end all is done that opening does, in memory, the replay of the log included. Of an index it is
    /// seen that its table is kept with it, and that it has no more entries than the table has rows; whether they are those
    /// of the rows is seen by `verify(progress:)` of a program that declares it.
    ///
    /// - Parameters:
    ///   - path: the data file; its log is looked for beside the file that it leads to.
    ///   - progress: gets the pages checked so far, now and then. What it throws ends the verification.
    /// - Returns: the report; damage is in it and not thrown.
    /// - Throws: what keeps the files from being read: `fileNotFound`, `permissionDenied`, also for a log of another
    ///   user, `ambiguousName`, `locked`, `outOfMemory`, `inputOutput`; what `progress` throws.
    /// - Complexity: reads every page.
    public static func verify(
        at path: String, progress: (Progress) throws(Failure) -> Void = { _ in }
    ) throws(Failure) -> VerificationReport {
        try verify(at: path, files: POSIXFileSystem(), progress: progress)
    }

    /// Verifies the files of a database on a file system of your own; see `verify(at:progress:)`.
    ///
    /// - Parameters:
    ///   - path: the data file there.
    ///   - files: where it is, and its log.
    ///   - progress: gets the pages checked so far, now and then. What it throws ends the verification.
    /// - Returns: the report; damage is in it and not thrown.
    /// - Throws: as on the system's files.
    public static func verify(
        at path: String, files: some FileSystem,
        progress: (Progress) throws(Failure) -> Void = { _ in }
    ) throws(Failure) -> VerificationReport {
        try passingOn(progress) { progress throws(StorageError) in
            try FileEngine.verifyFile(path, files: AnyFileSystem(files), progress: progress)
        }
    }

    /// Makes the file nearly as small as its content allows. Readers go on; writers wait.
    ///
    /// Where the pages are loosely filled, the tables are packed anew, for which the file grows for a while; then
    /// pages at the file's end move into free ones, and the end is given back to the file system. What a live
    /// snapshot can see stays where it is; compact again after its end. A crash at any time leaves the same content.
    /// In memory it packs the tables and gives free memory back.
    ///
    /// - Parameter progress: called now and then. What it throws ends the compaction, without the step that it was
    ///   in: the content is the same.
    /// - Returns: what was done, with the sizes before and after.
    /// - Throws: `diskFull`, `fileTooLarge` when there was no room for any step, and all is as before; `timedOut`,
    ///   `busy`, `readOnly`, `closed`, `poisoned`; what `progress` throws.
    /// - Complexity: reads every page, and writes about twice the content's size at most.
    @discardableResult
    public func compact(
        progress: (Progress) throws(Failure) -> Void = { _ in }
    ) throws(Failure) -> CompactionReport {
        try Self.passingOn(progress) { progress throws(StorageError) in
            try engine.compact(progress: progress)
        }
    }
}

extension Database {
    /// Runs work of the engine, which knows no errors but its own, with a closure that throws any. Throws that very
    /// error on.
    static func passingOn<Result>(
        _ progress: (Progress) throws(Failure) -> Void,
        _ work: (
            _ progress: (Progress) throws(StorageError) -> Void
        ) throws(StorageError) -> Result
    ) throws(Failure) -> Result {
        try withoutActuallyEscaping(progress) { progress throws(Failure) -> Result in
            var thrown: Failure?
            do throws(StorageError) {
                return try work { state throws(StorageError) in
                    do throws(Failure) {
                        try progress(state)
                    } catch {
                        thrown = error
                        throw StorageError(
                            .busy, "The closure that is told of progress ended the work.")
                    }
                }
            } catch {
                throw thrown ?? error
            }
        }
    }
}
