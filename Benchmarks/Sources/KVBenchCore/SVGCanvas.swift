import Foundation

/// A drawing as SVG, to stand in an HTML page.
struct SVGCanvas {
    let width: Double
    let height: Double
    private var shapes: [String] = []

    init(width: Double, height: Double) {
        self.width = width
        self.height = height
    }

    /// Where a text stands relative to its place.
    enum Anchor: String {
        case start, middle, end
    }

    private static func number(_ value: Double) -> String {
        value == value.rounded() ? String(Int(value)) : String(format: "%.1f", value)
    }

    /// Text with the characters that mean something in XML replaced.
    static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;")
            .replacing(">", with: "&gt;").replacing("\"", with: "&quot;")
    }

    private mutating func add(_ name: String, _ attributes: [(String, String)], _ body: String = "")
    {
        let list = attributes.map { " \($0.0)=\"\(Self.escaped($0.1))\"" }.joined()
        shapes.append(body.isEmpty ? "<\(name)\(list)/>" : "<\(name)\(list)>\(body)</\(name)>")
    }

    /// A text.
    mutating func text(
        _ text: String, x: Double, y: Double, anchor: Anchor = .start, style: String = ""
    ) {
        add(
            "text",
            [
                ("x", Self.number(x)), ("y", Self.number(y)), ("text-anchor", anchor.rawValue),
                ("class", style),
            ], Self.escaped(text))
    }

    /// A filled rectangle; `hint` is shown under the pointer.
    mutating func bar(
        x: Double, y: Double, width: Double, height: Double, color: String, hint: String = ""
    ) {
        add(
            "rect",
            [
                ("x", Self.number(x)), ("y", Self.number(y)),
                ("width", Self.number(max(width, 0.5))), ("height", Self.number(height)),
                ("fill", color), ("rx", "1.5"),
            ], hint.isEmpty ? "" : "<title>\(Self.escaped(hint))</title>")
    }

    /// A straight line.
    mutating func line(
        _ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, style: String, color: String? = nil
    ) {
        add(
            "line",
            [
                ("x1", Self.number(x1)), ("y1", Self.number(y1)), ("x2", Self.number(x2)),
                ("y2", Self.number(y2)), ("class", style),
            ] + (color.map { [("stroke", $0)] } ?? []))
    }

    /// A line through several points.
    mutating func path(_ points: [(x: Double, y: Double)], color: String, width: Double) {
        add(
            "polyline",
            [
                (
                    "points",
                    points.map { "\(Self.number($0.x)),\(Self.number($0.y))" }
                        .joined(separator: " ")
                ),
                ("fill", "none"), ("stroke", color), ("stroke-width", Self.number(width)),
                ("stroke-linejoin", "round"),
            ])
    }

    /// A dot, filled or as a ring.
    mutating func dot(
        x: Double, y: Double, radius: Double, color: String, isFilled: Bool = true,
        hint: String = ""
    ) {
        add(
            "circle",
            [
                ("cx", Self.number(x)), ("cy", Self.number(y)), ("r", Self.number(radius)),
                ("fill", isFilled ? color : "var(--paper)"), ("stroke", color),
                ("stroke-width", "1.5"),
            ], hint.isEmpty ? "" : "<title>\(Self.escaped(hint))</title>")
    }

    /// The whole drawing.
    ///
    /// - Parameter label: what it shows, for those who can't see it.
    func svg(label: String) -> String {
        "<svg viewBox=\"0 0 \(Self.number(width)) \(Self.number(height))\" role=\"img\" "
            + "aria-label=\"\(Self.escaped(label))\">\n" + shapes.joined(separator: "\n")
            + "\n</svg>"
    }
}

/// A scale whose equal steps are equal ratios, with marks at the powers of ten.
struct LogarithmicScale {
    let low: Double
    let high: Double
    let start: Double
    let end: Double

    /// A scale that has room for all of `values`, which are positive.
    init?(_ values: [Double], from start: Double, to end: Double) {
        guard let least = values.min(), let most = values.max(), least > 0 else { return nil }
        low = log10(least) - 0.05
        high = max(log10(most) + 0.05, low + 0.3)
        self.start = start
        self.end = end
    }

    func place(_ value: Double) -> Double {
        start + (log10(value) - low) / (high - low) * (end - start)
    }

    /// The powers of ten within.
    var marks: [Double] {
        let first = Int(low.rounded(.up))
        let last = Int(high.rounded(.down))
        return first <= last ? (first...last).map { pow(10, Double($0)) } : []
    }
}
