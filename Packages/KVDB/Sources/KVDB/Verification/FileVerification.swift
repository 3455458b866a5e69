import BTree
import PageStore
import StorageIO
import WAL

#if !hasFeature(Embedded)
    @_spi(Engine)
#endif
extension DatabaseEngine
where Store == FilePageStore<POSIXFile>, Log == WriteAheadLog<POSIXFileSystem> {
    /// Verifies files without opening them as a database; see ``verifyFile(_:files:progress:)``.
    public static func verifyFile(
        _ path: String, progress: (Database.Progress) throws(StorageError) -> Void = { _ in }
    ) throws(StorageError) -> VerificationReport {
        try verifyFile(path, files: POSIXFileSystem(), progress: progress)
    }
}

#if !hasFeature(Embedded)
    @_spi(Engine)
#endif
extension DatabaseEngine {
    /// Verifies the files of a database without opening it: what ``verify(progress:)`` does, for the
    /// newest checkpoint and the log beside it, also where opening fails. Nothing is written, and nobody
    /// may write the database meanwhile.
    ///
    /// Files in which nothing is wrong can be opened: at the end all is done that opening does, in
    /// memory, the replay of the log included. So it takes the memory for the pages that the log
    /// changes.
    ///
    /// - Parameters:
    ///   - path: the data file; its log is looked for beside the file that it leads to.
    ///   - files: where it is.
    ///   - progress: called now and then with the pages checked so far. What it throws ends the verification.
    /// - Returns: the report; damage is in it and not thrown.
    /// - Throws: what keeps the files from being read: `fileNotFound`, `permissionDenied`, also for a
    ///   log of another user, `ambiguousName`, `locked`, `outOfMemory`, `inputOutput`; what `progress` throws.
    public static func verifyFile<Files: FileSystem>(
        _ path: String, files: Files,
        progress: (Database.Progress) throws(StorageError) -> Void = { _ in }
    ) throws(StorageError) -> VerificationReport
    where Store == FilePageStore<Files.Handle>, Log == WriteAheadLog<Files> {
        let names = try DatabaseFiles(path, on: files)
        let file = try files.open(names.data, .readOnly)
        defer { file.close() }
        try file.lock(exclusive: false)
        let collector = FaultCollector(names.data)
        let survey = try FileSurvey(
            file, names: names, files: files, keepsPieces: false, report: collector.add)
        try ProgressMeter.running(progress) { meter throws(StorageError) in
            try survey.walk(meter, .checking)
        }
        var report = collector.report
        survey.addFindings(to: &report)
        // What a survey can't know, above all whether the log's operations can be applied.
        if report.isSound, let refusal = try refusal(file, names: names, files: files) {
            report.add(refusal)
        }
        return report
    }
}

/// Takes the faults of a survey down.
private final class FaultCollector {
    var report = VerificationReport()
    private let path: String

    init(_ path: String) { self.path = path }

    func add(_ fault: TreeFault, _ table: [UInt8]?) {
        report.add(fault, table: table, path: path)
    }
}

extension FileSurvey {
    /// Adds all that is not a fault of a tree, and the figures.
    fileprivate func addFindings(to report: inout VerificationReport) {
        report.checkedPages = checkedPages + UInt64(freeList.pages.count)
        report.freePages = UInt64(freeList.freePageCount)
        report.logRecords = log.records
        report.isLogCut = isLogCut
        report.tableCount = UInt64(
            catalog.tables.count { !$0.name.isEmpty && !IndexName.isReserved($0.name) })
        for table in tables {
            report.entryCount &+= table.report.entryCount
            guard table.isWhole else { continue }
            report.trees.append(
                TreeComposition(table: table.name, root: table.root, table.report))
        }
        report.add(catalog, path: path)
        addSuperblocks(to: &report)
        if let base, let fault = freeList.fault {
            let page = fault.page == 0 ? PageNumber(base.slot) : fault.page
            report.add(
                VerificationReport.Finding(
                    .freeList, error(fault.message, page), expected: fault.expected,
                    found: fault.found))
        }
        if let damage = logDamage {
            report.add(
                VerificationReport.Finding(
                    log.isThere ? .log : .missingLog, damage,
                    found: leftOut > 0 ? "\(leftOut) records behind it" : nil,
                    advice: .restoreLog))
        }
        addLost(to: &report)
    }

    private func error(_ message: String, _ page: PageNumber) -> StorageError {
        StorageError(
            .damaged, message, path: path, page: page,
            offset: UInt64(page) << UInt64(PageLayout.pageShift))
    }

