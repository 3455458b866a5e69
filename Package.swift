// swift-tools-version: 6.2
//
// The whole workspace: every layer is a target of this package, with a product of its own, because
// SwiftPM refuses a package fetched by URL that has local path dependencies. Each layer also has a
// small manifest in its own folder, for use by path and to show that it builds alone.

import PackageDescription

// KVDB_EMBEDDED=1 builds the engine layers, and nothing else, under Embedded Swift.
let isEmbedded = Context.environment["KVDB_EMBEDDED"] == "1"

// KVDB_SCHEDULES=1 puts a scheduler in front of the locks and threads, so that tests can run them in
// every order (Packages/StorageIO/Sources/CStorageIO/include/Schedules.h).
let isScheduled = Context.environment["KVDB_SCHEDULES"] == "1"

// KVDB_PAGE_SIZES=1 lets the environment's KVDB_PAGE_SIZE choose the size of the system's memory pages, of
// which the cache must make no wrong assumption (Scripts/check-page-sizes).
let hasPageSizes = Context.environment["KVDB_PAGE_SIZES"] == "1"

// KVDB_FUZZ=<libFuzzer's archive> adds the fuzzer's program (Scripts/fuzz). What reads the bytes of
// files, and nothing else, is then built with the address sanitizer and counts which ways it took.
let fuzzerArchive = Context.environment["KVDB_FUZZ"]
let isFuzzing = fuzzerArchive != nil

let swiftSettings: [SwiftSetting] =
    [.swiftLanguageMode(.v6), .strictMemorySafety(), .treatAllWarnings(as: .error)]
    + (isEmbedded ? [.enableExperimentalFeature("Embedded")] : [])
    + (isScheduled ? [.define("KVDB_SCHEDULES")] : [])

let layerSettings: [SwiftSetting] =
    swiftSettings
    + (isFuzzing ? [.unsafeFlags(["-sanitize=fuzzer,address"])] : [])

let cSettings: [CSetting] =
    [.treatAllWarnings(as: .error)] + (isScheduled ? [.define("KVDB_SCHEDULES")] : [])
    + (hasPageSizes ? [.define("KVDB_PAGE_SIZES")] : [])

func layer(_ name: String, in package: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(
        name: name, dependencies: dependencies, path: "Packages/\(package)/Sources/\(name)",
        swiftSettings: layerSettings)
}

/// What tests are written with; no product, and nothing that a user of the database builds.
func testSupport(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(
        name: name, dependencies: dependencies, path: "Tests/\(name)", swiftSettings: swiftSettings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(
        name: name, dependencies: dependencies, path: "Tests/\(name)", swiftSettings: swiftSettings)
}

let engineTargets: [Target] = [
    .target(
        name: "CStorageIO", path: "Packages/StorageIO/Sources/CStorageIO",
        cSettings: cSettings
            + (isFuzzing ? [.unsafeFlags(["-fsanitize=address"])] : [])),
    layer("StorageIO", in: "StorageIO", ["CStorageIO"]),
    layer("PageStore", in: "PageStore", ["StorageIO"]),
    layer("WAL", in: "WAL", ["StorageIO"]),
    layer("BTree", in: "BTree", ["PageStore", "StorageIO"]),
    layer("KVDB", in: "KVDB", ["BTree", "PageStore", "WAL", "StorageIO"]),
]

let argumentParser = Target.Dependency.product(
    name: "ArgumentParser", package: "swift-argument-parser")

let hostedTargets: [Target] = [
    layer("StorageIOTesting", in: "StorageIO", ["StorageIO"]),
    .systemLibrary(
        name: "CLZ4", path: "Packages/KVTools/Sources/CLZ4", pkgConfig: "liblz4",
        providers: [.apt(["liblz4-dev"]), .brew(["lz4"])]),
    layer("KVTools", in: "KVTools", ["KVDB", "StorageIO", "CLZ4", argumentParser]),
    .executableTarget(
        name: "KVToolsCommand", dependencies: ["KVTools", argumentParser],
        path: "Packages/KVTools/Sources/KVToolsCommand", swiftSettings: swiftSettings),
    tests("StorageIOTests", ["CSystemFaults", "StorageIO", "StorageIOTesting"]),
    tests("PageStoreTests", ["PageStore", "StorageIO", "StorageIOTesting"]),
    tests("WALTests", ["WAL", "StorageIO", "StorageIOTesting"]),
    tests("BTreeTests", ["BTree", "PageStore", "StorageIO", "StorageIOTesting"]),
    testSupport(
        "DatabaseTesting", ["KVDB", "BTree", "PageStore", "WAL", "StorageIO", "StorageIOTesting"]),
    .target(name: "CSystemFaults", path: "Tests/CSystemFaults", cSettings: cSettings),
    .executableTarget(
        name: "CrashTest",
        dependencies: [
            "CSystemFaults", "DatabaseTesting", "KVDB", "KVTools", "BTree", "PageStore", "WAL",
            "StorageIO",
            "StorageIOTesting", argumentParser,
        ],
        path: "Tests/CrashTest", swiftSettings: swiftSettings),
    tests(
        "KVDBTests",
        [
            "DatabaseTesting", "KVDB", "BTree", "PageStore", "WAL", "StorageIO",
            "StorageIOTesting",
        ]),
    tests("KVToolsTests", ["KVTools", "KVToolsCommand", "KVDB", "StorageIO", "StorageIOTesting"]),
    tests("RepositoryTests", []),
]

let fuzzTargets: [Target] = [
    .target(name: "CFuzzer", path: "Tests/CFuzzer", cSettings: cSettings),
    .executableTarget(
        name: "Fuzz",
        dependencies: [
            "CFuzzer", "DatabaseTesting", "KVDB", "KVTools", "BTree", "PageStore", "WAL",
            "StorageIO",
        ],
        path: "Tests/Fuzz", swiftSettings: swiftSettings,
        linkerSettings: [
            .unsafeFlags(["-sanitize=address", fuzzerArchive ?? ""]), .linkedLibrary("stdc++"),
        ]),
]

func library(_ name: String) -> Product { .library(name: name, targets: [name]) }

let engineProducts = ["StorageIO", "PageStore", "WAL", "BTree", "KVDB"].map(library)
let hostedProducts =
    ["StorageIOTesting", "KVTools"].map(library)
    + [
        .executable(name: "kvtools", targets: ["KVToolsCommand"]),
        .executable(name: "crashtest", targets: ["CrashTest"]),
    ]

let package = Package(
    name: "KVDB",
    platforms: [.macOS(.v15), .iOS(.v18), .tvOS(.v18), .watchOS(.v11), .visionOS(.v2)],
    products: isEmbedded ? engineProducts : engineProducts + hostedProducts,
    dependencies: isEmbedded
        ? []
        : [.package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2")],
    targets: isEmbedded
        ? engineTargets : engineTargets + hostedTargets + (isFuzzing ? fuzzTargets : [])
)
