/// The report as Markdown tables.
public struct MarkdownReport {
    private let report: BenchmarkReport

    /// Tables of a report.
    public init(_ report: BenchmarkReport) { self.report = report }

    /// A table for each workload that has results.
    public func tables() -> String {
        report.workloads.compactMap(table).joined(separator: "\n")
    }

    private func table(_ name: String) -> String? {
        let engines = report.engines.filter {
            report.median($0, name, .rate) != nil || report.median($0, name, .filePerEntry) != nil
        }
        guard !engines.isEmpty, let workload = WorkloadCatalog.all.first(where: { $0.name == name })
        else { return nil }
        let best = report.bestPeer(name, .rate)
        var text = "### \(name): \(workload.title)\n\n"
        text +=
            "| engine | \(workload.unit)/s | min - max | p50 | p99 | p99.9 | of raw | of best peer |"
        text += " written per byte | device per byte | bytes per entry | peak memory |\n"
        text += "|---|---|---|---|---|---|---|---|---|---|---|---|\n"
        for engine in engines.sorted(by: { rate($0, name) > rate($1, name) }) {
            let shown = engine == EngineCatalog.database ? "**\(engine)**" : engine
            let cells = [
                shown, cell(engine, name, .rate), range(engine, name),
                cell(engine, name, .p50), cell(engine, name, .p99), cell(engine, name, .p999),
                ratio(engine, name, to: report.median(EngineCatalog.raw, name, .rate)),
                ratio(engine, name, to: best?.value), cell(engine, name, .writtenPerPayload),
                cell(engine, name, .devicePerPayload),
                cell(engine, name, .filePerEntry), cell(engine, name, .peakResident),
            ]
            text += "| " + cells.joined(separator: " | ") + " |\n"
        }
        return text + figures(engines, name)
    }

    /// What only this workload has, a line for each figure.
    private func figures(_ engines: [String], _ name: String) -> String {
        let names = Set(
            report.results.filter { $0.workload == name }.flatMap { $0.figures.keys })
        return names.sorted().map { figure in
            let values = engines.compactMap { engine in
                report.median(engine, name, .figure(figure)).map {
                    "\(engine) \(Format.value($0, .figure(figure)))"
                }
            }
            return "\n\(figure): \(values.joined(separator: ", "))\n"
        }.joined()
    }

    private func rate(_ engine: String, _ name: String) -> Double {
        report.median(engine, name, .rate) ?? 0
    }

    private func cell(_ engine: String, _ name: String, _ metric: Metric) -> String {
        report.median(engine, name, metric).map { Format.value($0, metric) } ?? "-"
    }

    private func range(_ engine: String, _ name: String) -> String {
        report.spread(engine, name, .rate).map {
            Format.rate($0.minimum) + " - " + Format.rate($0.maximum)
        } ?? "-"
    }

    private func ratio(_ engine: String, _ name: String, to other: Double?) -> String {
        guard let other, other > 0 else { return "-" }
        return Format.ratio(rate(engine, name) / other)
    }
}
