// swift-tools-version: 6.2
import PackageDescription

let swiftSettings: [SwiftSetting] = [
    .swiftLanguageMode(.v6), .strictMemorySafety(), .treatAllWarnings(as: .error),
]

let package = Package(
    name: "WAL",
    platforms: [.macOS(.v15), .iOS(.v18), .tvOS(.v18), .watchOS(.v11), .visionOS(.v2)],
    products: [.library(name: "WAL", targets: ["WAL"])],
    dependencies: [
        .package(path: "../StorageIO")
    ],
    targets: [
        .target(
            name: "WAL",
            dependencies: [
                .product(name: "StorageIO", package: "StorageIO")
            ],
            swiftSettings: swiftSettings)
    ]
)
