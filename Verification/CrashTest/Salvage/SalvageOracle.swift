import BTree
@_spi(Engine) import KVDB
import PageStore
import StorageIO

/// Judges a salvaged database and what verification says of the damaged one.
///
/// What it doesn't ask for: a finding for a newest superblock that is lost while the log goes on from
/// the older one. A crash in the middle of a checkpoint leaves exactly that, opening replays the log and
/// loses nothing, so nobody could tell it from damage. Then verification must tell it as a note, must
/// find what is damaged of the older version, which is now the one in use, and with the log whole the
/// salvage must come to the newest state, to the entry. Without such a log it must be a finding.
/// With the log damaged as well, its end may pass for what a crash cuts off; no page tells.
struct SalvageOracle {
    private let damage: FileDamage
    private let workload: SalvageWorkload
    private let plain: PlainReader
    private let report: SalvageReport
    private let untouched: [Bool]
    private let isLogWhole: Bool

    init(
        _ damage: FileDamage, _ workload: SalvageWorkload, _ plain: PlainReader,
        _ report: SalvageReport
    ) {
        self.damage = damage
        self.workload = workload
        self.plain = plain
        self.report = report
        untouched = (0..<workload.data.count / 4096).map {
            damage.isUntouched($0, in: workload.data)
        }
        isLogWhole = damage.log == workload.log
    }

    private func text(_ key: TableKey) -> String {
        "\(String(decoding: key.table, as: UTF8.self)):\(key.key.prefix(40))"
    }

    /// Every entry in undamaged pages is there, with its value.
    func checkReturn(of out: [TableKey: [UInt8]], _ account: inout Account) throws {
        let names = Set(out.keys.map(\.table)).filter { $0.starts(with: Array("salvaged-".utf8)) }
        for entry in plain.entries
        where untouched[entry.leaf] && entry.run.allSatisfy({ untouched[$0] }) {
            let key = TableKey(table: entry.table, key: entry.key)
            if workload.touched.contains(key) {
                if isLogWhole, out[key] != workload.current[key] {
                    throw Failure("The log's \(text(key)) is not as the newest commit left it.")
                }
                continue
            }
            account.note("entries of undamaged pages")
            if out[key] == entry.value { continue }
            // Where no separator tells the tables apart any more, the table's name may be lost.
            let isElsewhere = names.contains {
                out[TableKey(table: $0, key: entry.key)] == entry.value
            }
            guard isElsewhere else {
                throw Failure(
                    "\(text(key)) in the undamaged leaf \(entry.leaf) came back as "
                        + "\(out[key].map { "\($0.prefix(20))" } ?? "nothing"), "
                        + "basis \(report.basis), \(report.lossCount) losses.")
            }
            account.note("of those without their table's name")
        }
        guard isLogWhole else { return }
        for key in workload.touched where workload.log != nil {
            if let value = workload.current[key], out[key] != value {
                throw Failure("\(text(key)), which the log has, did not come back right.")
            }
        }
    }

    /// Nothing is there that was never committed, and nothing old that isn't called uncertain. Only
    /// superblock and free list tell what a transaction wrote out and replaced before its commit.
    func checkState(of out: [TableKey: [UInt8]], _ account: inout Account) throws {
        let uncertain = report.losses.filter { $0.kind == .uncertain }
        let isExact = plain.freeListPages.union([plain.slot]).allSatisfy { untouched[$0] }
        let allowed = isExact ? workload.history : workload.written
        for (key, value) in out {
            let isStray = key.table.starts(with: Array("salvaged-".utf8))
            let tables = isStray ? workload.tables : [key.table]
            let wasThere = tables.contains {
                allowed.contains(
                    SalvageWorkload.note(TableKey(table: $0, key: key.key), value))
            }
            guard wasThere else {
                throw Failure(
                    "\(text(key)) was never committed with its \(value.count) bytes; basis "
                        + "\(report.basis).")
            }
            if isCurrent(key, value) { continue }
            account.note("older entries")
            let isCalled = uncertain.contains { loss in
                loss.table == key.table
                    && !(key.key.lexicographicallyPrecedes(loss.keys.lowerBound ?? []))
                    && loss.keys.upperBound.map { !$0.lexicographicallyPrecedes(key.key) } ?? true
            }
            guard isCalled else {
                throw Failure(
                    "\(text(key)) came back in an older state without being called uncertain; "
                        + "basis \(report.basis).")
            }
        }
    }

    private func isCurrent(_ key: TableKey, _ value: [UInt8]) -> Bool {
        if workload.current[key] == value { return true }
        // What the damaged log had on top is not to be had.
        return !isLogWhole && workload.touched.contains(key)
    }

