/// The plots of a report.
struct Plots {
    let report: BenchmarkReport

    /// The engines' colours; the database's own stands out.
    static let colors: [String: String] = [
        "raw": "#9ca3af", "kvdb": "#2563eb", "lmdb": "#0f766e", "lmdb-writemap": "#14b8a6",
        "sqlite": "#b45309", "rocksdb": "#7c3aed", "leveldb": "#be123c", "wiredtiger": "#4d7c0f",
    ]

    private static let rowHeight = 20.0
    private static let labelWidth = 110.0
    private static let barWidth = 300.0
    private static let valueWidth = 95.0
    private static let percentileStart = 540.0
    private static let width = 960.0

    static func color(_ engine: String) -> String { colors[engine] ?? "#64748b" }

    /// Throughput as bars, and beside them p50, p99 and p99.9 of single operations.
    func workload(_ workload: Workload) -> String? {
        let rows = report.engines.compactMap { engine in
            report.spread(engine, workload.name, .rate).map { (engine: engine, rate: $0) }
        }.sorted { $0.rate.median > $1.rate.median }
        guard !rows.isEmpty else { return nil }
        // The raw limit may lie far beyond what any engine does; then it only gets a word.
        let most = rows.filter { $0.engine != EngineCatalog.raw }.map(\.rate.maximum).max() ?? 1
        var canvas = SVGCanvas(
            width: Self.width, height: Double(rows.count) * Self.rowHeight + 30)
        canvas.text("\(workload.unit)/s", x: Self.labelWidth, y: 12, style: "axis")
        for (index, row) in rows.enumerated() {
            let y = Double(index) * Self.rowHeight + 20
            let place = { min($0 / most, 1.0) * Self.barWidth }
            let name = row.engine
            let value = Format.rate(row.rate.median)
            canvas.text(
                name, x: Self.labelWidth - 8, y: y + 12, anchor: .end,
                style: name == EngineCatalog.database ? "own" : "")
            let range = "\(Format.rate(row.rate.minimum)) to \(Format.rate(row.rate.maximum))"
            canvas.bar(
                x: Self.labelWidth, y: y, width: place(row.rate.median), height: 14,
                color: Self.color(name), hint: "\(name): \(value)/s (\(range))")
            if row.rate.minimum < row.rate.maximum, row.rate.median <= most {
                canvas.line(
                    Self.labelWidth + place(row.rate.minimum), y + 7,
                    Self.labelWidth + place(row.rate.maximum), y + 7, style: "whisker")
            }
            let isBeyond = row.rate.median > most
            canvas.text(
                isBeyond ? "→ \(value)" : value,
                x: Self.labelWidth + place(row.rate.maximum) + 6, y: y + 12, style: "value")
        }
        percentiles(rows.map(\.engine), workload.name, &canvas)
        return canvas.svg(label: "\(workload.title): throughput and latency by engine")
    }

    private func percentiles(_ engines: [String], _ name: String, _ canvas: inout SVGCanvas) {
        let metrics = [Metric.p50, .p99, .p999]
        let values = engines.flatMap { engine in
            metrics.compactMap { report.median(engine, name, $0) }
        }
        guard
            let scale = LogarithmicScale(
                values, from: Self.percentileStart, to: Self.width - 20)
        else { return }
        canvas.text(
            "time of one: ● p50, ○ p99, · p99.9", x: Self.percentileStart, y: 12, style: "axis")
        let bottom = Double(engines.count) * Self.rowHeight + 18
        for mark in scale.marks {
            canvas.line(scale.place(mark), 18, scale.place(mark), bottom, style: "grid")
            canvas.text(
                Format.time(mark), x: scale.place(mark), y: bottom + 11, anchor: .middle,
                style: "axis")
        }
        for (index, engine) in engines.enumerated() {
            let y = Double(index) * Self.rowHeight + 27
            let found = metrics.map { report.median(engine, name, $0) }
            guard let p50 = found[0], let p99 = found[1], let p999 = found[2] else { continue }
            let color = Self.color(engine)
            let hint =
                "\(engine): p50 \(Format.time(p50)), p99 \(Format.time(p99)), "
                + "p99.9 \(Format.time(p999))"
            canvas.path([(scale.place(p50), y), (scale.place(p999), y)], color: color, width: 1)
            canvas.dot(x: scale.place(p999), y: y, radius: 1.5, color: color, hint: hint)
            canvas.dot(
                x: scale.place(p99), y: y, radius: 4, color: color, isFilled: false, hint: hint)
            canvas.dot(x: scale.place(p50), y: y, radius: 4, color: color, hint: hint)
        }
    }

