import BTree
import PageStore
import StorageIO
import WAL

/// A data file and its log, looked at without being opened as a database: what verification of a file
/// that doesn't open, and salvage, are built on. Reads only, and takes no lock.
///
/// What it trusts: a page whose checksum, number, kind and birth are right; a free list that is whole
/// and of the superblock's own transaction; and a superblock unless the other slot, or a newer page in
/// place of one that it leads to, shows that a newer one was lost (``isBaseTrusted``). Everything else
/// is a fault that it notes and goes on from.
final class FileSurvey<Files: FileSystem>: SurveySource, SurveyVisitor {
    /// A table as the catalog has it.
    struct Table {
        var name: [UInt8]
        var root: TreeRoot
        /// What it holds, as an encoded ``TableDescription``.
        var description: [UInt8]
        var report = TreeReport()
        var isWhole = false
    }

    /// A place in a table's tree: a sound leaf, or a fault that hides a part of it.
    enum Piece {
        case leaf(PageNumber)
        /// The index of a fault in `gaps`.
        case gap(Int)
    }

    /// A fault and the table that it is in; nil for the catalog.
    struct Gap {
        var fault: TreeFault
        var table: Int?
    }

    let files: Files
    /// Where the database's files are.
    let names: DatabaseFiles
    private let file: Files.Handle
    let pages: PageFile<Files.Handle>
    /// The sound superblock of the highest generation, and its slot.
    let base: (superblock: Superblock, slot: Int)?
    /// Whether nothing newer than `base` was lost.
    private(set) var isBaseTrusted = false
    /// A sound page that is newer than `base` where `base` leads to. No page that a durable superblock
    /// reaches is written to before the next one is durable; so there was a newer one.
    private(set) var contradiction: (page: PageNumber, birth: TransactionNumber)?
    /// Page numbers lie below, and so does the file's end.
    let pageLimit: Int
    let freeList: FreeListSurvey
    /// Pages of the free list, and pages it lists, that the base's version doesn't use. Empty unless
    /// the list is whole: what a wrong list calls free may be in use.
    private(set) var free: PageSet
    /// Pages that something refers to.
    private(set) var claimed: PageSet
    /// Of those the ones that were found sound.
    private(set) var sound: PageSet
    /// Of these the nodes whose cells overlap; found only when `keepsPieces`, else they are faults.
    private(set) var doubtful: PageSet
    private(set) var tables: [Table] = []
    /// Faults of trees that hide a part of them.
    private(set) var gaps: [Gap] = []
    /// What lies where in each table, in key order; filled when `keepsPieces`.
    var pieces: [[Piece]] = []
    private let keepsPieces: Bool
    private(set) var log = LogSurvey()
    /// What is wrong with the log as what goes on from `base`; `log` may be read in another way.
    private(set) var logDamage: StorageError?
    /// How many records lie behind that.
    private(set) var leftOut: UInt64 = 0
    private let report: (TreeFault, _ table: [UInt8]?) -> Void
    private(set) var checkedPages: UInt64 = 0
    /// Is told of each page while the trees are walked.
    private var meter: ProgressMeter?
    /// The table that is being walked; nil for the catalog.
    private var table: Int?
    private(set) var catalog = CatalogReading()
    /// The run that was checked last, which is asked for twice in a row.
    private var lastRun: (page: PageNumber, pageCount: Int, flaw: PageFlaw?)?

    /// The newest transaction whose pages count.
    var newest: TransactionNumber {
        base.map { $0.superblock.record.transaction } ?? Superblock.countLimit
    }

    /// The data file's path, for messages.
    var path: String { names.data }

    /// Calls `body` with the operations of each record of the log that can be applied, in order.
    func forEachLogRecord(
        _ body: (ByteView) throws(StorageError) -> Void
    ) throws(StorageError) {
        try log.forEachRecord(names, beside: file, files: files, body)
    }

    /// Whether every page that the base's version uses is known to be: all others are in the list.
    var isFreeListWhole: Bool { base != nil && freeList.fault == nil }

    /// Whether the catalog could be read to its end.
    private(set) var isCatalogWhole = false

