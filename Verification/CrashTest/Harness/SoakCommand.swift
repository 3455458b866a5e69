import ArgumentParser
import Foundation
import StorageIO

/// What a soak has done so far, in a file, so that it can be stopped at any moment and go on later,
/// also after the program was built anew.
struct SoakState: Codable {
    /// Hours' worth of seconds that it ran, over all its parts.
    var seconds = 0.0
    /// How often it was started.
    var parts = 0
    var tallies: [String: Tally] = [:]

    static func read(_ path: String) throws -> SoakState {
        guard FileManager.default.fileExists(atPath: path) else { return SoakState() }
        return try JSONDecoder().decode(
            SoakState.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
    }

    func write(_ path: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        try encoder.encode(self).write(to: URL(fileURLWithPath: path), options: .atomic)
    }
}

/// `crashtest soak`
struct SoakCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "soak",
        abstract: "Runs all families in turn, always further cases, for hours.",
        discussion: "Goes on where the state file says that it stopped.")

    @Option(help: "How long altogether, the parts before this one included.")
    var hours = 2.0
    @Option(help: "The file that holds what was done.")
    var state = "soak-state.json"
    @Option(help: "How many processes at once.")
    var workers = ProcessInfo.processInfo.activeProcessorCount
    @Option(help: "Seconds that a family gets before the next one's turn.")
    var turn = 60.0
    @Option(parsing: .upToNextOption, help: "Only these families.")
    var only: [String] = []

    func run() throws {
        var soak = try SoakState.read(state)
        soak.parts += 1
        // The gate's finding limit is no reason to end a soak, but a broken build would fill the disk.
        let pool = Pool(workers: workers, findingLimit: 100)
        let chosen = CrashTestFamilies.all.filter { only.isEmpty || only.contains($0.name) }
        while soak.seconds < hours * 3600 {
            for family in chosen where soak.seconds < hours * 3600 {
                let start = Date()
                let before = soak.tallies[family.name] ?? Tally()
                let left = min(turn, hours * 3600 - soak.seconds)
                let after = try pool.run(
                    family, from: before, until: .time(start.addingTimeInterval(left)))
                soak.tallies[family.name] = after
                soak.seconds += Date().timeIntervalSince(start)
                try soak.write(state)
                for finding in after.findings.dropFirst(before.findings.count) {
                    say("FOUND: \(finding)")
                }
            }
            Self.summarize(soak)
        }
        if soak.tallies.values.contains(where: { !$0.findings.isEmpty }) { throw ExitCode.failure }
    }

    static func summarize(_ soak: SoakState) {
        say(
            String(
                format: "\n%.2f hours in %d parts\n", soak.seconds / 3600, soak.parts)
                + "| family | done | cases | seconds | found | of these |\n|---|---:|---:|---:|---:|---|"
        )
        for family in CrashTestFamilies.all {
            guard let tally = soak.tallies[family.name] else { continue }
            say(GateOptions.row(family, tally, tally.seconds))
        }
    }
}
