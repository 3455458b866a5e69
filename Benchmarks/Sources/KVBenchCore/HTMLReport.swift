import Foundation

/// The report as one page with its plots, which needs nothing but itself.
public struct HTMLReport {
    private let report: BenchmarkReport

    /// A page of a report.
    public init(_ report: BenchmarkReport) { self.report = report }

    private static let style = """
        :root { --paper: #fff; --ink: #1f2937; --faint: #6b7280; --grid: #e5e7eb;
          --hit: #15803d; --miss: #dc2626; }
        @media (prefers-color-scheme: dark) { :root { --paper: #111827; --ink: #e5e7eb;
          --faint: #9ca3af; --grid: #374151; --hit: #4ade80; --miss: #f87171; } }
        body { background: var(--paper); color: var(--ink); max-width: 980px; margin: 2em auto;
          padding: 0 1em; font: 15px/1.5 system-ui, sans-serif; }
        h2 { margin-top: 2.5em; } h3 { margin: 1.8em 0 0.3em; font-size: 1em; }
        svg { width: 100%; height: auto; display: block; }
        svg text { font: 11.5px system-ui, sans-serif; fill: var(--ink); }
        svg text.axis { fill: var(--faint); font-size: 10.5px; }
        svg text.own { font-weight: 700; }
        svg line.grid { stroke: var(--grid); }
        svg line.whisker { stroke: var(--ink); stroke-width: 1.5; opacity: 0.6; }
        svg line.limit { stroke: var(--ink); stroke-dasharray: 3 3; }
        table { border-collapse: collapse; width: 100%; font-size: 13px; }
        th, td { border-bottom: 1px solid var(--grid); padding: 3px 8px; text-align: left; }
        .hit { color: var(--hit); } .missed { color: var(--miss); }
        .note { color: var(--faint); }
        """

    /// The page.
    public func page() -> String {
        let plots = Plots(report: report)
        let rows = Targets.all.map { $0.row(report) }
        var parts = [
            "<!DOCTYPE html>", "<html lang=\"en\">", "<head>", "<meta charset=\"utf-8\">",
            "<meta name=\"viewport\" content=\"width=device-width\">",
            "<title>KVDB beside its peers</title>", "<style>\(Self.style)</style>", "</head>",
            "<body>", "<h1>KVDB beside its peers</h1>", machine,
        ]
        parts.append("<h2>Targets</h2>")
        if let plot = plots.targets(rows) { parts.append(plot) }
        parts.append(table(rows))
        if let plot = plots.growth() {
            parts += ["<h2>Growth: the time of a random get</h2>", plot]
        }
        parts.append("<h2>Throughput and latency</h2>")
        parts.append(
            "<p class=\"note\">Bars are medians, the line on a bar is the range of the rounds. "
                + "Longer bars and dots further to the left are better.</p>")
        for workload in WorkloadCatalog.all {
            guard let plot = plots.workload(workload) else { continue }
            let title = SVGCanvas.escaped("\(workload.name): \(workload.title)")
            parts += ["<h3>\(title)</h3>", plot]
        }
        if !report.failures.isEmpty {
            parts.append("<h2>Runs that failed</h2><ul>")
            for failure in report.failures {
                let text = "\(failure.workload), \(failure.engine): \(failure.message)"
                parts.append("<li>\(SVGCanvas.escaped(text))</li>")
            }
            parts.append("</ul>")
        }
        parts += ["</body>", "</html>", ""]
        return parts.joined(separator: "\n")
    }

    private var machine: String {
        let lines = [
            report.machineLine, report.versionLine, report.sizeLine,
        ]
        return lines.map { "<p class=\"note\">\(SVGCanvas.escaped($0))</p>" }
            .joined(separator: "\n")
    }

    private func table(_ rows: [TargetRow]) -> String {
        var lines = [
            "<table><thead><tr><th>workload</th><th>target</th><th>measured</th><th>of raw</th>"
                + "<th>of best peer</th><th>outcome</th></tr></thead><tbody>"
        ]
        for row in rows {
            let best = row.ofBest.map { "\(Format.ratio($0)) (\(row.bestPeer))" } ?? "-"
            let cells = [
                row.title, row.target, row.measured, row.ofRaw.map(Format.ratio) ?? "-", best,
            ]
            lines.append(
                "<tr>" + cells.map { "<td>\(SVGCanvas.escaped($0))</td>" }.joined()
                    + "<td class=\"\(row.outcome)\">\(row.outcome.rawValue)</td></tr>")
        }
        lines.append("</tbody></table>")
        return lines.joined(separator: "\n")
    }
}

extension BenchmarkReport {
    /// The machine in a sentence.
    var machineLine: String {
        let memory = Format.bytes(Double(memoryBytes))
        return "\(processor), \(processorCount) processors, \(memory) of memory, \(system)."
    }

    /// The engines with their versions, in a sentence.
    var versionLine: String {
        engines.map { "\($0) \(versions[$0] ?? "")" }.joined(separator: ", ") + "."
    }

    /// How much was run, in a sentence.
    var sizeLine: String {
        let day = began.formatted(.iso8601.year().month().day())
        let size = scale == 1 ? "full size" : "\(Format.ratio(scale)) of the full size"
        return "\(day), \(size), \(rounds) rounds, in turn; figures are medians."
    }
}
