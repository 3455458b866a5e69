import ArgumentParser
import Foundation
import KVBenchCore

/// `kvbench`
@main
struct Command: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kvbench",
        abstract: "Measure the database beside its peers and the machine's limits.",
        subcommands: [
            RunCommand.self, ReportCommand.self, ListCommand.self, ChildCommand.self,
        ],
        defaultSubcommand: RunCommand.self)
}

/// `kvbench list`
struct ListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Print the engines and the workloads.")

    func run() {
        print("Engines:")
        for name in EngineCatalog.names {
            print("  \(padded(name))\(EngineCatalog.version(name))")
        }
        print("\nWorkloads:")
        for workload in WorkloadCatalog.all { print("  \(padded(workload.name))\(workload.title)") }
    }

    private func padded(_ name: String) -> String {
        name + String(repeating: " ", count: max(1, 30 - name.count))
    }
}
