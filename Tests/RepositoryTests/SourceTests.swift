import Foundation
import Testing

/// What the formatter can't check about the sources.
@Suite struct SourceTests {
    static let lengthLimit = 400

    /// The files that may be longer than the limit, and why.
    static let longFiles: [String: String] = [:]

    static let sources =
        Repository.files(below: "Packages", extensions: ["swift", "c", "h"])
        + Repository.files(below: "Benchmarks", extensions: ["swift", "c", "h"])
    static let everything =
        sources + ["Package.swift"]
        + Repository.files(below: "Tests", extensions: ["swift"])
        + Repository.files(below: "Verification", extensions: ["swift"])
        + Repository.files(below: "Examples", extensions: ["swift"])
        + Repository.files(below: "Scripts", extensions: ["swift"])

    @Test func noFileIsLongerThan400LinesWithoutAReason() throws {
        for path in Self.everything where Self.longFiles[path] == nil {
            let count = try Repository.lines(path).count - 1
            #expect(count <= Self.lengthLimit, "\(path) has \(count) lines")
        }
        for path in Self.longFiles.keys {
            #expect(Self.everything.contains(path), "\(path) is listed as long and isn't there")
        }
    }

    @Test func nothingInALayerStopsTheProcessForWhatACallerOrADiskCanCause() throws {
        // In two parts each, so that this file doesn't hold them.
        let traps = ["fatal" + "Error(", "try" + "! ", " as" + "! ", "TO" + "DO", "FIX" + "ME"]
        for path in Self.everything {
            for (index, line) in try Repository.lines(path).enumerated() {
                for trap in traps where line.contains(trap) {
                    Issue.record("\(path):\(index + 1) has \(trap)")
                }
            }
        }
    }

    @Test func everyUncheckedSendableIsJustifiedByACommentAboveIt() throws {
        for path in Self.sources {
            let lines = try Repository.lines(path)
            for (index, line) in lines.enumerated() where line.contains("@unchecked Sendable") {
                let isComment = { (line: String) in
                    line.trimmingCharacters(in: .whitespaces).hasPrefix("//")
                }
                if isComment(line) { continue }
                let above = lines[max(0, index - 12)...index]
                #expect(above.contains(where: isComment), "\(path):\(index + 1) has no comment")
            }
        }
    }

    @Test func testsAreNamedByTheirFunctionsAlone() throws {
        // In two parts, so that this file doesn't hold it.
        let named = try Regex("@" + #"Test\(\s*""#)
        for path in Self.everything where path.contains("Tests/") {
            let text = try Repository.text(path)
            #expect(text.firstMatch(of: named) == nil, "\(path) has a test with a display name")
        }
    }
}
