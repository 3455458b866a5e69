import BTree
import PageStore
import StorageIO
import WAL

/// What a verification found.
public struct VerificationReport: Sendable {
    /// One thing that is wrong.
    public struct Finding: Sendable {
        /// What is wrong and where.
        public var error: StorageError
        /// The table it concerns, nil when none in particular.
        public var table: [UInt8]?
    }

    /// What is wrong, in the order in which it was found; empty when the database is sound.
    public var findings: [Finding] = []
    /// Pages looked at.
    public var checkedPages: UInt64 = 0
    /// Entries counted, over all tables.
    public var entryCount: UInt64 = 0
    /// What each sound tree is made of.
    public var trees: [TreeComposition] = []
    /// Free pages in the free list.
    public var freePages: UInt64 = 0
    /// Pages replaced but not free yet.
    public var pendingPages: UInt64 = 0
    /// Records of the log that were read.
    public var logRecords: UInt64 = 0

    /// Whether nothing is wrong.
    public var isSound: Bool { findings.isEmpty }

    /// The most findings that are kept; a file that is all wrong needs no longer list.
    static var findingLimit: Int { 1000 }

    mutating func add(_ error: StorageError, table: [UInt8]? = nil) {
        guard findings.count < Self.findingLimit else { return }
        findings.append(Finding(error: error, table: table))
    }
}

/// Which pages were met on the way, to find those met twice and those never met.
private struct PageUse {
    private var words: [UInt64]
    let pageCount: Int

    init(pageCount: Int) {
        self.pageCount = pageCount
        words = [UInt64](repeating: 0, count: (pageCount + 63) / 64)
    }

    /// Marks a page; false when it was marked already or lies outside the file.
    mutating func mark(_ index: Int) -> Bool {
        guard index < pageCount else { return false }
        let bit: UInt64 = 1 << UInt64(index & 63)
        defer { words[index >> 6] |= bit }
        return words[index >> 6] & bit == 0
    }

    func isMarked(_ page: Int) -> Bool { words[page >> 6] & (1 << UInt64(page & 63)) != 0 }
}

extension DatabaseEngine {
    /// Looks at everything: each page in use is read from the file and checked, every tree walked
    /// (order, separators, counts, links), and every page must be used exactly once: by a tree, the
    /// free list, or a version that is still needed. The log that a recovery would read is read.
    ///
    /// Readers go on; writers and checkpoints wait.
    ///
    /// - Parameter progress: called now and then with the pages checked so far.
    /// - Returns: the report; damage is in it and not thrown.
    /// - Throws: `closed`, `busy`, `outOfMemory`.
    public func verify(
        progress: (UInt64) -> Void = { _ in }
    ) throws(StorageError) -> VerificationReport {
        let core = core
        try core.requireOpen()
        try core.acquireWriter()
        defer { core.writerLock.release() }
        try core.requireOpen()
        core.enterCheckpoint()
        defer { core.leaveCheckpoint() }
        var report = VerificationReport()
        core.verifyPages(&report, progress)
        core.verifyLog(&report)
        // What a close meanwhile took away is not damage.
        try core.requireOpen()
        return report
    }
}

extension EngineCore {
    fileprivate func verifyPages(
        _ report: inout VerificationReport, _ progress: (UInt64) -> Void
    ) {
        var use = PageUse(pageCount: store.pageCount)
        let head = writer.head
        verifyTree(head.main, table: [], &use, &report, progress)
        verifyTree(head.catalog, table: nil, &use, &report, progress)
        for (name, root) in namedTables(head, &report) {
            verifyTree(root, table: name, &use, &report, progress)
        }
        for page in store.freeListPages {
            mark(page, 1, "a page of the free list", &use, &report)
            check(page, nil, &report)
        }
        store.forEachFreeRun { page, count in
            report.freePages += UInt64(count)
            mark(page, count, "a free page", &use, &report)
        }
        store.forEachPendingRun { page, count in
            report.pendingPages += UInt64(count)
            mark(page, count, "a replaced page", &use, &report)
        }
        reportLost(use, &report)
    }

