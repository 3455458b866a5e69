import BTree
import KVDB
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
            guard wasThere else { throw Failure("\(text(key)) was never committed.") }
            if isCurrent(key, value) { continue }
            account.note("older entries")
            let isCalled = uncertain.contains { loss in
                loss.table == key.table
                    && !(key.key.lexicographicallyPrecedes(loss.keys.from ?? []))
                    && loss.keys.to.map { !$0.lexicographicallyPrecedes(key.key) } ?? true
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

    /// Every damaged page in use is found: of the newest version, or, when its superblock is lost and
    /// the log goes on from the one before, of that.
    func checkFindings(
        _ report: VerificationReport, _ out: [TableKey: [UInt8]], _ account: inout Account
    ) throws {
        let isNewestLost = !untouched[plain.slot]
        if isNewestLost, report.findings.isEmpty, !report.isSpareSuperblockDamaged {
            throw Failure("Verification does not tell that a superblock is lost.")
        }
        var used = plain.usedPages.union(plain.freeListPages).union([plain.slot])
        if isNewestLost, workload.log != nil {
            let older = PlainReader(workload.data, isOlder: true)
            // What was used again since is as good as damaged.
            if older.isWhole {
                used = older.usedPages.union(older.freeListPages).union([older.slot])
            }
        }
        let isUsedDamaged = used.contains { !untouched[$0] }
        account.note(isUsedDamaged ? "files with damage in use" : "files with damage out of use")
        if isUsedDamaged, report.findings.isEmpty { throw Failure("Verification found nothing.") }
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
