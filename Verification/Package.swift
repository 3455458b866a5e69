// swift-tools-version: 6.2
//
// The long tests of the database (Docs/Testing.md): crash tests, fuzzers and planted bugs. A package of
// its own, which takes the root and the command by path, so that nobody who uses the database builds any
// of it. `make test` does not run it; Scripts/crashtest, Scripts/fuzz and Scripts/check-planted-bugs do.

import PackageDescription

// KVDB_FUZZ=<libFuzzer's archive> adds the fuzzer's program; the root's manifest says what else it does.
let fuzzerArchive = Context.environment["KVDB_FUZZ"]

// KVDB_SCHEDULES=1 is explained in the root's manifest.
let isScheduled = Context.environment["KVDB_SCHEDULES"] == "1"

let swiftSettings: [SwiftSetting] =
    [.swiftLanguageMode(.v6), .strictMemorySafety(), .treatAllWarnings(as: .error)]
    + (isScheduled ? [.define("KVDB_SCHEDULES")] : [])

func layer(_ name: String) -> Target.Dependency { .product(name: name, package: "KVDB") }

let layers = [
    "_DatabaseTesting", "KVDB", "BTree", "PageStore", "WAL", "StorageIO", "StorageIOTesting",
].map(layer)

let tools = Target.Dependency.product(name: "KVTools", package: "KVTools")

let argumentParser = Target.Dependency.product(
    name: "ArgumentParser", package: "swift-argument-parser")

let fuzzTargets: [Target] = [
    .target(name: "CFuzzer", path: "CFuzzer", cSettings: [.treatAllWarnings(as: .error)]),
    .executableTarget(
        name: "Fuzz", dependencies: layers + ["CFuzzer", tools], path: "Fuzz",
        swiftSettings: swiftSettings,
        linkerSettings: [
            .unsafeFlags(["-sanitize=address", fuzzerArchive ?? ""]), .linkedLibrary("stdc++"),
        ]),
]

let package = Package(
    name: "Verification",
    platforms: [.macOS(.v15), .iOS(.v18), .tvOS(.v18), .watchOS(.v11), .visionOS(.v2)],
    products: [.executable(name: "crashtest", targets: ["CrashTest"])],
    dependencies: [
        .package(name: "KVDB", path: ".."),
        .package(name: "KVTools", path: "../Packages/KVTools"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    ],
    targets: [
        .executableTarget(
            name: "CrashTest", dependencies: layers + [tools, argumentParser], path: "CrashTest",
            swiftSettings: swiftSettings)
    ] + (fuzzerArchive == nil ? [] : fuzzTargets)
)