    private func namedTables(
        _ head: Version, _ report: inout VerificationReport
    ) -> [([UInt8], TreeRoot)] {
        var tables: [([UInt8], TreeRoot)] = []
        var numbers: [UInt32] = []
        do throws(StorageError) {
            let catalog = BPlusTree(store: store, root: head.catalog)
            try catalog.forEach(from: nil, to: nil, reverse: false) {
                name, value throws(StorageError) in
                let record = try TableRecord(value)
                numbers.append(record.number)
                if (record.number == 0) != (name.count == 0) || record.number == .max {
                    report.add(tableNumberDamage, table: name.array)
                }
                if name.count > 0 { tables.append((name.array, record.root)) }
                return true
            }
        } catch {
            report.add(error)
        }
        numbers.sort()
        if zip(numbers, numbers.dropFirst()).contains(where: { $0 == $1 }) {
            report.add(tableNumberDamage)
        }
        return tables
    }

    private var tableNumberDamage: StorageError {
        StorageError(
            .damaged, "A table in the catalog has the number of another, or an impossible one.",
            path: path)
    }

    private func verifyTree(
        _ root: TreeRoot, table: [UInt8]?, _ use: inout PageUse,
        _ report: inout VerificationReport, _ progress: (UInt64) -> Void
    ) {
        let tree = BPlusTree(store: store, root: root)
        do throws(StorageError) {
            let composition = try tree.checkInvariants {
                first, _, _, pageCount throws(StorageError) in
                // The numbers come from the file, so their sum may be no page number any more.
                for page in Int(first)..<Int(first) + pageCount {
                    guard use.mark(page) else {
                        throw StorageError(
                            .damaged, "The page is used twice, or lies beyond the file's end.",
                            path: path, page: PageNumber(clamping: page))
                    }
                }
                report.checkedPages += UInt64(pageCount)
                if report.checkedPages & 0xfff < UInt64(pageCount) {
                    progress(report.checkedPages)
                }
                try store.checkStored(first)
            }
            guard let table else { return }
            report.entryCount += root.entryCount
            report.trees.append(TreeComposition(table: table, root: root, composition))
        } catch {
            report.add(error, table: table)
        }
    }

    private func mark(
        _ page: PageNumber, _ count: Int, _ what: StaticString, _ use: inout PageUse,
        _ report: inout VerificationReport
    ) {
        for offset in 0..<count {
            let number = page + PageNumber(offset)
            if !use.mark(Int(number)) {
                report.add(
                    StorageError(
                        .damaged, "\(what) is in use elsewhere, or lies beyond the file's end.",
                        path: path, page: number))
            }
        }
    }

    private func check(
        _ page: PageNumber, _ table: [UInt8]?, _ report: inout VerificationReport
    ) {
        do throws(StorageError) {
            try store.checkStored(page)
            report.checkedPages += 1
        } catch {
            report.add(error, table: table)
        }
    }

    /// A page that nothing uses and that is not free is lost space. After damage to a tree that is
    /// no news: what hangs below could not be reached.
    private func reportLost(_ use: PageUse, _ report: inout VerificationReport) {
        guard report.findings.isEmpty else { return }
        for page in 2..<max(use.pageCount, 2) where !use.isMarked(page) {
            report.add(
                StorageError(
                    .damaged, "The page is neither in use nor free.", path: path,
                    page: PageNumber(page)))
        }
    }

    fileprivate func verifyLog(_ report: inout VerificationReport) {
        guard let checkLog else { return }
        do throws(StorageError) {
            let outcome = try checkLog(store.checkpoint.logPosition)
            report.logRecords = UInt64(outcome.records)
            if let damage = outcome.damage { report.add(damage) }
        } catch {
            report.add(error)
        }
    }
}
