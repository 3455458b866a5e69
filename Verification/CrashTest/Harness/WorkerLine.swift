import Foundation

/// What a worker process tells its parent about a case: one line of JSON each.
struct WorkerLine: Codable {
    /// The case's number.
    var number: UInt64
    /// nil while the case begins; the parent then knows which case a trap or a hang belongs to.
    var units: Int?
    var notes: [String: Int] = [:]
    var seconds = 0.0
    /// Where it was when it found something.
    var step = 0
    /// What it found.
    var failure: String?

    var text: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        guard let data = try? encoder.encode(self) else { return "{}" }
        return String(decoding: data, as: UTF8.self)
    }

    init(number: UInt64) { self.number = number }

    /// Reads a line; nil when it is something else, which a case printed.
    init?(_ text: Substring) {
        guard text.first == "{",
            let line = try? JSONDecoder().decode(WorkerLine.self, from: Data(text.utf8))
        else { return nil }
        self = line
    }
}

/// Runs one case and says how it went.
func runCase(_ family: any Family.Type, _ number: UInt64, only: Int? = nil) -> WorkerLine {
    var account = Account(only: only)
    var line = WorkerLine(number: number)
    let clock = ContinuousClock()
    let start = clock.now
    do {
        try family.init().run(number, &account)
    } catch {
        line.failure = "\(error)"
    }
    line.units = account.units
    line.notes = account.notes
    line.step = account.step
    let duration = (clock.now - start).components
    line.seconds = Double(duration.seconds) + Double(duration.attoseconds) * 1e-18
    return line
}
