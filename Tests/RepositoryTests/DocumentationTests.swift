import Foundation
import Testing

/// The documentation points at things that are there. (`Scripts/check-docs` runs its examples.)
@Suite struct DocumentationTests {
    static let documents = Repository.files(extensions: ["md"])

    /// The only hosts that a document or a source file may name.
    static let allowedHosts: Set<String> = [
        "github.com", "lz4.org", "swift.org", "www.swift.org", "www.unicode.org", "unicode.org",
        "www.sqlite.org", "doi.org", "en.wikipedia.org",
    ]

    static func isFence(_ line: String) -> Bool {
        line.trimmingCharacters(in: .whitespaces).hasPrefix("```")
    }

    /// The anchors that a document's headings make, as GitHub names them.
    static func anchors(of path: String) throws -> Set<String> {
        var inFence = false
        var anchors: Set<String> = []
        for line in try Repository.lines(path) {
            if isFence(line) { inFence.toggle() }
            guard !inFence, line.hasPrefix("#") else { continue }
            let title = line.drop { $0 == "#" }.trimmingCharacters(in: .whitespaces).lowercased()
            let kept = title.filter { $0.isLetter || $0.isNumber || " -_".contains($0) }
            anchors.insert(kept.replacing(" ", with: "-"))
        }
        return anchors
    }

    @Test func everyRelativeLinkInADocumentLeadsToAFileAndToAHeadingWhereItNamesOne() throws {
        for path in Self.documents {
            let folder = (path as NSString).deletingLastPathComponent
            for match in try Repository.text(path).matches(of: /\]\(([^)\s]+)\)/) {
                let link = String(match.1)
                if link.contains("://") || link.hasPrefix("mailto:") { continue }
                let parts = link.split(
                    separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
                let target =
                    parts[0].isEmpty
                    ? path : ((folder as NSString).appendingPathComponent(String(parts[0])))
                let file = Repository.root.appending(path: target).standardizedFileURL
                let exists = FileManager.default.fileExists(atPath: file.path)
                #expect(exists, "\(path) links to \(link)")
                if exists, parts.count == 2, target.hasSuffix(".md") {
                    let anchors = try Self.anchors(of: target)
                    #expect(anchors.contains(String(parts[1])), "\(path) links to \(link)")
                }
            }
        }
    }

    @Test func noDocumentOrSourceNamesAFolderOfSomebodysMachineOrAHostNotOnTheList() throws {
        // In two parts each, so that this file doesn't hold them.
        let folders = ["/ro" + "ot/", "/ho" + "me/", "/Us" + "ers/", "/wo" + "rk/", "/tm" + "p/"]
        let paths =
            Self.documents + SourceTests.everything
            + ["Makefile", ".ci/run"]
            + (try FileManager.default.contentsOfDirectory(
                atPath: Repository.root.appending(path: "Scripts").path
            )
            .filter { !$0.contains(".") }.map { "Scripts/" + $0 })
        for path in paths {
            guard let text = try? Repository.text(path) else { continue }
            for folder in folders where text.contains(folder) {
                Issue.record("\(path) names a path below \(folder)")
            }
            for match in text.matches(of: /https?:\/\/([A-Za-z0-9.-]+)/) {
                let host = String(match.1)
                #expect(Self.allowedHosts.contains(host), "\(path) names the host \(host)")
            }
        }
    }

    /// What the articles say is compiled and run by `Scripts/check-docs`, and `Scripts/docs` builds the catalogs.
    @Test func everyLibraryProductHasACatalogThatTheIndexBuilds() throws {
        let manifest = try Repository.text("Package.swift")
        let names = manifest.matches(of: /\["StorageIO".*\]\.map\(library\)|library\("(\w+)"\)/)
            .flatMap { match in
                match.1.map { [String($0)] }
                    ?? match.0.matches(of: /"(\w+)"/).map { String($0.1) }
            }
        #expect(names.count == 7)
        let index = try Repository.text(".spi.yml")
        for name in names {
            let page = Self.documents.first { $0.hasSuffix("/\(name)/\(name).docc/\(name).md") }
            #expect(page != nil, "\(name) has no landing page")
            #expect(index.contains("- \(name)\n"), ".spi.yml does not name \(name)")
        }
    }

    @Test func theReadmeStaysUnder200Lines() throws {
        guard Self.documents.contains("README.md") else { return }
        #expect(try Repository.lines("README.md").count - 1 < 200)
    }
}
