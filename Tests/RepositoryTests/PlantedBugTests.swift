import Foundation
import Testing

/// The planted bugs (Verification/PlantedBugs/README.md) fit the sources that they are to be put into.
@Suite struct PlantedBugTests {
    static let folder = "Verification/PlantedBugs"

    /// The lines that one edit needs, whole and in this order, in one file.
    struct Edit {
        var file: String
        var lines: [String] = []
        var usesSwitch = false
    }

    static func edits(_ path: String) throws -> [Edit] {
        var edits: [Edit] = []
        var file = ""
        for line in try Repository.lines(path) {
            if line.hasPrefix("--- ") {
                file = String(line.dropFirst(4))
            } else if line == "@@" {
                edits.append(Edit(file: file))
            } else if !edits.isEmpty, let mark = line.first {
                if mark == "+" {
                    edits[edits.count - 1].usesSwitch =
                        edits[edits.count - 1].usesSwitch || line.contains("PLANTED")
                } else {
                    edits[edits.count - 1].lines.append(String(line.dropFirst()))
                }
            }
        }
        return edits
    }

    @Test func everyPlantedBugFitsOnePlaceOfTheSourcesAndCanBeTurnedOff() throws {
        let bugs = Repository.files(below: Self.folder, extensions: ["bug"])
        #expect(bugs.count >= 50)
        for bug in bugs {
            let lines = try Repository.lines(bug)
            #expect(lines.contains { $0.hasPrefix("breaks: ") }, "\(bug) says no rule")
            #expect(lines.contains { $0.hasPrefix("families: ") }, "\(bug) says no family")
            let edits = try Self.edits(bug)
            #expect(edits.contains { $0.usesSwitch }, "\(bug) has no switch")
            for edit in edits {
                let source = try "\n" + Repository.text(edit.file)
                let wanted = "\n" + edit.lines.joined(separator: "\n") + "\n"
                var places = 0
                var rest = source[...]
                while let found = rest.range(of: wanted) {
                    places += 1
                    rest = rest[source.index(after: found.lowerBound)...]
                }
                #expect(places == 1, "\(bug) fits \(places) places of \(edit.file)")
            }
        }
    }

    /// A scenario that looks closer at a source file would else go on without it once that has another name.
    @Test func everySourceThatAScenarioLooksAtIsThere() throws {
        let sources = Set(
            Repository.files(below: "Packages", extensions: ["swift"])
                .map { $0.split(separator: "/").drop { $0 != "Sources" }.dropFirst() }
                .compactMap { path in
                    path.first.flatMap { module in path.last.map { "\(module)/\($0)" } }
                }
                + Repository.files(below: "Verification/CrashTest", extensions: ["swift"])
                .compactMap { $0.split(separator: "/").last.map { "CrashTest/\($0)" } })
        var count = 0
        for file in Repository.files(
            below: "Verification/CrashTest/Schedule", extensions: ["swift"])
        {
            for line in try Repository.lines(file) where line.contains("focus") {
                for word in line.split(whereSeparator: { " \"),".contains($0) })
                where word.hasSuffix(".swift") {
                    count += 1
                    let isThere = sources.contains(String(word))
                    #expect(isThere, "\(file) looks at \(word)")
                }
            }
        }
        #expect(count >= 6)
    }
}
