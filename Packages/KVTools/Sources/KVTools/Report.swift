import StorageIO

/// Named figures about a database, printed as a table or as a JSON object.
struct Report {
    /// The figures in order; names are in snake case, and byte counts end in `_bytes`.
    var members: [(name: String, value: JSONValue)] = []

    /// Adds a count.
    mutating func add(_ name: String, _ value: UInt64) { members.append((name, .unsigned(value))) }

    /// Adds a count.
    mutating func add(_ name: String, _ value: Int) {
        members.append((name, .integer(Int64(value))))
    }

    /// Adds a figure of any other kind.
    mutating func add(_ name: String, _ value: JSONValue) { members.append((name, value)) }

    /// Prints it as the session wants it.
    func print(in session: Session) throws(StorageError) {
        if session.isJSON { return try session.print(members) }
        let width = members.map(\.name.count).max() ?? 0
        for (name, value) in members {
            let label = name.replacing("_", with: " ")
            let gap = String(repeating: " ", count: width + 2 - name.count)
            // A line for each part, under the one before.
            var lines: [String]
            switch value {
            case .array(let values) where !values.isEmpty:
                lines = values.prefix(Self.partLimit).map { Self.text(name, $0) }
                if values.count > lines.count {
                    lines.append(Self.more(values.count - lines.count))
                }
            case .fields(let fields) where !fields.members.isEmpty:
                lines = fields.members.prefix(Self.partLimit).map { member in
                    "\(member.name) \(Self.text(member.name, member.value))"
                }
                let count = fields.members.count
                if count > lines.count { lines.append(Self.more(count - lines.count)) }
            default: lines = [Self.text(name, value)]
            }
            let blank = String(repeating: " ", count: width + 2)
            for (index, line) in lines.enumerated() {
                try session.output.write((index == 0 ? label + gap : blank) + line + "\n")
            }
        }
    }

    /// How many parts of a figure a person is shown.
    private static let partLimit = 50

    private static func more(_ count: Int) -> String { "... and \(count) more; --json lists all" }

    private static func text(_ name: String, _ value: JSONValue) -> String {
        switch value {
        case .string(let text): return text.isEmpty ? "\"\"" : text
        case .boolean(let flag): return flag ? "yes" : "no"
        case .null: return "-"
        case .array(let values) where values.isEmpty: return "none"
        case .fields(let fields) where fields.members.isEmpty: return "none"
        case .array(let values): return values.map { text("", $0) }.joined(separator: ", ")
        case .fields(let fields):
            return fields.members.map { member in
                member.name.replacing("_", with: " ") + " " + text(member.name, member.value)
            }.joined(separator: ", ")
        case .number(let number): return String((number * 1000).rounded() / 1000)
        case .unsigned(let count):
            return name.hasSuffix("_bytes") ? "\(count)\(rounded(count))" : "\(count)"
        case .integer(let count):
            return name.hasSuffix("_bytes") && count > 0
                ? "\(count)\(rounded(UInt64(count)))" : "\(count)"
        }
    }

    /// A byte count in the unit that fits, after the exact number.
    static func rounded(_ bytes: UInt64) -> String {
        var amount = Double(bytes)
        var unit = ""
        for next in ["KiB", "MiB", "GiB", "TiB"] where amount >= 1024 {
            amount /= 1024
            unit = next
        }
        return unit.isEmpty ? "" : " (\((amount * 10).rounded() / 10) \(unit))"
    }
}