    /// The time of a get by the number of entries, for every engine.
    func growth() -> String? {
        let steps = WorkloadCatalog.all.filter { $0.name.hasPrefix("growth-") }
        var lines: [(engine: String, points: [(count: Double, time: Double)])] = []
        for engine in report.engines {
            let points = steps.compactMap { step in
                report.median(engine, step.name, .rate).map { rate in
                    (
                        count: Double(step.dataset?.count ?? 1) * report.scale,
                        time: 1e9 / rate
                    )
                }
            }
            if points.count > 1 { lines.append((engine, points)) }
        }
        let all = lines.flatMap(\.points)
        let (top, bottom, left, right) = (20.0, 330.0, 70.0, 780.0)
        guard let across = LogarithmicScale(all.map(\.count), from: left, to: right),
            let up = LogarithmicScale(all.map(\.time), from: bottom, to: top)
        else { return nil }
        var canvas = SVGCanvas(width: Self.width, height: 370)
        for mark in across.marks {
            canvas.line(across.place(mark), top, across.place(mark), bottom, style: "grid")
            canvas.text(
                Format.rate(mark) + " entries", x: across.place(mark), y: bottom + 18,
                anchor: .middle, style: "axis")
        }
        for mark in up.marks.flatMap({ [$0, 2 * $0, 5 * $0] }) where up.place(mark) >= top {
            canvas.line(left, up.place(mark), right, up.place(mark), style: "grid")
            canvas.text(
                Format.time(mark), x: left - 6, y: up.place(mark) + 4, anchor: .end, style: "axis")
        }
        // Labels at the lines' ends, moved apart where they would lie on each other.
        var lastLabel = top - 20
        for line in lines.sorted(by: { $0.points.last!.time > $1.points.last!.time }) {
            let color = Self.color(line.engine)
            let isOwn = line.engine == EngineCatalog.database
            let points = line.points.map { (x: across.place($0.count), y: up.place($0.time)) }
            canvas.path(points, color: color, width: isOwn ? 3 : 1.5)
            for (point, value) in zip(points, line.points) {
                canvas.dot(
                    x: point.x, y: point.y, radius: 3, color: color,
                    hint: "\(line.engine): \(Format.time(value.time))")
            }
            let last = points[points.count - 1]
            let y = max(last.y + 4, lastLabel + 14)
            lastLabel = y
            canvas.text(
                line.engine, x: last.x + 10, y: y, style: isOwn ? "own" : "value")
        }
        return canvas.svg(label: "Time of a random get by the number of entries")
    }

    /// How far each target was reached, on a scale around the target itself.
    func targets(_ rows: [TargetRow]) -> String? {
        let measured = rows.filter { $0.reached != nil }
        let clipped = measured.map { min(max($0.reached ?? 1, 0.05), 20) }
        let (left, right) = (430.0, 860.0)
        guard !measured.isEmpty,
            let scale = LogarithmicScale(clipped + [0.5, 2], from: left, to: right)
        else { return nil }
        let height = Double(measured.count) * 18
        var canvas = SVGCanvas(width: Self.width, height: height + 30)
        let one = scale.place(1)
        canvas.text("target", x: one, y: 12, anchor: .middle, style: "axis")
        canvas.line(one, 16, one, height + 20, style: "limit")
        for (index, row) in measured.enumerated() {
            let y = Double(index) * 18 + 20
            let place = scale.place(clipped[index])
            let isHit = row.outcome == .hit
            canvas.text(
                "\(row.workload): \(row.target)", x: left - 10, y: y + 11, anchor: .end,
                style: "value")
            canvas.bar(
                x: min(one, place), y: y, width: abs(place - one), height: 12,
                color: isHit ? "var(--hit)" : "var(--miss)", hint: row.measured)
            canvas.text(
                Format.ratio(row.reached ?? 0) + " ×" + (isHit ? "" : " missed"),
                x: max(one, place) + 6, y: y + 11, style: "axis")
        }
        return canvas.svg(label: "How far each target was reached")
    }
}
