// swift-tools-version: 6.2
//
// Microbenchmarks of single steps, in instructions as well as in time, so that a regression shows on a
// noisy machine. A package of its own, as the benchmark library takes long to build and nobody who only
// wants `make bench` needs it.

import PackageDescription

let swiftSettings: [SwiftSetting] = [
    .strictMemorySafety(), .swiftLanguageMode(.v6), .treatAllWarnings(as: .error),
]

func layer(_ name: String) -> Target.Dependency { .product(name: name, package: "KVDB") }

let package = Package(
    name: "Microbenchmarks",
    platforms: [.macOS(.v15), .iOS(.v18), .tvOS(.v18), .watchOS(.v11), .visionOS(.v2)],
    dependencies: [
        .package(name: "KVDB", path: "../.."),
        .package(url: "https://github.com/ordo-one/benchmark", from: "1.38.1", traits: []),
    ],
    targets: [
        .target(
            name: "Operations",
            dependencies: ["StorageIO", "PageStore", "WAL", "BTree", "KVDB"].map(layer),
            path: "Operations", swiftSettings: swiftSettings),
        .executableTarget(
            name: "Probe", dependencies: ["Operations"], path: "Probe",
            swiftSettings: swiftSettings),
        .executableTarget(
            name: "Engine",
            dependencies: ["Operations", .product(name: "Benchmark", package: "benchmark")],
            path: "Benchmarks/Engine", swiftSettings: swiftSettings,
            plugins: [.plugin(name: "BenchmarkPlugin", package: "benchmark")]),
    ]
)
