// swift-tools-version: 6.2
import PackageDescription

let swiftSettings: [SwiftSetting] = [
    .swiftLanguageMode(.v6), .strictMemorySafety(), .treatAllWarnings(as: .error),
]

let package = Package(
    name: "BTree",
    platforms: [.macOS(.v15), .iOS(.v18), .tvOS(.v18), .watchOS(.v11), .visionOS(.v2)],
    products: [.library(name: "BTree", targets: ["BTree"])],
    dependencies: [
        .package(path: "../StorageIO"),
        .package(path: "../PageStore"),
    ],
    targets: [
        .target(
            name: "BTree",
            dependencies: [
                .product(name: "StorageIO", package: "StorageIO"),
                .product(name: "PageStore", package: "PageStore"),
            ],
            swiftSettings: swiftSettings)
    ]
)
