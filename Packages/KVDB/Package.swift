// swift-tools-version: 6.2
import PackageDescription

let swiftSettings: [SwiftSetting] = [
    .swiftLanguageMode(.v6), .strictMemorySafety(), .treatAllWarnings(as: .error),
    // To lend spans from cursors. Clients need no flag for it.
    .enableExperimentalFeature("Lifetimes"),
]

let package = Package(
    name: "KVDB",
    platforms: [.macOS(.v15), .iOS(.v18), .tvOS(.v18), .watchOS(.v11), .visionOS(.v2)],
    products: [
        .library(name: "KVDB", targets: ["KVDB"]),
        .library(name: "KVDBFoundation", targets: ["KVDBFoundation"]),
    ],
    dependencies: [
        .package(path: "../StorageIO"),
        .package(path: "../PageStore"),
        .package(path: "../WAL"),
        .package(path: "../BTree"),
    ],
    targets: [
        .target(
            name: "KVDB",
            dependencies: [
                .product(name: "StorageIO", package: "StorageIO"),
                .product(name: "PageStore", package: "PageStore"),
                .product(name: "WAL", package: "WAL"),
                .product(name: "BTree", package: "BTree"),
            ],
            swiftSettings: swiftSettings),
        .target(
            name: "KVDBFoundation",
            dependencies: ["KVDB", .product(name: "StorageIO", package: "StorageIO")],
            swiftSettings: swiftSettings),
    ]
)
