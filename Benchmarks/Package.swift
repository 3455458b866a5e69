// swift-tools-version: 6.2
//
// How fast the database is, measured beside its peers. A package of its own, so that no user of KVDB ever
// needs the peers' libraries or the packages that this one depends on.

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
        .package(name: "KVDB", path: ".."),
        .package(name: "KVTools", path: "../Packages/KVTools"),
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
                .product(name: "KVTools", package: "KVTools"),
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
