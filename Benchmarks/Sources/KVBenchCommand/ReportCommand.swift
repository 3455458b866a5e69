import ArgumentParser
import Foundation
import KVBenchCore

/// `kvbench report`
struct ReportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "Write tables, plots and page again from the results.json of a run.")

    @Argument(help: "The folder with results.json.")
    var folder: String
    @Option(help: "A page of documentation to write as well, beside the folder.")
    var document: String?

    func run() throws {
        let json = try Data(contentsOf: URL(filePath: folder).appending(path: "results.json"))
        let report = try BenchmarkReport(json: json)
        try ReportFiles.write(report, to: folder)
        if let document { try ReportFiles.write(report, document: document, folder: folder) }
    }
}
