import KVDB
import StorageIO

/// A salvage's report, for people and as JSON (`Docs/kvtools.md` has the members).
struct SalvageAccount {
    private let report: SalvageReport

    init(_ report: SalvageReport) { self.report = report }

    /// The report as a JSON object's members.
    var members: [(name: String, value: JSONValue)] {
        var members: [(name: String, value: JSONValue)] = [
            ("complete", .boolean(report.isComplete)),
            ("basis", .string(report.basis == .superblock ? "superblock" : "scan")),
            ("entries", .unsigned(report.entryCount)),
            ("lost_entries", .unsigned(report.lostEntries)),
            ("uncounted_losses", .unsigned(report.uncountedLosses)),
            ("uncertain_entries", .unsigned(report.uncertainEntries)),
            ("checkpoint_transaction", .unsigned(report.transaction)),
            ("log_records_applied", .unsigned(report.logRecordsApplied)),
            ("log_records_left_out", .unsigned(report.logRecordsLeftOut)),
            ("superseded_leaves", .unsigned(report.supersededLeaves)),
            ("scanned_pages", .unsigned(report.scannedPages)),
        ]
        if let damage = report.logDamage {
            members.append(("log_damage", .string(damage.description)))
        }
        members.append(("tables", .array(report.tables.map(Self.object))))
        members.append(("loss_count", .unsigned(report.lossCount)))
        members.append(("losses", .array(report.losses.map(Self.object))))
        return members
    }

    private static func object(_ table: SalvageReport.Table) -> JSONValue {
        .object([
            table.name.member("table"),
            ("proved", .unsigned(table.proved)), ("recovered", .unsigned(table.recovered)),
            ("uncertain", .unsigned(table.uncertain)),
        ])
    }

    private static func object(_ loss: SalvageReport.Loss) -> JSONValue {
        var members: [(name: String, value: JSONValue)] = [
            ("kind", .string(name(loss.kind))), loss.table.member("table"),
            ("page", .unsigned(UInt64(loss.page))), ("reason", .string(loss.reason)),
        ]
        if loss.kind == .value {
            if let key = loss.keys.lowerBound { members.append(key.member("key")) }
        } else {
            members += loss.keys.members
        }
        if let count = loss.entryCount { members.append(("entries", .unsigned(count))) }
        return .object(members)
    }

    private static func name(_ kind: SalvageReport.Loss.Kind) -> String {
        switch kind {
        case .range: "range"
        case .value: "value"
        case .log: "log"
        case .uncertain: "uncertain"
        }
    }

    /// The report as text.
    var lines: [String] {
        var lines: [String] = []
        for loss in report.losses {
            let table = loss.table.isEmpty ? "" : " of table \(loss.table.readable)"
            switch loss.kind {
            case .range:
                let count = loss.entryCount.map { counted($0, "entry", "entries") } ?? "entries"
                lines.append(
                    "lost: \(count)\(table), \(loss.keys.readable): page \(loss.page): \(loss.reason)"
                )
            case .value:
                let key = loss.keys.lowerBound.map(\.readable) ?? ""
                lines.append("lost: the value of \(key)\(table): page \(loss.page): \(loss.reason)")
            case .log:
                lines.append("lost: what the log may have held besides: \(loss.reason)")
            case .uncertain:
                let count = loss.entryCount.map { counted($0, "entry", "entries") } ?? "entries"
                lines.append(
                    "uncertain: \(count)\(table), "
                        + "\(loss.keys.readable(isClosed: true)): page \(loss.page): \(loss.reason)"
                )
            }
        }
        let unlisted = report.lossCount - UInt64(report.losses.count)
        if unlisted > 0 { lines.append("... and \(unlisted) more; --report lists them.") }
        if let damage = report.logDamage { lines.append("log: \(damage.description)") }
        for table in report.tables {
            let name = table.name.isEmpty ? "default table" : "table \(table.name.readable)"
            lines.append(
                "\(name): \(counted(table.proved, "entry", "entries")) proved, \(table.recovered) recovered, "
                    + "\(table.uncertain) uncertain")
        }
        lines.append(
            "log: \(counted(report.logRecordsApplied, "commit")) applied, \(report.logRecordsLeftOut) left out"
        )
        lines.append("entries written: \(report.entryCount)")
        let uncounted =
            report.uncountedLosses > 0 ? ", and an unknown number besides" : ""
        lines.append(
            report.isComplete
                ? "Everything came back."
                : "Known to be lost: \(counted(report.lostEntries, "entry", "entries"))\(uncounted)."
        )
        return lines
    }
}
