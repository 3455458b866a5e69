@_spi(Engine) import DatabaseTesting
import BTree
import PageStore
import StorageIO
import StorageIOTesting
import Testing
import WAL

@_spi(Engine) @testable import KVDB

/// Files of a database that a test changes by hand, and what is asked of them then.
protocol ForgedFiles {
    var files: CrashingFileSystem { get }
}

extension ForgedFiles {
    var options: DatabaseOptions {
        var options = DatabaseOptions.manual
        options.logSegmentSize = 4096
        return options
    }

    // MARK: Files by hand

    func bytes(_ path: String) throws -> [UInt8] {
        let file = try files.open(path, .readOnly)
        defer { file.close() }
        return try file.readAll()
    }

    func write(_ bytes: [UInt8], _ path: String = "test.db") throws {
        let file = try files.open(path, .create)
        defer { file.close() }
        try file.truncate(to: 0)
        try file.writeBytes(bytes)
    }

    func number(_ bytes: [UInt8], _ offset: Int, _ size: Int) -> UInt64 {
        (0..<size).reduce(0) { $0 | UInt64(bytes[offset + $1]) << UInt64(8 * $1) }
    }

    func put(_ value: UInt64, _ size: Int, at offset: Int, in bytes: inout [UInt8]) {
        for index in 0..<size {
            bytes[offset + index] = UInt8(truncatingIfNeeded: value >> UInt64(8 * index))
        }
    }

    func seal(_ page: Int, in bytes: inout [UInt8]) {
        let start = page * PageLayout.pageSize
        let covered = Array(bytes[start + 4..<start + PageLayout.pageSize])
        put(UInt64(withByteView(of: covered) { CRC32C.checksum($0) }), 4, at: start, in: &bytes)
    }

    func newestSlot(_ bytes: [UInt8]) -> Int {
        number(bytes, 72, 8) > number(bytes, PageLayout.pageSize + 72, 8) ? 0 : 1
    }

    func copy(_ pages: [Int], of source: [UInt8], to bytes: inout [UInt8]) {
        for page in pages {
            let range = page * PageLayout.pageSize..<(page + 1) * PageLayout.pageSize
            bytes.replaceSubrange(range, with: source[range])
        }
    }

    // MARK: What is asked

    func content(_ path: String) throws -> [[UInt8]: [UInt8]] {
        let database = try SimulatedDatabase.open(path, files: files, options: options)
        defer { try? database.close() }
        var content: [[UInt8]: [UInt8]] = [:]
        let snapshot = try database.snapshot()
        for table in [""] + (try snapshot.tableNames()) {
            try snapshot.forEach(table: table) { key, value throws(StorageError) in
                content[Array(table.utf8) + [0] + key.array] = value.array
                return true
            }
        }
        return content
    }

    func salvage(includesUncertain: Bool = true) throws -> SalvageReport {
        var options = SalvageOptions()
        options.sizeLimit = 64 << 20
        options.includesUncertain = includesUncertain
        return try SimulatedDatabase.salvage(
            from: "test.db", to: "out.db", files: files, options: options)
    }

    func verify() throws -> VerificationReport {
        try SimulatedDatabase.verifyFile("test.db", files: files)
    }

    func opens(readOnly: Bool = true) -> StorageError? {
        var options = options
        if readOnly { options.access = .readOnly }
        do {
            let database = try SimulatedDatabase.open("test.db", files: files, options: options)
            try database.close()
            return nil
        } catch {
            return error
        }
    }

    /// Rounds of changes, a checkpoint after each, then a close.
    ///
    /// - Returns: the data file after each checkpoint, and last after the close.
    func build(rounds: Int, table: String = "") throws -> [[UInt8]] {
        let database = try SimulatedDatabase.open("test.db", files: files, options: options)
        var images: [[UInt8]] = []
        for round in 0..<rounds {
            try database.write { transaction in
                for number in stride(from: round, to: 3000, by: 1 + 3 * round) {
                    try transaction.put(numberKey(number), "value \(number) of \(round)")
                    if !table.isEmpty, number % 2 == 0 {
                        try transaction.put(numberKey(number), "\(round)", table: table)
                    }
                }
                for number in 0..<400 * round {
                    try transaction.put("more/\(round)/\(number)", "\(number)")
                }
                if round > 0 {
                    let from = 300 * round
                    try transaction.deleteRange(
                        KeyRange(from: numberKey(from), upTo: numberKey(from + 150)))
                }
            }
            try database.checkpoint()
            images.append(try bytes("test.db"))
        }
        try database.close()
        images.append(try bytes("test.db"))
        return images
    }
}
