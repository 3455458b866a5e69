// swift-tools-version: 6.2

import PackageDescription

let package = Package(
    name: "Cache",
    platforms: [.macOS(.v15)],
    // By its address instead of a path, in a program of your own: see the README.
    dependencies: [.package(name: "KVDB", path: "../..")],
    targets: [
        .executableTarget(
            name: "Cache",
            dependencies: [
                .product(name: "KVDB", package: "KVDB")
            ],
            path: "Sources")
    ]
)
