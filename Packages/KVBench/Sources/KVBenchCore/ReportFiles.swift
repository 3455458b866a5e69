import Foundation

/// The files of a report.
public enum ReportFiles {
    /// Writes all of them into an existing folder.
    public static func write(_ report: BenchmarkReport, to folder: String) throws {
        let folder = URL(filePath: folder)
        try report.json().write(to: folder.appending(path: "results.json"))
        try Data(MarkdownReport(report).tables().utf8)
            .write(to: folder.appending(path: "tables.md"))
    }
}
