import ArgumentParser
import Foundation
import KVBenchCore

/// `kvbench child`: what `kvbench run` starts for each run, in a process of its own.
struct ChildCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "child", abstract: "One run in this process.", shouldDisplay: false,
        subcommands: [ChildRunCommand.self, ChildPrepareCommand.self])
}

/// `kvbench child run`
struct ChildRunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "run")

    @Argument var workload: String
    @Argument var engine: String
    @Argument var round: Int
    @Argument var scale: Double
    @Argument var directory: String

    func run() throws {
        guard
            let workload = WorkloadCatalog.scaled(by: scale).first(where: { $0.name == workload })
        else { throw ValidationError("There is no workload \(workload).") }
        let result = try EngineCatalog.run(
            workload, engine: engine, round: round, directory: directory)
        try FileHandle.standardOutput.write(contentsOf: JSONEncoder().encode(result))
    }
}

/// `kvbench child prepare`
struct ChildPrepareCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "prepare")

    @Argument var form: String
    @Argument var count: Int
    @Argument var valueByteCount: Int
    @Argument var engine: String
    @Argument var directory: String

    func run() throws {
        guard let form = Dataset.Form(rawValue: form) else {
            throw ValidationError("There is no form of datasets called \(form).")
        }
        try EngineCatalog.prepare(
            Dataset(form, count: count, valueByteCount: valueByteCount), engine: engine,
            directory: directory)
    }
}
