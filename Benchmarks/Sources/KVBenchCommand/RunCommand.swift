import ArgumentParser
import Foundation
import KVBenchCore

/// `kvbench run`
struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Run workloads with engines in turn, and write what was measured.",
        discussion: """
            Writes results.json, tables.md and plots.html into the output folder. Names are those that \
            `kvbench list` prints; a name that ends in * stands for all that begin so.
            """)

    @Option(help: "The share of the full size, from above 0 to 1.")
    var scale = 1.0
    @Option(help: "Engines, with commas between.")
    var engines = EngineCatalog.names.joined(separator: ",")
    @Option(help: "Workloads, with commas between.")
    var workloads = "*"
    @Option(help: "How often each engine runs each workload.")
    var rounds = 3
    @Option(help: "The folder for the results.")
    var output = ".build-bench/results"
    @Option(help: "A page of documentation to write as well, beside the output folder.")
    var document: String?
    @Option(help: "The folder for the databases, which is removed afterwards.")
    var data = ".build-bench/data"

    func validate() throws {
        guard scale > 0, scale <= 1 else {
            throw ValidationError("The scale must be above 0 and at most 1, not \(scale).")
        }
        guard rounds >= 1, rounds <= 1000 else {
            throw ValidationError("There must be at least 1 round and at most 1000.")
        }
        _ = try chosenEngines()
        _ = try chosenWorkloads()
    }

    func run() throws {
        let files = FileManager.default
        try files.createDirectory(atPath: output, withIntermediateDirectories: true)
        // A folder of its own below the one that was named, so that nothing else is ever removed.
        let folder = data + "/kvbench-\(ProcessInfo.processInfo.processIdentifier)"
        let plan = BenchmarkPlan(
            engines: try chosenEngines(), workloads: try chosenWorkloads(), scale: scale,
            rounds: rounds, dataDirectory: folder, program: try Program.path())
        let conductor = Conductor(plan) { line in
            FileHandle.standardError.write(Data((line + "\n").utf8))
        }
        let report = try conductor.run { try ReportFiles.write($0, to: output) }
        try ReportFiles.write(report, to: output)
        if let document { try ReportFiles.write(report, document: document, folder: output) }
        for failure in report.failures {
            print("\(failure.workload), \(failure.engine) failed: \(failure.message)")
        }
        print("Results are in \(output).")
    }

    private func chosenEngines() throws -> [String] {
        try Selection.choose(engines, from: EngineCatalog.names, kind: "engine")
    }

    private func chosenWorkloads() throws -> [Workload] {
        let names = try Selection.choose(
            workloads, from: WorkloadCatalog.all.map(\.name), kind: "workload")
        return WorkloadCatalog.scaled(by: scale).filter { names.contains($0.name) }
    }
}

/// Where this program's file is.
enum Program {
    static func path() throws -> String {
        guard let path = Bundle.main.executablePath else {
            throw ValidationError("The program does not find its own file.")
        }
        return path
    }
}
