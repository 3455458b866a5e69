// swift-tools-version: 6.2
//
// What a server takes on top: events for swift-log, figures for swift-metrics. A package of its own, so that nobody who takes
// the database fetches these two.

import PackageDescription

let swiftSettings: [SwiftSetting] = [
    .swiftLanguageMode(.v6), .strictMemorySafety(), .treatAllWarnings(as: .error),
]

let database = Target.Dependency.product(name: "KVDB", package: "KVDB")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let metrics = Target.Dependency.product(name: "Metrics", package: "swift-metrics")
let testing = Target.Dependency.product(name: "StorageIOTesting", package: "KVDB")

let package = Package(
    name: "KVDBServer",
    platforms: [.macOS(.v15), .iOS(.v18), .tvOS(.v18), .watchOS(.v11), .visionOS(.v2)],
    products: [
        .library(name: "KVDBLogging", targets: ["KVDBLogging"]),
        .library(name: "KVDBMetrics", targets: ["KVDBMetrics"]),
    ],
    dependencies: [
        .package(name: "KVDB", path: "../.."),
        .package(url: "https://github.com/apple/swift-log", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.5.0"),
    ],
    targets: [
        .target(
            name: "KVDBLogging", dependencies: [database, logging], swiftSettings: swiftSettings),
        .target(
            name: "KVDBMetrics", dependencies: [database, metrics], swiftSettings: swiftSettings),
        .testTarget(
            name: "KVDBLoggingTests", dependencies: ["KVDBLogging", database, logging, testing],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "KVDBMetricsTests",
            dependencies: [
                "KVDBMetrics", database, metrics, testing,
                .product(name: "MetricsTestKit", package: "swift-metrics"),
            ],
            swiftSettings: swiftSettings),
    ]
)
