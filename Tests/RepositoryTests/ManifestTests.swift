import Foundation
import Testing

/// The root manifest and those of the packages say the same.
@Suite struct ManifestTests {
    static let manifests = Repository.files(below: "Packages", extensions: ["swift"])
        .filter { $0.hasSuffix("/Package.swift") }

    @Test("Every manifest asks for language mode 6, strict memory safety and warnings as errors")
    func settingsAreUniform() throws {
        #expect(Self.manifests.count >= 6)
        for path in Self.manifests + ["Package.swift"] {
            let text = try Repository.text(path)
            for setting in [
                "swift-tools-version: 6.2", ".swiftLanguageMode(.v6)", ".strictMemorySafety()",
                ".treatAllWarnings(as: .error)", ".macOS(.v15)", ".iOS(.v18)",
            ] {
                #expect(text.contains(setting), "\(path) lacks \(setting)")
            }
        }
    }

    @Test("Every folder of sources is a target of the root manifest, but for the benchmark's")
    func everyFolderIsATarget() throws {
        let root = try Repository.text("Package.swift")
        // Who uses the database must never need the peers' libraries.
        let isOutside = { (path: String) in path.hasPrefix("Packages/KVBench/") }
        #expect(!root.contains("KVBench"))
        let inside = ImportTests.sources.filter { !isOutside($0) }
        for target in Set(inside.map(ImportTests.target(of:))) {
            #expect(root.contains("\"\(target)\""), "the root manifest lacks \(target)")
        }
        let tests = Repository.files(below: "Tests", extensions: ["swift"])
            .map { String($0.split(separator: "/")[1]) }
        for target in Set(tests) {
            #expect(root.contains("\"\(target)\""), "the root manifest lacks \(target)")
        }
    }
}
