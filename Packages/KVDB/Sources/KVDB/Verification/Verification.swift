import BTree
import PageStore
import StorageIO
import WAL

#if !hasFeature(Embedded)
    @_spi(Engine)
#endif
extension DatabaseEngine {
    /// Looks at everything: each page in use is read from the file and checked, every tree walked
    /// (order, separators, counts, links), and every page must be used exactly once: by a tree, the
    /// free list, or a version that is still needed. The log that a recovery would read is read.
    /// Behind damage it goes on with the next subtree.
    ///
    /// Readers go on; writers and checkpoints wait.
    ///
    /// - Parameter progress: called now and then with the pages checked so far. What it throws ends the
    ///   verification.
    /// - Returns: the report; damage is in it and not thrown.
    /// - Throws: `poisoned`, since after a failed write or sync only a reopen tells what the file has;
    ///   `closed`, `busy`, `timedOut`, `outOfMemory`; what keeps the log from being opened, as rights; what
    ///   `progress` throws.
    public func verify(
        progress: (Database.Progress) throws(StorageError) -> Void = { _ in }
    ) throws(StorageError) -> VerificationReport {
        try ProgressMeter.running(progress) { meter throws(StorageError) in try verify(meter) }
    }

    /// Looks at everything; see ``verify(progress:)``.
    func verify(_ meter: ProgressMeter) throws(StorageError) -> VerificationReport {
        let core = core
        try core.requireOpen()
        let token = try core.acquireWriter(.call, timeout: core.options.writerTimeout)
        try core.requireOpen()
        core.checkpointer.enter()
        defer { core.checkpointer.leave() }
        try core.requireUnpoisoned()
        let verification = Verification(core, meter)
        try verification.run()
        // What a close meanwhile took away is not damage.
        try core.requireOpen()
        token.release()
        return verification.report
    }
}

