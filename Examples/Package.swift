// swift-tools-version: 6.2
//
// Programs that use the packages as anyone would: the documentation quotes them, and continuous
// integration builds and runs them (Scripts/check-consumers, Scripts/check-embedded).

import PackageDescription

// KVDB_EMBEDDED=1 builds the embedded program alone, under Embedded Swift.
let isEmbedded = Context.environment["KVDB_EMBEDDED"] == "1"

func example(_ name: String, _ products: [String], _ settings: [SwiftSetting] = []) -> Target {
    .executableTarget(
        name: name, dependencies: products.map { .product(name: $0, package: "KVDB") },
        swiftSettings: [.swiftLanguageMode(.v6)] + settings)
}

let package = Package(
    name: "Examples",
    platforms: [.macOS(.v15)],
    dependencies: [.package(name: "KVDB", path: "..")],
    targets: isEmbedded
        ? [example("EmbeddedProgram", ["KVDB"], [.enableExperimentalFeature("Embedded")])]
        : [
            example("FirstProgram", ["KVDB"]),
            example("LogAlone", ["WAL", "StorageIO"]),
            example("MillionEntries", ["KVDB", "StorageIO"]),
            example("SteadyWriter", ["KVDB"]),
            example("TreeOverPages", ["BTree", "PageStore", "StorageIO"]),
        ]
)