    /// Whether the log's file has a length that its writer never gives it; see
    /// ``VerificationReport/isLogCut``.
    var isLogCut: Bool { log.isCut && needsLog }

    /// Whether commits may be in the log that nothing else has.
    private var needsLog: Bool {
        guard let base, isBaseTrusted else { return true }
        return base.superblock.record.needsLog
    }

    /// Why more may have been in the log than could be read; nil when nothing says so.
    var logLoss: String? {
        guard needsLog else { return nil }
        if let logDamage { return logDamage.message }
        return isLogCut ? "The log's file was cut: it is no whole number of segments." : nil
    }

    /// Reads superblocks and free list.
    ///
    /// - Parameters:
    ///   - keepsPieces: whether to note where each leaf is.
    ///   - report: is told each fault of a tree, with the table's name, nil for the catalog.
    init(
        _ file: Files.Handle, names: DatabaseFiles, files: Files, keepsPieces: Bool,
        report: @escaping (TreeFault, [UInt8]?) -> Void = { _, _ in }
    ) throws(StorageError) {
        self.files = files
        self.names = names
        self.file = file
        self.keepsPieces = keepsPieces
        self.report = report
        pages = try PageFile(file, check: NodeCheck.check)
        base = pages.choice.newest
        pageLimit = min(base.map { Int($0.superblock.pageCount) } ?? .max, pages.pageCount)
        claimed = PageSet(limit: pageLimit)
        sound = PageSet(limit: pages.pageCount)
        doubtful = PageSet(limit: pages.pageCount)
        free = PageSet(limit: pageLimit)
        freeList = base.map { [pages] in pages.surveyFreeList($0.superblock) } ?? FreeListSurvey()
        for run in freeList.runs { free.insert(run) }
        for page in freeList.pages { free.insert(Int(page)) }
        if let fault = freeList.fault { noteContradiction(fault.page) }
    }

    /// Whether the other slot is as a sound file has it.
    var isOtherSlotSound: Bool { base != nil && !pages.choice.isOtherSlotDamaged }

    /// Looks whether what is in place of a page that `base` leads to is newer than it.
    private func noteContradiction(_ page: PageNumber) {
        guard contradiction == nil, let transaction = base?.superblock.record.transaction,
            let birth = pages.birthOfSoundPage(page), birth > transaction
        else { return }
        contradiction = (page, birth)
    }

    /// Reads the log, then every tree.
    ///
    /// - Parameters:
    ///   - meter: is told of each page that is looked at, and may end it.
    ///   - phase: as what.
    func walk(
        _ meter: ProgressMeter = ProgressMeter(), _ phase: Database.Progress.Phase = .checking
    ) throws(StorageError) {
        self.meter = meter
        defer { self.meter = nil }
        let known = pageLimit - 2 - freeList.freePageCount
        try meter.begin(phase, .pages, total: base == nil ? nil : max(0, known))
        try meter.advance(pages: freeList.pages.count)
        log = try LogSurvey(names, beside: file, files: files, base: base?.superblock)
        logDamage = log.damage
        leftOut = log.leftOut
        defer { table = nil }
        guard let base else { return try meter.end() }
        let record = base.superblock.record
        let root = TreeRoot(
            page: record.catalogRoot, height: record.catalogHeight,
            entryCount: record.catalogCount)
        var survey = TreeSurvey(source: self, visitor: self)
        let isWalked = survey.walk(root)
        if let stop = meter.stop { throw stop }
        catalog.findStaleRecords { pages.birthOfSoundPage($0.root.page) }
        isCatalogWhole = isWalked && catalog.unreadable.isEmpty && catalog.stale.isEmpty
        for table in catalog.tables {
            tables.append(
                Table(name: table.name, root: table.root, description: table.description))
        }
        for index in tables.indices {
            table = index
            if keepsPieces { pieces.append([]) }
            var survey = TreeSurvey(source: self, visitor: self)
            tables[index].isWhole = survey.walk(tables[index].root)
            tables[index].report = survey.report
            if let stop = meter.stop { throw stop }
        }
        try meter.end()
        isBaseTrusted =
            contradiction == nil && !pages.choice.isContradictory
            && (isOtherSlotSound
                || (log.isThere && log.damage == nil && log.reachesBack && gaps.isEmpty
                    && isCatalogWhole))
        // What a newer superblock stood for may be anywhere in the log.
        if !isBaseTrusted {
            log = try LogSurvey(
                names, beside: file, files: files, base: base.superblock, isAnchored: false)
        }
    }