    /// Without the uncertain, everything is of the newest version.
    func checkSure(_ out: [TableKey: [UInt8]]) throws {
        for (key, value) in out where !isCurrent(key, value) {
            throw Failure("\(text(key)) is written as sure, but is of an older version.")
        }
    }

    /// Every damaged page of a tree that no damage above it hides is named, with its table and with a
    /// range of keys that covers what it held; every damaged value with its key.
    private func checkPlaces(
        _ report: VerificationReport, _ account: inout Account
    ) throws {
        let isCatalogWhole = plain.catalogPages.allSatisfy { untouched[$0] }
        func isHidden(_ page: Int) -> Bool {
            if !isCatalogWhole, plain.tables[page] != nil { return true }
            var above = plain.parents[page]
            while let next = above {
                if !untouched[next] { return true }
                above = plain.parents[next]
            }
            return false
        }
        func findings(_ page: Int) -> [VerificationReport.Finding] {
            report.findings.filter { $0.error.page == PageNumber(page) }
        }
        let nodes = plain.innerPages + plain.leafPages + plain.catalogPages
        for page in nodes where !untouched[page] && !isHidden(page) {
            account.note("damaged nodes named")
            let isNamed = findings(page).contains {
                $0.table == plain.tables[page] && $0.expected != nil && $0.found != nil
                    && $0.error.offset == UInt64(page) << 12
            }
            guard isNamed else {
                throw Failure(
                    "Verification does not name page \(page) as it should: \(findings(page))")
            }
        }
        for entry in plain.entries where !isHidden(entry.leaf) {
            let isLeafWhole = untouched[entry.leaf]
            if isLeafWhole, !isDamaged(entry) { continue }
            let page = isLeafWhole ? entry.run.lowerBound : entry.leaf
            account.note("entries of damaged pages in the ranges named")
            let isCovered = findings(page).contains {
                $0.table == entry.table
                    && (isLeafWhole ? $0.key == entry.key : covers($0.keys, entry.key))
            }
            guard isCovered else {
                throw Failure(
                    "Verification names no range around "
                        + "\(text(TableKey(table: entry.table, key: entry.key))) of page \(page).")
            }
        }
    }

    private func covers(_ range: KeyRange?, _ key: [UInt8]) -> Bool {
        guard let range else { return false }
        if let from = range.lowerBound, key.lexicographicallyPrecedes(from) { return false }
        return range.upperBound.map { key.lexicographicallyPrecedes($0) } ?? true
    }

    /// Whether what counts of a value's run was changed: its header and the bytes of the value.
    private func isDamaged(_ entry: PlainReader.Entry) -> Bool {
        guard !entry.run.isEmpty else { return false }
        let start = entry.run.lowerBound * 4096
        let bytes = start..<start + 32 + entry.value.count
        return bytes.upperBound > damage.data.count
            || damage.data[bytes] != workload.data[bytes]
    }

    /// The pages of a version whose damage counts: not those of a value's run where only bytes behind the
    /// value were changed.
    private func pagesInUse(_ reader: PlainReader) -> Set<Int> {
        var used = reader.usedPages.union(reader.freeListPages).union([reader.slot])
        for entry in reader.entries where !isDamaged(entry) { used.subtract(entry.run) }
        return used
    }

    /// Every damaged page in use is found: of the newest version, or, when its superblock is lost and
    /// the log goes on from the one before, of that.
    func checkFindings(
        _ report: VerificationReport, _ out: [TableKey: [UInt8]], _ account: inout Account
    ) throws {
        let isNewestLost = !untouched[plain.slot]
        if isNewestLost, report.findings.isEmpty, !report.isSpareSuperblockDamaged {
            throw Failure("Verification does not tell that a superblock is lost.")
        }
        var used = pagesInUse(plain)
        if isNewestLost, workload.log != nil {
            let older = PlainReader(workload.data, isOlder: true)
            // What was used again since is as good as damaged.
            if older.isWhole { used = pagesInUse(older) }
        }
        let isUsedDamaged = used.contains { !untouched[$0] }
        account.note(isUsedDamaged ? "files with damage in use" : "files with damage out of use")
        if isUsedDamaged, report.findings.isEmpty { throw Failure("Verification found nothing.") }
        if !isNewestLost, report.findingCount == UInt64(report.findings.count) {
            try checkPlaces(report, &account)
        }
        if isNewestLost, report.findings.isEmpty {
            account.note("files with the newest superblock made good by the log")
            guard self.report.basis == .superblock else {
                throw Failure("Verification found nothing, but the salvage went by the pages.")
            }
            if isLogWhole, out != workload.current {
                throw Failure("Verification found nothing, but not everything came back.")
            }
        }
        if damage.data == workload.data, isLogWhole, let finding = report.findings.first {
            throw Failure("Verification found damage in sound files: \(finding.error)")
        }
    }
}
