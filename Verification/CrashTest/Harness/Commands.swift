import ArgumentParser
import Foundation

/// `crashtest list`
struct ListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Lists the families.")

    func run() {
        for family in CrashTestFamilies.all { say("\(family.name): \(family.unit)") }
    }
}

/// `crashtest run FAMILY`
struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Runs cases of one family, in this process.")

    @Argument(help: "The family; `crashtest list` lists them.")
    var family: String
    @Option(name: .customLong("case"), help: "The first case's number.")
    var number: UInt64 = 0
    @Option(help: "How many cases.")
    var count: UInt64 = 1
    @Option(help: "Only this step of each case.")
    var step: Int?

    func run() throws {
        guard let chosen = CrashTestFamilies.named(family) else {
            throw ValidationError("There is no family '\(family)'.")
        }
        if chosen.program != CommandLine.arguments[0] { return try runOther(chosen.program) }
        var tally = Tally()
        for number in number..<number + count {
            let line = runCase(chosen, number, only: step)
            tally.add(line, of: family)
            say(
                "case \(number): \(line.units ?? 0) \(chosen.unit) in "
                    + String(format: "%.2f", line.seconds) + " s")
            if let failure = line.failure { say("  step \(line.step): \(failure)") }
        }
        if !tally.details.isEmpty { say(tally.details) }
        if !tally.findings.isEmpty { throw ExitCode.failure }
    }

    /// Gives the command to the program of the other build.
    private func runOther(_ program: String) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = Array(CommandLine.arguments.dropFirst())
        try process.run()
        process.waitUntilExit()
        throw ExitCode(process.terminationStatus)
    }
}

/// `crashtest worker`
struct WorkerCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "worker",
        abstract: "Runs the cases that standard input names: a family and a number on each line.",
        shouldDisplay: false)

    func run() throws {
        while let line = readLine() {
            let words = line.split(separator: " ")
            guard words.count == 2, let family = CrashTestFamilies.named(String(words[0])),
                let number = UInt64(words[1])
            else { throw ValidationError("not a case: \(line)") }
            say(runCase(family, number).text)
        }
    }
}
