import ArgumentParser
import Foundation

/// `crashtest gate`
struct GateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gate", abstract: "Runs as much of every family as a release needs.")

    @OptionGroup var options: GateOptions

    func run() throws { try options.run { $0.gate } }
}

/// `crashtest subset`
struct SubsetCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "subset", abstract: "Runs the part of every family that each change needs.")

    @OptionGroup var options: GateOptions

    func run() throws { try options.run { $0.subset } }
}

/// What the two have in common.
struct GateOptions: ParsableArguments {
    @Option(help: "How many processes at once.")
    var workers = ProcessInfo.processInfo.activeProcessorCount
    @Option(parsing: .upToNextOption, help: "Only these families.")
    var only: [String] = []
    @Option(help: "Stop a family after that many findings.")
    var findings = 3

    /// Runs every family to its goal, prints the table, and fails when anything was found.
    func run(goal: (any Family.Type) -> Goal) throws {
        for name in only where CrashTestFamilies.named(name) == nil {
            throw ValidationError("There is no family '\(name)'.")
        }
        let pool = Pool(workers: workers, findingLimit: findings)
        var rows: [(family: any Family.Type, tally: Tally, seconds: Double)] = []
        for family in CrashTestFamilies.all where only.isEmpty || only.contains(family.name) {
            let start = Date()
            let tally = try pool.run(family, from: Tally(), until: .goal(goal(family)))
            let seconds = Date().timeIntervalSince(start)
            rows.append((family, tally, seconds))
            say(Self.row(family, tally, seconds))
            for finding in tally.findings { say("FOUND: \(finding)") }
        }
        say(
            "\n| family | done | cases | seconds | found | of these |\n|---|---:|---:|---:|---:|---|"
        )
        for row in rows { say(Self.row(row.family, row.tally, row.seconds)) }
        for row in rows {
            for (name, count) in row.tally.notes where name.hasPrefix("skipped") {
                say("WARNING: \(row.family.name): \(name) (\(count) times)")
            }
        }
        if rows.contains(where: { !$0.tally.findings.isEmpty }) { throw ExitCode.failure }
    }

    static func row(_ family: any Family.Type, _ tally: Tally, _ seconds: Double) -> String {
        "| \(family.name) | \(Tally.grouped(tally.units)) \(family.unit) | "
            + "\(Tally.grouped(tally.cases)) | \(Int(seconds.rounded())) | "
            + "\(tally.findings.count) | \(tally.details) |"
    }
}