    // MARK: SurveySource

    func copyNode(_ page: PageNumber, into buffer: PageBuffer) -> PageFlaw? {
        if let flaw = pages.readNode(page, newest: newest, into: buffer) { return flaw }
        if let problem = NodeCheck.overlap(in: buffer.page(0)) {
            // What it holds can be read, but nothing says which of two entries the bytes are of.
            guard keepsPieces else { return .structure(problem) }
            doubtful.insert(Int(page))
        }
        sound.insert(Int(page))
        return nil
    }

    func runFlaw(_ page: PageNumber, byteCount: Int) -> PageFlaw? {
        let run = checkedRun(page, byteCount)
        if run.flaw == nil { sound.insert(Int(page)..<Int(page) + run.pageCount) }
        return run.flaw
    }

    private func checkedRun(
        _ page: PageNumber, _ byteCount: Int?
    ) -> (page: PageNumber, pageCount: Int, flaw: PageFlaw?) {
        if let lastRun, lastRun.page == page { return lastRun }
        let run = pages.checkRun(
            page, byteCount: byteCount, newest: newest, pageLimit: pageLimit)
        let checked = (page: page, pageCount: run.pageCount, flaw: run.flaw)
        lastRun = checked
        return checked
    }

    // MARK: SurveyVisitor

    func claim(_ page: PageNumber) -> SurveyRefusal? {
        let number = Int(page)
        if let refusal = refusal(number) { return refusal }
        claimed.insert(number)
        count(1)
        return nil
    }

    func claimRun(_ page: PageNumber, byteCount: Int) -> SurveyRefusal? {
        let start = Int(page)
        if let refusal = refusal(start) { return refusal }
        let run = checkedRun(page, byteCount)
        // What a damaged length says of the pages behind the first must not hide their true use.
        guard run.flaw == nil else {
            claimed.insert(start)
            count(1)
            return nil
        }
        for next in start..<start + run.pageCount {
            if let refusal = refusal(next) { return refusal }
        }
        claimed.insert(start..<start + run.pageCount)
        count(run.pageCount)
        return nil
    }

    private func refusal(_ page: Int) -> SurveyRefusal? {
        guard page >= 2, page < pageLimit else {
            let isCut = page >= pages.pageCount && page < Int(base?.superblock.pageCount ?? 0)
            return .flaw(
                isCut
                    ? .cut(byteCount: pages.byteCount)
                    : .beyondEnd(pageCount: UInt64(base?.superblock.pageCount ?? 0)))
        }
        if free.contains(page) { return .flaw(.free) }
        return claimed.contains(page) ? .usedTwice : nil
    }

    private func count(_ pageCount: Int) {
        checkedPages += UInt64(pageCount)
        // What it throws stops the survey.
        do throws(StorageError) { try meter?.advance(pages: pageCount) } catch {}
    }

    var isStopped: Bool { meter?.stop != nil }

    func leaf(
        _ leaf: borrowing LeafContents, _ page: PageNumber, low: [UInt8]?, high: [UInt8]?
    ) {
        guard table == nil else {
            if keepsPieces, let table { pieces[table].append(.leaf(page)) }
            return
        }
        catalog.read(leaf, at: page)
    }

    func fault(_ fault: TreeFault) {
        report(fault, table.map { tables[$0].name })
        switch fault.kind {
        case .page, .value: noteContradiction(fault.page)
        default: break
        }
        guard fault.losesSubtree else { return }
        if case .usedTwice = fault.kind {} else { sound.remove(Int(fault.page)) }
        if keepsPieces, let table { pieces[table].append(.gap(gaps.count)) }
        gaps.append(Gap(fault: fault, table: table))
    }

    /// Takes a page that was found by scanning for sound.
    func adopt(_ page: PageNumber) { sound.insert(Int(page)) }
}
