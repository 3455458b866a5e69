/// The report as the page of the documentation.
public struct DocumentReport {
    private let report: BenchmarkReport
    private let folder: String

    /// A page.
    ///
    /// - Parameter folder: the folder of the other files, seen from the page.
    public init(_ report: BenchmarkReport, folder: String) {
        self.report = report
        self.folder = folder
    }

    /// The page.
    public func page() -> String {
        let rows = Targets.all.map { $0.row(report) }
        let hit = rows.count { $0.outcome == .hit }
        let missed = rows.count { $0.outcome == .missed }
        var text = """
            # Benchmarks

            This page is written by `make bench`; a change by hand is lost with the next run. What is run and
            how each engine is driven: [Benchmarks](../Benchmarks/README.md). The plots are in
            [plots.html](\(folder)/plots.html), every single run in [results.json](\(folder)/results.json). Why
            targets are missed, and what changed since: [Performance](Performance.md).

            - Machine: \(report.machineLine)
            - Engines: \(report.versionLine)
            - Run: \(report.sizeLine)
            - Again: `make bench`; a part of it: `Scripts/bench quick --scale 0.1 --workloads 'get-*' --engines kvdb,lmdb`.

            Absolute figures are this machine's, on that day; compare within the page. `raw` is what the machine
            itself does: the same bytes written and synced without a database around, a sorted array searched, a
            memory scanned.

            ## Targets

            \(hit) hit, \(missed) missed.

            | workload | target | measured | of raw | of best peer | |
            |---|---|---|---|---|---|

            """
        for row in rows {
            let best = row.ofBest.map { "\(Format.ratio($0)) (\(row.bestPeer))" } ?? "-"
            let cells = [
                "\(row.workload): \(row.title)", row.target, row.measured,
                row.ofRaw.map(Format.ratio) ?? "-", best,
                row.outcome == .missed ? "**missed**" : row.outcome.rawValue,
            ]
            text += "| " + cells.joined(separator: " | ") + " |\n"
        }
        text += """

            "Of best peer" is above 1 where this database is better, whatever the figure. The program under
            Embedded Swift is not measured here: `make embedded` builds it and prints its size, its memory
            and its heap, which stand beside their targets in [Performance](Performance.md).

            ## Every workload

            "Written per byte" is what the process wrote (pages made dirty in the system's cache, until the
            database was closed) for each byte of keys and values put, "device per byte" what the device
            wrote meanwhile, whoever had it written; "bytes per entry" is what the closed
            database takes on the medium; "peak memory" is the most that was resident in the process of that
            run, mapped files included. Times are those of a call: of batches the whole transaction, of gets of
            several keys the call for 64.


            """
        text += MarkdownReport(report).tables()
        if !report.failures.isEmpty {
            text += "\n## Runs that failed\n\n"
            for failure in report.failures {
                text += "- \(failure.workload), \(failure.engine): \(failure.message)\n"
            }
        }
        return text
    }
}
