import Foundation
import StorageIO
import StorageIOTesting
import Testing

@testable import KVTools

/// `kvtools bench`
@Suite struct BenchCommandTests {
    let folder: TemporaryDirectory
    static let parts = ["durable puts", "written puts", "batches of 1000", "gets", "scan"]

    init() throws { folder = try TemporaryDirectory() }

    @Test func everyPartIsMeasuredAndNothingIsLeftOrTouched() throws {
        let path = try folder.write(Array("not a database".utf8), to: "other")
        let outcome = kvtools("bench", path, "--entries", "1500", "--value-bytes", "20")
        #expect(outcome.status == .success)
        let lines = outcome.text.split(separator: "\n")
        #expect(lines.count == Self.parts.count + 1)
        for (line, part) in zip(lines.dropFirst(), Self.parts) {
            #expect(line.hasPrefix(part))
            #expect(!line.contains(" 0 "), "\(line)")
        }
        #expect(try folder.read("other") == Array("not a database".utf8))
        let left = try FileManager.default.contentsOfDirectory(
            atPath: (path as NSString).deletingLastPathComponent)
        #expect(left == ["other"])
    }

    @Test func aTerminalIsToldHowFarItIsAndJSONHasTheSameParts() throws {
        let path = folder.file("none")
        let shown = kvtools("bench", path, "--entries", "100", terminal: true)
        #expect(shown.status == .success)
        #expect(shown.error.contains("100 entries of 16 + 100 bytes"))
        let json = kvtools("bench", path, "--entries", "100", "--json")
        #expect(json.status == .success && json.error.isEmpty)
        for part in Self.parts {
            #expect(json.text.contains("\"\(part.replacing(" ", with: "_"))\""))
        }
    }

    @Test func fewAndEmptyEntriesWorkToo() throws {
        let path = folder.file("none")
        #expect(
            kvtools("bench", path, "--entries", "1", "--value-bytes", "0").status == .success)
    }

    @Test func sizesThatMakeNoSenseAndFoldersThatArentThereAreRefused() throws {
        #expect(kvtools("bench", folder.file("a"), "--entries", "0").status == .usage)
        #expect(kvtools("bench", folder.file("a"), "--value-bytes", "-1").status == .usage)
        #expect(kvtools("bench", folder.file("missing/a")).status != .success)
    }
}
