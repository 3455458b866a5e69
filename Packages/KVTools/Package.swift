// swift-tools-version: 6.2
//
// The command `kvtools` and what it is made of. It takes the database from the root package by path, so
// that the root's manifest depends on nothing.

import PackageDescription

// KVDB_FUZZ is explained in the root's manifest.
let isFuzzing = Context.environment["KVDB_FUZZ"] != nil

let swiftSettings: [SwiftSetting] = [
    .swiftLanguageMode(.v6), .strictMemorySafety(), .treatAllWarnings(as: .error),
]

func layer(_ name: String) -> Target.Dependency { .product(name: name, package: "KVDB") }

let argumentParser = Target.Dependency.product(
    name: "ArgumentParser", package: "swift-argument-parser")

let package = Package(
    name: "KVTools",
    platforms: [.macOS(.v15), .iOS(.v18), .tvOS(.v18), .watchOS(.v11), .visionOS(.v2)],
    products: [
        .library(name: "KVTools", targets: ["KVTools"]),
        .executable(name: "kvtools", targets: ["KVToolsCommand"]),
    ],
    dependencies: [
        .package(name: "KVDB", path: "../.."),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    ],
    targets: [
        .systemLibrary(
            name: "CLZ4", pkgConfig: "liblz4",
            providers: [.apt(["liblz4-dev"]), .brew(["lz4"])]),
        .target(
            name: "KVTools",
            dependencies: [layer("KVDB"), layer("StorageIO"), "CLZ4", argumentParser],
            swiftSettings: swiftSettings
                + (isFuzzing ? [.unsafeFlags(["-sanitize=fuzzer,address"])] : [])),
        .executableTarget(
            name: "KVToolsCommand", dependencies: ["KVTools", argumentParser],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "KVToolsTests",
            dependencies: [
                "KVTools", "KVToolsCommand", layer("KVDB"), layer("StorageIO"),
                layer("StorageIOTesting"),
            ],
            swiftSettings: swiftSettings),
    ]
)
