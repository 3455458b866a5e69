/// What a figure is to reach, and how that is told.
public struct Target: Sendable {
    /// What must hold for a figure.
    public enum Rule: Sendable {
        /// At least so many times the raw limit's figure.
        case ofRaw(Double)
        /// At most so many times the raw limit's figure.
        case atMostTimesRaw(Double)
        /// At least so many times as good as the best of some engines; nil is all of them.
        case ofBest(Double, among: [String]? = nil)
        /// At least so many times the figure of one engine in another workload.
        case ofEngine(Double, engine: String, workload: String)
        /// Not less.
        case atLeast(Double)
        /// Not more.
        case atMost(Double)
        /// Nothing is asked, but it is reported.
        case reported
    }

    /// The workload's name.
    public var workload: String
    /// The figure.
    public var metric: Metric
    /// What must hold.
    public var rule: Rule

    init(_ workload: String, _ rule: Rule, _ metric: Metric = .rate) {
        self.workload = workload
        self.metric = metric
        self.rule = rule
    }
}

/// A target beside what was measured.
public struct TargetRow: Sendable {
    /// How it came out.
    public enum Outcome: String, Sendable {
        case hit, missed
        /// Not measured in this run, or nothing to compare with.
        case open = "-"
    }

    /// The workload's name.
    public var workload: String
    /// What it is, in a few words.
    public var title: String
    /// The target, in words.
    public var target: String
    /// What was measured, in words.
    public var measured = "-"
    /// The share of what was asked that was reached; 1 and more is a hit. Nil without a target.
    public var reached: Double?
    /// Times the raw limit's figure.
    public var ofRaw: Double?
    /// Times the best peer's figure, so that more than 1 is better than it.
    public var ofBest: Double?
    /// The best peer.
    public var bestPeer = "-"
    /// How it came out.
    public var outcome = Outcome.open
}

extension Target {
    /// Holds the target against a report.
    public func row(_ report: BenchmarkReport) -> TargetRow {
        let title = WorkloadCatalog.all.first { $0.name == workload }?.title ?? workload
        var row = TargetRow(workload: workload, title: title, target: text)
        guard let own = report.median(EngineCatalog.database, workload, metric) else { return row }
        row.measured = Format.value(own, metric)
        let raw = report.median(EngineCatalog.raw, workload, metric)
        row.ofRaw = raw.map { own / $0 }
        if let best = report.bestPeer(workload, metric, among: rivals) {
            row.ofBest = gain(own, over: best.value)
            row.bestPeer = best.engine
        }
        row.reached = reached(own, raw: raw, report)
        if let reached = row.reached { row.outcome = reached >= 1 ? .hit : .missed }
        return row
    }

    /// The engines that it is about; nil is all of them.
    private var rivals: [String]? {
        switch rule {
        case .ofBest(_, let names): names
        case .ofEngine(_, let engine, _): engine == EngineCatalog.database ? nil : [engine]
        default: nil
        }
    }

    /// How many times as good one figure is as another.
    private func gain(_ own: Double, over other: Double) -> Double {
        metric.isRate ? own / other : other / own
    }

    private func reached(_ own: Double, raw: Double?, _ report: BenchmarkReport) -> Double? {
        switch rule {
        case .ofRaw(let factor): return raw.map { own / $0 / factor }
        case .atMostTimesRaw(let factor): return raw.map { factor * $0 / own }
        case .ofBest(let factor, let names):
            let best = report.bestPeer(workload, metric, among: names)
            return best.map { gain(own, over: $0.value) / factor }
        case .ofEngine(let factor, let engine, let workload):
            return report.median(engine, workload, metric).map { gain(own, over: $0) / factor }
        case .atLeast(let least): return own / least
        case .atMost(let most): return most / own
        case .reported: return nil
        }
    }

    /// The target in words.
    private var text: String {
        let what = metric == .rate ? "" : metric.title + " "
        switch rule {
        case .ofRaw(let factor): return "\(what)≥ \(Format.factor(factor)) × raw"
        case .atMostTimesRaw(let factor): return "\(what)≤ \(Format.factor(factor)) × raw"
        case .ofBest(let factor, let names):
            let best = names.map { "best of " + $0.joined(separator: ", ") } ?? "best peer"
            // Of times and sizes, less is better; the factor is how many times less.
            return metric.isRate
                ? "\(what)≥ \(Format.factor(factor)) × \(best)"
                : "\(what)≤ \(Format.factor(1 / factor)) × \(best)"
        case .ofEngine(let factor, let engine, let workload):
            let place = workload == self.workload ? "" : " in \(workload)"
            return "\(what)≥ \(Format.factor(factor)) × \(engine)\(place)"
        case .atLeast(let least): return "\(metric.title) ≥ \(Format.value(least, metric))"
        case .atMost(let most): return "\(metric.title) ≤ \(Format.value(most, metric))"
        case .reported: return "\(metric.title) reported"
        }
    }
}

extension Metric {
    /// Its name in tables.
    public var title: String {
        switch self {
        case .rate: "rate"
        case .p50: "p50"
        case .p99: "p99"
        case .p999: "p99.9"
        case .writtenPerPayload: "bytes written per payload byte"
        case .devicePerPayload: "device bytes per payload byte"
        case .filePerEntry: "file bytes per entry"
        case .peakResident: "peak memory"
        case .figure(let name): name
        }
    }
}
