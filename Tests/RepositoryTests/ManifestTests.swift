import Foundation
import Testing

/// The root manifest and those of the packages say the same.
@Suite struct ManifestTests {
    static let manifests = ["Packages", "Benchmarks", "Verification"]
        .flatMap { Repository.files(below: $0, extensions: ["swift"]) }
        .filter { $0.hasSuffix("/Package.swift") }

    @Test func everyManifestAsksForLanguageMode6StrictMemorySafetyAndWarningsAsErrors() throws {
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

    @Test func theRootManifestDependsOnNothing() throws {
        #expect(try !Repository.text("Package.swift").contains(".package("))
    }

    @Test func everyLayerIsATargetOfTheRootManifest() throws {
        let root = try Repository.text("Package.swift")
        // What depends on packages of others is not the root's.
        let layers = ImportTests.sources.filter {
            $0.hasPrefix("Packages/") && !$0.hasPrefix("Packages/KVTools/")
                && !$0.hasPrefix("Packages/KVDBServer/")
        }
        for target in Set(layers.map(ImportTests.target(of:))) {
            #expect(root.contains("\"\(target)\""), "the root manifest lacks \(target)")
        }
        let tests = Repository.files(below: "Tests", extensions: ["swift"])
            .map { String($0.split(separator: "/")[1]) }
        for target in Set(tests) {
            #expect(root.contains("\"\(target)\""), "the root manifest lacks \(target)")
        }
    }
}
