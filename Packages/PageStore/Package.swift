// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [.strictMemorySafety(), .swiftLanguageMode(.v6)]

let package = Package(
    name: "PageStore",
    platforms: [.macOS(.v15), .iOS(.v18)],
    products: [.library(name: "PageStore", targets: ["PageStore"])],
    dependencies: [.package(path: "../StorageIO")],
    targets: [
        .target(
            name: "PageStore", dependencies: [.product(name: "StorageIO", package: "StorageIO")],
            swiftSettings: strict)
    ]
)