    private func addSuperblocks(to report: inout VerificationReport) {
        guard let base else {
            let finding = headless(&report)
            report.add(finding)
            return
        }
        if pages.choice.isOfLaterFormat { report.add(laterFormat) }
        if pages.byteCount < UInt64(base.superblock.pageCount) << UInt64(PageLayout.pageShift) {
            report.add(
                VerificationReport.Finding(
                    .beyondEnd,
                    StorageError(
                        .truncated, "The file is shorter than its superblock says.", path: path,
                        offset: pages.byteCount),
                    expected: "\(base.superblock.pageCount) pages",
                    found: "\(pages.byteCount) bytes"))
        }
        if let problem = base.superblock.record.logPositionProblem(path) {
            report.add(
                VerificationReport.Finding(
                    .superblock, error(problem.message, PageNumber(base.slot)),
                    expected: "a multiple of 8 below 2^62",
                    found: "\(base.superblock.record.logPosition)"))
        }
        if pages.choice.isContradictory {
            report.add(
                VerificationReport.Finding(
                    .superblock,
                    error("The two superblocks can't be of one database.", PageNumber(base.slot)),
                    expected: "generations and transactions that count up together"))
        }
        if let contradiction {
            let transaction = base.superblock.record.transaction
            report.add(
                VerificationReport.Finding(
                    .superblock,
                    error(
                        "The superblock is an old one: a page that it leads to was written by a "
                            + "later transaction.", PageNumber(base.slot)),
                    expected: "page \(contradiction.page) of transaction \(transaction) or older",
                    found: "transaction \(contradiction.birth)"))
        }
        report.addNumbers(
            transaction: max(base.superblock.record.transaction, log.lastTransaction),
            generation: base.superblock.generation,
            logPosition: max(base.superblock.record.logPosition, log.end),
            slot: PageNumber(base.slot), path: path)
        guard !isOtherSlotSound else { return }
        report.isSpareSuperblockDamaged = true
        guard !isSpareCovered else { return }
        report.add(
            VerificationReport.Finding(
                .superblock,
                error(
                    "The superblock is damaged, and no log covers it: the newest checkpoint may be "
                        + "lost.", PageNumber(base.slot ^ 1)),
                advice: .restoreLog))
    }

    /// Whether a damaged spare superblock takes nothing away. A crash in the middle of a checkpoint leaves
    /// one torn slot, and the log that covers it.
    private var isSpareCovered: Bool {
        guard let base else { return false }
        return base.superblock.record.usesLog ? log.isThere && logDamage == nil : gaps.isEmpty
    }

    private var laterFormat: VerificationReport.Finding {
        VerificationReport.Finding(
            .file,
            StorageError(
                .unsupportedFormat,
                "The file was written by a newer version in a format unknown here.", path: path),
            advice: .checkFile)
    }

    /// What there is to say of a file without a sound superblock.
    private func headless(
        _ report: inout VerificationReport
    ) -> VerificationReport.Finding {
        if pages.byteCount == 0 {
            return VerificationReport.Finding(
                .file,
                StorageError(.emptyFile, "The file is empty.", path: path, page: 0, offset: 0),
                advice: .checkFile)
        }
        if pages.choice.slots.contains(.newer) {
            return laterFormat
        }
        let buffer = PageBuffer(pageCount: 1)
        var leaves: UInt64 = 0
        for page in 2..<max(2, pages.pageCount) {
            let flaw = pages.readNode(PageNumber(page), newest: newest, into: buffer)
            guard flaw == nil else { continue }
            report.checkedPages += 1
            if buffer.page(0).rawKind == PageKind.leaf.rawValue { leaves += 1 }
        }
        guard leaves > 0 || pages.choice.slots.contains(.damaged) else {
            return VerificationReport.Finding(
                .file,
                StorageError(
                    .notADatabase, "The file is something else, not a database of this kind.",
                    path: path), advice: .checkFile)
        }
        return VerificationReport.Finding(
            .superblock, error("Both superblocks are damaged.", 0),
            found: "\(leaves) sound leaves, of this version or older ones")
    }

    /// Lost pages, where it is sure that nothing damaged led to them.
    private func addLost(to report: inout VerificationReport) {
        guard isFreeListWhole, gaps.isEmpty, isCatalogWhole, contradiction == nil,
            !pages.choice.isContradictory, isOtherSlotSound || isSpareCovered
        else { return }
        let hasLostValue = report.findings.contains { $0.key != nil }
        guard !hasLostValue else { return }
        PageSet.forEachGap(claimed, free) { report.add(.lost($0, path)) }
    }
}