/// One verification of an open database. The caller holds the writer lock, and no checkpoint runs.
private final class Verification<Store: CheckpointedStorage, Log: CommitLog>:
    SurveySource, SurveyVisitor
{
    private let core: Engine<Store, Log>
    private(set) var report = VerificationReport()
    /// Pages that something uses, or that are free or replaced.
    private var use: PageSet
    /// Pages that no tree may use.
    private var unused: PageSet
    /// The table that is being walked; nil for the catalog.
    private var table: [UInt8]?
    private var catalog = CatalogReading()
    private var isCatalog = false
    private var isWhole = true

    private let meter: ProgressMeter

    private var store: Store { core.store }

    init(_ core: Engine<Store, Log>, _ meter: ProgressMeter) {
        self.core = core
        self.meter = meter
        use = PageSet(limit: core.store.pageCount)
        unused = PageSet(limit: core.store.pageCount)
    }

    func run() throws(StorageError) {
        report.isSpareSuperblockDamaged = store.isSpareSuperblockDamaged
        let statistics = store.statistics
        try meter.begin(
            .checking, .pages,
            total: max(
                0, statistics.pageCount - 2 - statistics.freePages - statistics.pendingPages))
        try markUnused()
        let head = core.writer.head
        isCatalog = true
        try walk(head.catalog)
        isCatalog = false
        findStaleRecords(head)
        catalog.update { table in
            if let known = known(table, in: head) {
                table.description = known.record(core.tables).description
            }
            table.root = root(of: table, in: head)
        }
        isWhole = isWhole && catalog.unreadable.isEmpty && catalog.stale.isEmpty
        report.add(catalog, path: core.path)
        report.tableCount = UInt64(
            catalog.tables.count { !$0.name.isEmpty && !IndexName.isReserved($0.name) })
        try walk(head.main, named: [])
        for table in catalog.tables where !table.name.isEmpty {
            try walk(table.root, named: table.name)
        }
        reportLost()
        try meter.end()
        try checkLog()
        report.addNumbers(
            transaction: head.transaction, generation: store.generation, logPosition: core.log.end,
            slot: store.superblockPage, path: core.path)
    }

    private func walk(_ root: TreeRoot, named name: [UInt8]) throws(StorageError) {
        table = name
        defer { table = nil }
        let found = try walk(root)
        report.entryCount &+= found.report.entryCount
        guard found.isWhole else { return }
        report.trees.append(TreeComposition(table: name, root: root, found.report))
    }

    /// - Returns: what the tree consists of, as far as it could be looked at, and whether that was all.
    @discardableResult
    private func walk(
        _ root: TreeRoot
    ) throws(StorageError) -> (report: TreeReport, isWhole: Bool) {
        var survey = TreeSurvey(source: self, visitor: self)
        let isTreeWhole = survey.walk(root)
        if let stop = meter.stop { throw stop }
        isWhole = isWhole && isTreeWhole
        return (survey.report, isTreeWhole)
    }

    /// Where a table begins in a version: the catalog is brought up to date by checkpoints only.
    private func root(of table: CatalogReading.Table, in head: Version) -> TreeRoot {
        if core.tables.find(table.name) == .main { return head.main }
        return known(table, in: head)?.root ?? table.root
    }

    /// What a version knows of a named table beside the catalog.
    private func known(_ table: CatalogReading.Table, in head: Version) -> KnownTable? {
        guard let id = core.tables.find(table.name), id != .main,
            case .found(let known) = head.tables.entry(id)
        else { return nil }
        return known
    }

    /// A table's record is brought up to date by checkpoints only, and a root that none has made
    /// durable may be changed where it is. So a record is judged only by a root that is durable.
    private func findStaleRecords(_ head: Version) {
        let durable = store.checkpoint.transaction
        catalog.findStaleRecords { table in
            guard table.root.page == root(of: table, in: head).page else { return nil }
            let token = store.beginRead()
            defer { store.endRead(token) }
            do throws(StorageError) {
                let birth = try store.page(table.root.page).birth
                return birth > durable ? nil : birth
            } catch {
                return nil
            }
        }
    }

    // MARK: Pages without a tree

    private func markUnused() throws(StorageError) {
        for page in store.freeListPages {
            markUnused(page, 1, "A page of the free list")
            try meter.advance(pages: 1)
            do throws(StorageError) {
                try store.checkStored(page)
                report.checkedPages += 1
            } catch {
                isWhole = false
                report.add(VerificationReport.Finding(.freeList, error))
            }
        }
        store.forEachFreeRun { page, count in
            report.freePages += UInt64(count)
            markUnused(page, count, "A free page")
        }
        store.forEachPendingRun { page, count in
            report.pendingPages += UInt64(count)
            markUnused(page, count, "A replaced page")
        }
    }

    private func markUnused(_ page: PageNumber, _ count: Int, _ what: StaticString) {
        for number in Int(page)..<Int(page) + count {
            unused.insert(number)
            guard !use.insert(number) else { continue }
            report.add(
                VerificationReport.Finding(
                    .freeList,
                    StorageError(
                        .damaged, "\(what) is listed twice, or lies beyond the file's end.",
                        path: core.path, page: PageNumber(clamping: number),
                        offset: UInt64(number) << UInt64(PageLayout.pageShift))))
        }
    }

    /// A page that nothing uses and that is not free is lost space. With a damaged subtree that is
    /// no news: what hangs below could not be reached.
    private func reportLost() {
        guard isWhole else { return }
        PageSet.forEachGap(use, use) { report.add(.lost($0, core.path)) }
    }

    private func checkLog() throws(StorageError) {
        guard let checkLog = core.checkLog else { return }
        do throws(StorageError) {
            let outcome = try checkLog(store.checkpoint.logPosition)
            report.logRecords = UInt64(outcome.records)
            guard let damage = outcome.damage else { return }
            let kind: VerificationReport.Finding.Kind = outcome.isThere ? .log : .missingLog
            report.add(VerificationReport.Finding(kind, damage, advice: .restoreLog))
        } catch {
            // That the log can't be opened or read, as without a descriptor left, says nothing about it.
            guard error.saysWhatAFileHolds else { throw error }
            report.add(VerificationReport.Finding(.log, error, advice: .restoreLog))
        }
    }

    // MARK: SurveySource

    func copyNode(_ page: PageNumber, into buffer: PageBuffer) -> PageFlaw? {
        do throws(StorageError) {
            try store.checkStored(page)
            let token = store.beginRead()
            defer { store.endRead(token) }
            let bytes = try store.page(page)
            buffer.page(0).copyAll(of: bytes)
            guard bytes.number == page else { return .number(found: bytes.number) }
            return (NodeCheck.check(bytes) ?? NodeCheck.overlap(in: bytes)).map { .structure($0) }
        } catch {
            return store.flaw(error, of: page)
        }
    }

    func runFlaw(_ page: PageNumber, byteCount: Int) -> PageFlaw? {
        do throws(StorageError) {
            try store.checkStored(page)
            // Portion by portion, and past the cache where it is not there.
            _ = try store.openRun(page, byteCount: byteCount)
            return nil
        } catch {
            return store.flaw(error, of: page)
        }
    }

    // MARK: SurveyVisitor

    func claim(_ page: PageNumber) -> SurveyRefusal? { claim(page, 1) }

    func claimRun(_ page: PageNumber, byteCount: Int) -> SurveyRefusal? {
        let (size, shift) = (PageLayout.pageSize, PageLayout.pageShift)
        return claim(page, (PageLayout.headerSize + byteCount + size - 1) >> shift)
    }

    private func claim(_ page: PageNumber, _ count: Int) -> SurveyRefusal? {
        let start = Int(page)
        guard start >= 2, start + count <= use.limit else {
            return .flaw(.beyondEnd(pageCount: UInt64(use.limit)))
        }
        for number in start..<start + count {
            if unused.contains(number) { return .flaw(.free) }
            if use.contains(number) { return .usedTwice }
        }
        use.insert(start..<start + count)
        report.checkedPages += UInt64(count)
        // What it throws stops the survey.
        do throws(StorageError) { try meter.advance(pages: count) } catch {}
        return nil
    }

    var isStopped: Bool { meter.stop != nil }

    func leaf(
        _ leaf: borrowing LeafContents, _ page: PageNumber, low: [UInt8]?, high: [UInt8]?
    ) {
        if isCatalog { catalog.read(leaf, at: page) }
    }

    func fault(_ fault: TreeFault) { report.add(fault, table: table, path: core.path) }
}

extension VerificationReport.Finding {
    /// Pages that nothing accounts for.
    static func lost(_ pages: Range<Int>, _ path: String) -> VerificationReport.Finding {
        let page = PageNumber(pages.lowerBound)
        let message =
            pages.count == 1
            ? "The page is neither in use nor free."
            : "\(pages.count) pages from this one on are neither in use nor free."
        return VerificationReport.Finding(
            .lost,
            StorageError(
                .damaged, message, path: path, page: page,
                offset: UInt64(page) << UInt64(PageLayout.pageShift)))
    }
}
