@_spi(Engine) import DatabaseTesting
@_spi(Engine) import KVDB
import PageStore
import StorageIO
import WAL

/// A database in memory, file by file.
typealias FuzzDatabase = DatabaseEngine<
    FilePageStore<InMemoryFile>, WriteAheadLog<InMemoryFileSystem>
>

/// Files in memory, written and read whole.
struct FuzzFiles {
    let system = InMemoryFileSystem()

    func write(_ bytes: [UInt8], to path: String) throws(StorageError) {
        let file = try system.open(path, .create)
        defer { file.close() }
        try withByteView(of: bytes) { view throws(StorageError) in
            try unsafe file.write(view.buffer, at: 0)
        }
    }

    func read(_ path: String) throws(StorageError) -> [UInt8] {
        let file = try system.open(path, .readOnly)
        defer { file.close() }
        var bytes = [UInt8](repeating: 0, count: Int(try file.size()))
        _ = try unsafe bytes.withUnsafeMutableBufferPointer { buffer throws(StorageError) in
            try unsafe file.read(into: UnsafeMutableRawBufferPointer(buffer), at: 0)
        }
        return bytes
    }

    static var options: DatabaseOptions {
        var options = DatabaseOptions()
        options.checkpointPolicy = .manual
        options.cacheBudget = 64 << 10
        options.dirtyBudget = 64 << 10
        options.logSegmentSize = 4096
        options.sizeLimit = 16 << 20
        return options
    }

    /// A killed database of a few pages.
    static func database(entries: Int, valueLength: Int) throws -> FuzzFiles {
        let files = FuzzFiles()
        let database = try FuzzDatabase.open("a.db", files: files.system, options: options)
        for round in 0..<3 {
            try database.write { transaction in
                for number in round..<max(round, entries) {
                    try transaction.put(
                        "key \(number % 10) \(number)",
                        [UInt8](repeating: UInt8(number & 255), count: valueLength + number))
                }
                try transaction.put("k", "v", table: "table")
                if entries > 2 { try transaction.delete("key 1 1") }
            }
            if round == 1 { try database.checkpoint() }
        }
        // As a kill leaves them: the handle is closed only after the copy.
        let copy = FuzzFiles()
        try copy.write(try files.read("a.db"), to: "a.db")
        try copy.write(try files.read("a.db-wal"), to: "a.db-wal")
        return copy
    }

    /// Verifies the files without opening them, and salvages them.
    func salvage() {
        _ = try? FuzzDatabase.verifyFile("a.db", files: system)
        var options = SalvageOptions()
        options.cacheBudget = FuzzFiles.options.cacheBudget
        options.sizeLimit = FuzzFiles.options.sizeLimit
        _ = try? FuzzDatabase.salvage(from: "a.db", to: "b.db", files: system, options: options)
    }

    /// Uses the database in every way.
    func use() {
        for readOnly in [true, false] {
            var options = FuzzFiles.options
            if readOnly { options.access = .readOnly }
            guard let database = try? FuzzDatabase.open("a.db", files: system, options: options)
            else { continue }
            _ = try? database.verify()
            try? database.forEach { _, _ in true }
            try? database.forEach(reverse: true) { _, _ in true }
            _ = try? database.get("key 3 3")
            _ = try? database.composition()
            if !readOnly {
                try? database.put("key 5", [UInt8](repeating: 1, count: 1500))
                _ = try? database.delete("key 3 3")
                try? database.checkpoint()
                _ = try? database.compact()
                _ = try? database.deleteRange(.from("key 4"))
            }
            try? database.close()
        }
    }
}

/// Sets the checksums of all pages.
func sealPages(_ data: inout [UInt8]) {
    for page in 0..<data.count / PageFormat.size { PageFormat.seal(page, in: &data) }
}
