import BTree
import PageStore
import StorageIO
import WAL

#if !hasFeature(Embedded)
    @_spi(Engine)
#endif
extension DatabaseEngine
where Store == FilePageStore<POSIXFile>, Log == WriteAheadLog<POSIXFileSystem> {
    /// Builds a new database at `target` from what can be read of a damaged one; see
    /// ``salvage(from:to:files:options:progress:)``.
    @discardableResult
    public static func salvage(
        from source: String, to target: String, options: SalvageOptions = SalvageOptions(),
        progress: (Database.Progress) throws(StorageError) -> Void = { _ in }
    ) throws(StorageError) -> SalvageReport {
        try salvage(
            from: source, to: target, files: POSIXFileSystem(), options: options,
            progress: progress)
    }
}

#if !hasFeature(Embedded)
    @_spi(Engine)
#endif
extension DatabaseEngine {
    /// Builds a new database from what can be read of a damaged one and its log. The damaged one is
    /// only read: nothing is written, created or removed beside it. The new one is one durable
    /// transaction, and is verified before the call returns.
    ///
    /// What is taken for what, and how sure it is, is in `Docs/Guides/Salvage.md`. Memory: a few bytes
    /// a page, the keys at the ends of each leaf that nothing leads to, and the largest value.
    ///
    /// - Parameters:
    ///   - source: the data file; its log is looked for beside the file that it leads to.
    ///   - target: must not exist yet.
    ///   - files: where both are.
    ///   - options: what to take, and how much memory.
    ///   - progress: called now and then. What it throws ends the salvage; then there is no target.
    /// - Returns: what came back and what didn't.
    /// - Throws: `fileExists` for a target that is there, `invalidArgument` for one that would share a
    ///   name with the source, `locked` while somebody writes the source, `permissionDenied`,
    ///   `ambiguousName` and `outOfMemory` when its files can't be read for that, `unsupportedFormat`,
    ///   `emptyFile`, `notADatabase` and `damaged` when nothing is there to salvage, and what writing
    ///   a database throws; what `progress` throws. Then there is no target.
    @discardableResult
    public static func salvage<Files: FileSystem>(
        from source: String, to target: String, files: Files,
        options: SalvageOptions = SalvageOptions(),
        progress: (Database.Progress) throws(StorageError) -> Void = { _ in }
    ) throws(StorageError) -> SalvageReport
    where Store == FilePageStore<Files.Handle>, Log == WriteAheadLog<Files> {
        try ProgressMeter.running(progress) { meter throws(StorageError) in
            try salvage(from: source, to: target, files: files, options: options, meter)
        }
    }

    private static func salvage<Files: FileSystem>(
        from source: String, to target: String, files: Files, options: SalvageOptions,
        _ meter: ProgressMeter
    ) throws(StorageError) -> SalvageReport
    where Store == FilePageStore<Files.Handle>, Log == WriteAheadLog<Files> {
        let names = try DatabaseFiles(source, on: files)
        let targetNames = try DatabaseFiles(target, on: files)
        try refuse(targetNames, names, files)
        let file = try files.open(names.data, .readOnly)
        defer { file.close() }
        try file.lock(exclusive: false)
        let survey = try FileSurvey(file, names: names, files: files, keepsPieces: true)
        try survey.refuseHopeless()
        try survey.walk(meter, .walking)
        let plan = try SalvagePlan(survey, options: options, meter)
        guard survey.base != nil || !plan.tables.isEmpty || survey.log.records > 0 else {
            throw StorageError(
                .damaged,
                "Nothing in the file can be salvaged: it has no sound page of a database.",
                path: names.data)
        }
        return try write(plan, survey, to: targetNames, files: files, options: options, meter)
    }

    private static func refuse<Files: FileSystem>(
        _ target: DatabaseFiles, _ source: DatabaseFiles, _ files: Files
    ) throws(StorageError) {
        guard try source.conflict(with: target, on: files) == nil else {
            throw StorageError(
                .invalidArgument,
                "The new database would share a name with the damaged one; choose another name.",
                path: target.data)
        }
        for path in [target.data, target.log] where try files.exists(path) {
            throw StorageError(
                .fileExists, "The new database exists already; choose another name.", path: path)
        }
    }

    private static func write<Files: FileSystem>(
        _ plan: SalvagePlan, _ survey: FileSurvey<Files>, to target: DatabaseFiles, files: Files,
        options: SalvageOptions, _ meter: ProgressMeter
    ) throws(StorageError) -> SalvageReport
    where Store == FilePageStore<Files.Handle>, Log == WriteAheadLog<Files> {
        var open = DatabaseOptions()
        open.access = .createNew
        open.checkpointPolicy = .manual
        // All of it commits by one checkpoint, and nothing goes to the log.
        open.logSegmentSize = LogLayout.minimumSegmentSize
        open.cacheBudget = max(options.cacheBudget, 64 << 10)
        open.dirtyBudget = max(options.cacheBudget / 2, 64 << 10)
        open.sizeLimit = options.sizeLimit
        let database = try DatabaseEngine.open(target.data, files: files, options: open)
        do throws(StorageError) {
            var writer = SalvageWriter(
                core: database.core, survey: survey, plan: plan, options: options, meter: meter)
            var report = try writer.run()
            let verified = try database.verify(meter)
            if let finding = verified.findings.first { throw finding.error }
            report.entryCount = verified.entryCount
            try database.close()
            return report
        } catch {
            // What failed is the news; a half-made database would only be in the way.
            do throws(StorageError) { try database.close() } catch {}
            for path in [target.data, target.log] {
                do throws(StorageError) { try files.remove(path) } catch {}
            }
            throw error
        }
    }
}

extension FileSurvey {
    /// Ends a salvage that has nothing to go by, or would do harm.
    fileprivate func refuseHopeless() throws(StorageError) {
        guard pages.byteCount > 0 else {
            throw StorageError(
                .emptyFile, "The file is empty; there is nothing to salvage.", path: path)
        }
        // A newer format may mean other things by what looks familiar.
        if pages.choice.isOfLaterFormat {
            throw StorageError(
                .unsupportedFormat,
                "The file was written by a newer version in a format unknown here; salvage it with "
                    + "that.", path: path)
        }
    }
}
