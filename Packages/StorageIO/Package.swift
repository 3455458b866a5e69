// swift-tools-version: 6.2
import PackageDescription

let swiftSettings: [SwiftSetting] = [
    .swiftLanguageMode(.v6), .strictMemorySafety(), .treatAllWarnings(as: .error),
]

let package = Package(
    name: "StorageIO",
    platforms: [.macOS(.v15), .iOS(.v18), .tvOS(.v18), .watchOS(.v11), .visionOS(.v2)],
    products: [
        .library(name: "StorageIO", targets: ["StorageIO"]),
        .library(name: "StorageIOTesting", targets: ["StorageIOTesting"]),
    ],
    targets: [
        .target(name: "CStorageIO", cSettings: [.treatAllWarnings(as: .error)]),
        .target(name: "StorageIO", dependencies: ["CStorageIO"], swiftSettings: swiftSettings),
        .target(
            name: "StorageIOTesting", dependencies: ["StorageIO"], swiftSettings: swiftSettings),
    ]
)
