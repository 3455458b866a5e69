// swift-tools-version: 6.2
//
// The layers of the database. Each is a target of this package with a product of its own, because
// SwiftPM refuses a package fetched by URL that has local path dependencies. Each layer also has a
// small manifest in its own folder, for use by path and to show that it builds alone.
//
// This manifest depends on nothing, so that nobody who takes a layer fetches anything else. What needs
// a library of others is a package of its own that takes this one by path: Packages/KVTools (the
// command), Verification (crash tests, fuzzers), Benchmarks, Examples.

import PackageDescription

// KVDB_EMBEDDED=1 builds the engine layers, and nothing else, under Embedded Swift.
let isEmbedded = Context.environment["KVDB_EMBEDDED"] == "1"

// KVDB_SCHEDULES=1 puts a scheduler in front of the locks and threads, so that tests can run them in
// every order (Packages/StorageIO/Sources/CStorageIO/include/Schedules.h).
let isScheduled = Context.environment["KVDB_SCHEDULES"] == "1"

// KVDB_PAGE_SIZES=1 lets the environment's KVDB_PAGE_SIZE choose the size of the system's memory pages, of
// which the cache must make no wrong assumption (Scripts/check-page-sizes).
let hasPageSizes = Context.environment["KVDB_PAGE_SIZES"] == "1"

// KVDB_FUZZ=<libFuzzer's archive> is for the fuzzer (Scripts/fuzz): the layers, which read the bytes of
// files, are then built with the address sanitizer and count the ways that they took.
let isFuzzing = Context.environment["KVDB_FUZZ"] != nil

// KVDB_TESTS=<target> leaves out all other targets with tests (Scripts/check-threads).
let chosenTests = Context.environment["KVDB_TESTS"]

let swiftSettings: [SwiftSetting] =
    [.swiftLanguageMode(.v6), .strictMemorySafety(), .treatAllWarnings(as: .error)]
    + (isEmbedded ? [.enableExperimentalFeature("Embedded")] : [])
    + (isScheduled ? [.define("KVDB_SCHEDULES")] : [])

let layerSettings: [SwiftSetting] =
    swiftSettings
    // KVDB's cursors lend spans; a program that uses them needs no flag.
    + [.enableExperimentalFeature("Lifetimes")]
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

let hostedTargets: [Target] = [
    layer("StorageIOTesting", in: "StorageIO", ["StorageIO"]),
    tests("StorageIOTests", ["CSystemFaults", "StorageIO", "StorageIOTesting"]),
    tests("PageStoreTests", ["PageStore", "StorageIO", "StorageIOTesting"]),
    tests("WALTests", ["WAL", "StorageIO", "StorageIOTesting"]),
    tests("BTreeTests", ["BTree", "PageStore", "StorageIO", "StorageIOTesting"]),
    testSupport(
        "DatabaseTesting", ["KVDB", "BTree", "PageStore", "WAL", "StorageIO", "StorageIOTesting"]),
    .target(name: "CSystemFaults", path: "Tests/CSystemFaults", cSettings: cSettings),
    tests(
        "KVDBTests",
        [
            "DatabaseTesting", "KVDB", "BTree", "PageStore", "WAL", "StorageIO",
            "StorageIOTesting",
        ]),
    // What an app sees: written as an app is, against the database alone.
    tests("KVDBAPITests", ["KVDB", "StorageIO", "StorageIOTesting"]),
    layer("KVDBFoundation", in: "KVDB", ["KVDB", "StorageIO"]),
    tests("KVDBFoundationTests", ["KVDBFoundation", "KVDB", "StorageIO", "StorageIOTesting"]),
    tests("RepositoryTests", []),
]

func library(_ name: String) -> Product { .library(name: name, targets: [name]) }

let engineProducts = ["StorageIO", "PageStore", "WAL", "BTree", "KVDB"].map(library)
let hostedProducts = [
    library("KVDBFoundation"),
    library("StorageIOTesting"),
    // For Verification alone, as the underscore says: no promise, and nothing that a user takes.
    .library(name: "_DatabaseTesting", targets: ["DatabaseTesting", "CSystemFaults"]),
]

let package = Package(
    name: "KVDB",
    platforms: [.macOS(.v15), .iOS(.v18), .tvOS(.v18), .watchOS(.v11), .visionOS(.v2)],
    products: isEmbedded ? engineProducts : engineProducts + hostedProducts,
    targets: isEmbedded
        ? engineTargets
        : engineTargets
            + hostedTargets.filter { $0.type != .test || $0.name == chosenTests ?? $0.name }
)
