// swift-tools-version: 6.2
//
// What durable writes of many tasks cost those beside them: how late a ticker is, syncs, threads.

import PackageDescription

let package = Package(
    name: "Tasks",
    platforms: [.macOS(.v15), .iOS(.v18), .tvOS(.v18), .watchOS(.v11), .visionOS(.v2)],
    dependencies: [.package(name: "KVDB", path: "../..")],
    targets: [
        .executableTarget(
            name: "Tasks", dependencies: [.product(name: "KVDB", package: "KVDB")],
            swiftSettings: [
                .strictMemorySafety(), .swiftLanguageMode(.v6), .treatAllWarnings(as: .error),
            ])
    ]
)
