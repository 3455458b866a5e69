// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [.strictMemorySafety(), .swiftLanguageMode(.v6)]

let package = Package(
    name: "BTree",
    platforms: [.macOS(.v15), .iOS(.v18)],
    products: [.library(name: "BTree", targets: ["BTree"])],
    dependencies: [.package(path: "../StorageIO"), .package(path: "../PageStore")],
    targets: [
        .target(
            name: "BTree",
            dependencies: [
                .product(name: "StorageIO", package: "StorageIO"),
                .product(name: "PageStore", package: "PageStore"),
            ],
            swiftSettings: strict)
    ]
)
