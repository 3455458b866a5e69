// swift-tools-version: 6.2

import PackageDescription

let package = Package(
    name: "Search",
    platforms: [.macOS(.v15)],
    // By its address instead of a path, in a program of your own: see the README.
    dependencies: [.package(name: "KVDB", path: "../..")],
    targets: [
        .executableTarget(
            name: "Search",
            dependencies: [
                .product(name: "KVDB", package: "KVDB"),
                .product(name: "KVDBFoundation", package: "KVDB"),
            ],
            path: "Sources")
    ]
)
