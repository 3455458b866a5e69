// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [.strictMemorySafety(), .swiftLanguageMode(.v6)]

let package = Package(
    name: "StorageIO",
    platforms: [.macOS(.v15), .iOS(.v18)],
    products: [
        .library(name: "StorageIO", targets: ["StorageIO"]),
        .library(name: "StorageIOTesting", targets: ["StorageIOTesting"]),
    ],
    targets: [
        .target(name: "CStorageIO"),
        .target(name: "StorageIO", dependencies: ["CStorageIO"], swiftSettings: strict),
        .target(name: "StorageIOTesting", dependencies: ["StorageIO"], swiftSettings: strict),
    ]
)
