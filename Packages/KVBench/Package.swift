// swift-tools-version: 6.2
//
// How fast the database is, measured beside its peers. A package outside of the workspace's graph, so
// that neither the peers' libraries nor what it depends on are anything that a user of KVDB ever needs.

import PackageDescription

let swiftSettings: [SwiftSetting] = [
    .strictMemorySafety(), .swiftLanguageMode(.v6), .treatAllWarnings(as: .error),
]

let argumentParser = Target.Dependency.product(
    name: "ArgumentParser", package: "swift-argument-parser")

let package = Package(
    name: "KVBench",
    platforms: [.macOS(.v15), .iOS(.v18), .tvOS(.v18), .watchOS(.v11), .visionOS(.v2)],
    products: [.executable(name: "kvbench", targets: ["KVBenchCommand"])],
    dependencies: [
        .package(name: "KVDB", path: "../.."),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
    ],
    targets: [
        .target(
            name: "CPeers", cSettings: [.treatAllWarnings(as: .error)],
            linkerSettings: [
                .linkedLibrary("lmdb"), .linkedLibrary("sqlite3"), .linkedLibrary("rocksdb"),
                .linkedLibrary("leveldb"), .linkedLibrary("wiredtiger"), .linkedLibrary("pthread"),
            ]),
        .target(
            name: "KVBenchCore",
            dependencies: [
                "CPeers",
                .product(name: "KVDB", package: "KVDB"),
                .product(name: "KVTools", package: "KVDB"),
                .product(name: "Histogram", package: "hdrhistogram-swift"),
            ],
            swiftSettings: swiftSettings),
        .executableTarget(
            name: "KVBenchCommand", dependencies: ["KVBenchCore", argumentParser],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "KVBenchCoreTests", dependencies: ["KVBenchCore"], swiftSettings: swiftSettings),
    ]
)
