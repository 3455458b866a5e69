import BTree
import KVDB
import StorageIO

/// Judges a salvaged database.
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

    /// Nothing is there that was never committed, and nothing old that isn't called uncertain.
    func checkState(of out: [TableKey: [UInt8]], _ account: inout Account) throws {
        let uncertain = report.losses.filter { $0.kind == .uncertain }
        for (key, value) in out {
            let isStray = key.table.starts(with: Array("salvaged-".utf8))
            let tables = isStray ? workload.tables : [key.table]
            let wasThere = tables.contains {
                workload.history.contains(
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

    /// Every damaged page in use is found.
    func checkFindings(
        _ findings: [VerificationReport.Finding], _ account: inout Account
    ) throws {
        let used = plain.usedPages.union(plain.freeListPages).union([plain.slot])
        let isUsedDamaged = used.contains { !untouched[$0] }
        account.note(isUsedDamaged ? "files with damage in use" : "files with damage out of use")
        if isUsedDamaged, findings.isEmpty { throw Failure("Verification found nothing.") }
        if damage.data == workload.data, isLogWhole, let finding = findings.first {
            throw Failure("Verification found damage in sound files: \(finding.error)")
        }
    }
}
