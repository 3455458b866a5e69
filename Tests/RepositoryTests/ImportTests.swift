import Foundation
import Testing

/// Dependencies between layers only point down, and the engine needs nothing but its own C target.
@Suite struct ImportTests {
    static let allowedImports: [String: Set<String>] = [
        "StorageIO": ["CStorageIO", "Synchronization"],
        "StorageIOTesting": ["StorageIO", "Synchronization", "Foundation"],
        "PageStore": ["StorageIO", "Synchronization"],
        "WAL": ["StorageIO", "Synchronization"],
        "BTree": ["PageStore", "StorageIO", "Synchronization"],
        "KVDB": ["BTree", "PageStore", "WAL", "StorageIO", "Synchronization"],
        // What apps with Foundation take on top.
        "KVDBFoundation": ["KVDB", "StorageIO", "Foundation", "FoundationEssentials"],
        "KVTools": [
            "ArgumentParser", "CLZ4", "Foundation", "Synchronization",
            "KVDB", "BTree", "PageStore", "WAL", "StorageIO",
        ],
        // What servers take on top.
        "KVDBLogging": ["KVDB", "Logging"],
        "KVDBMetrics": ["KVDB", "CoreMetrics", "Metrics"],
        "KVToolsCommand": ["ArgumentParser", "Foundation", "KVTools", "KVDB", "StorageIO"],
        // Measures the others; nothing depends on it.
        "KVBenchCore": [
            "CPeers", "Foundation", "Histogram", "Synchronization", "KVDB", "KVTools", "StorageIO",
        ],
        "KVBenchCommand": ["ArgumentParser", "Foundation", "KVBenchCore"],
        "Tasks": ["Foundation", "KVDB"],
    ]

    static let sources =
        (Repository.files(below: "Packages", extensions: ["swift"])
        + Repository.files(below: "Benchmarks", extensions: ["swift"]))
        .filter { $0.contains("/Sources/") }

    /// The folder below `Sources`: `Packages/<Layer>/Sources/<Target>/…`, `Benchmarks/Sources/<Target>/…`.
    static func target(of path: String) -> String {
        let parts = path.split(separator: "/")
        return parts.drop { $0 != "Sources" }.dropFirst().first.map(String.init) ?? ""
    }

    /// The modules that a file imports, whatever attributes or access levels the imports have.
    static func imports(of path: String) throws -> [String] {
        try Repository.lines(path).compactMap { line in
            let words = line.split(separator: " ")
            guard let keyword = words.firstIndex(of: "import"),
                words[..<keyword].allSatisfy({
                    $0.hasPrefix("@") || ["public", "package", "internal", "private"].contains($0)
                })
            else { return nil }
            // `import struct Module.Type` names the kind first.
            let kinds: Set<Substring> = [
                "struct", "class", "enum", "protocol", "func", "var", "let",
            ]
            let name = words[(keyword + 1)...].first { !kinds.contains($0) } ?? ""
            return name.split(separator: ".").first.map(String.init)
        }
    }

    @Test func r12ALayerImportsOnlyLayersBelowItAndNoEngineLayerImportsFoundation() throws {
        #expect(!Self.sources.isEmpty)
        for path in Self.sources {
            let target = Self.target(of: path)
            guard let allowed = Self.allowedImports[target] else {
                Issue.record("\(path) is in a target that this test has no rule for: \(target)")
                continue
            }
            for module in try Self.imports(of: path) where !allowed.contains(module) {
                Issue.record("\(path) imports \(module), which \(target) may not")
            }
        }
    }

    @Test func everyTargetDeclaredBelowPackagesHasARuleAndEveryRuleATargetOrNoneYet() {
        let targets = Set(Self.sources.map(Self.target(of:)))
        #expect(targets.subtracting(Self.allowedImports.keys).isEmpty)
    }
}
