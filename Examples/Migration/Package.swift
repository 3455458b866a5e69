// swift-tools-version: 6.2

import PackageDescription

let package = Package(
    name: "Migration",
    platforms: [.macOS(.v15)],
    // By its address instead of a path, in a program of your own: see the README.
    dependencies: [.package(name: "KVDB", path: "../..")],
    targets: [
        .systemLibrary(
            name: "CSQLite", path: "Sources/CSQLite", pkgConfig: "sqlite3",
            providers: [.apt(["libsqlite3-dev"]), .brew(["sqlite"])]),
        .systemLibrary(
            name: "CLMDB", path: "Sources/CLMDB", pkgConfig: "lmdb",
            providers: [.apt(["liblmdb-dev"]), .brew(["lmdb"])]),
        .executableTarget(
            name: "Migration",
            dependencies: [
                "CLMDB", "CSQLite",
                .product(name: "KVDB", package: "KVDB"),
                .product(name: "KVDBFoundation", package: "KVDB"),
            ],
            path: "Sources/Migration"),
    ]
)
