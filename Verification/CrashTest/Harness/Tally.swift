/// What all cases of a family did, summed up.
struct Tally: Codable, Sendable {
    /// Cases run.
    var cases = 0
    /// The number of the next case that was not run yet; cases before it were.
    var next: UInt64 = 0
    var units = 0
    var notes: [String: Int] = [:]
    /// Time over all workers.
    var seconds = 0.0
    /// The lines that repeat what was found, and what it was.
    var findings: [String] = []

    mutating func add(_ line: WorkerLine, of family: String) {
        cases += 1
        units += line.units ?? 0
        seconds += line.seconds
        for (name, count) in line.notes { notes[name, default: 0] += count }
        if let failure = line.failure {
            findings.append(
                "Scripts/crashtest run \(family) --case \(line.number) --step \(line.step)\n    \(failure)"
            )
        }
    }

    /// The sub-counts, largest first.
    var details: String {
        notes.sorted { ($0.value, $1.key) > ($1.value, $0.key) }
            .map { "\($0.key) \(Tally.grouped($0.value))" }.joined(separator: ", ")
    }

    /// A number with commas between groups of three digits.
    static func grouped(_ number: Int) -> String {
        var text = ""
        for (index, digit) in String(number).reversed().enumerated() {
            if index > 0, index % 3 == 0, digit != "-" { text.append(",") }
            text.append(digit)
        }
        return String(text.reversed())
    }
}
