import Foundation

/// The files of a report.
public enum ReportFiles {
    /// Writes all of them into an existing folder.
    public static func write(_ report: BenchmarkReport, to folder: String) throws {
        let folder = URL(filePath: folder)
        try report.json().write(to: folder.appending(path: "results.json"))
        try Data(MarkdownReport(report).tables().utf8)
            .write(to: folder.appending(path: "tables.md"))
        try Data(HTMLReport(report).page().utf8).write(to: folder.appending(path: "plots.html"))
    }

    /// Writes the page of the documentation, which stands in the folder above the other files.
    public static func write(
        _ report: BenchmarkReport, document: String, folder: String
    ) throws {
        let name = URL(filePath: folder).lastPathComponent
        try Data(DocumentReport(report, folder: name).page().utf8)
            .write(to: URL(filePath: document))
    }
}
