// swift-tools-version: 6.2
import PackageDescription

let swiftSettings: [SwiftSetting] = [
    .strictMemorySafety(), .swiftLanguageMode(.v6), .treatAllWarnings(as: .error),
]

let package = Package(
    name: "KVTools",
    platforms: [.macOS(.v15), .iOS(.v18), .tvOS(.v18), .watchOS(.v11), .visionOS(.v2)],
    products: [
        .library(name: "KVTools", targets: ["KVTools"]),
        .executable(name: "kvtools", targets: ["KVToolsCommand"]),
    ],
    dependencies: [
        .package(path: "../KVDB"),
        .package(path: "../StorageIO"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    ],
    targets: [
        .systemLibrary(
            name: "CLZ4", pkgConfig: "liblz4",
            providers: [.apt(["liblz4-dev"]), .brew(["lz4"])]),
        .target(
            name: "KVTools",
            dependencies: [
                "CLZ4",
                .product(name: "KVDB", package: "KVDB"),
                .product(name: "StorageIO", package: "StorageIO"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: swiftSettings),
        .executableTarget(
            name: "KVToolsCommand", dependencies: ["KVTools"], swiftSettings: swiftSettings),
    ]
)
