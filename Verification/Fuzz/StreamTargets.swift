@_spi(Engine) import DatabaseTesting
@_spi(Engine) import KVDB
import KVTools
import StorageIO
import WAL

/// Segments and frames: the input is the log file, its checksums set or as they are.
struct LogTarget: FuzzTarget {
    func run(_ input: [UInt8]) {
        guard var bytes = Optional(input), !input.isEmpty else { return }
        if bytes.removeFirst() & 1 == 0 { LogFormat.seal(&bytes, segmentSize: 4096) }
        let files = FuzzFiles()
        guard (try? files.write(bytes, to: "a.db-wal")) != nil,
            let reader = try? LogReader(files: files.system, path: "a.db-wal")
        else { return }
        _ = try? reader.forEachFrame { _ in }
        _ = try? reader.forEachRecord { _ in }
        guard let identity = reader.identity else { return }
        let log = try? WriteAheadLog.open(
            files: files.system, path: "a.db-wal", identity: identity, from: reader.oldestPosition,
            replay: { _ in })
        try? log?.close(removing: false)
    }

    func seeds() throws -> [[UInt8]] {
        try [(3, 20), (40, 60), (5, 2000)].map { entries, valueLength in
            let files = try FuzzFiles.database(entries: entries, valueLength: valueLength)
            return [0] + (try files.read("a.db-wal"))
        }
    }
}

/// The operations of a log record: the input is a record's payload, replayed into a database.
struct RecordTarget: FuzzTarget {
    func run(_ input: [UInt8]) {
        let files = FuzzFiles()
        try? replay(input, files)
        files.use()
    }

    private func replay(_ input: [UInt8], _ files: FuzzFiles) throws {
        let database = try FuzzDatabase.open(
            "a.db", files: files.system, options: FuzzFiles.options)
        try database.put("key 3 3", "x")
        let data = try files.read("a.db")
        let identity = LogIdentity(high: data.u64(56), low: data.u64(64))
        let copy = try files.read("a.db-wal")
        try database.close()
        try files.write(data, to: "a.db")
        try files.write(copy, to: "a.db-wal")
        let log = try WriteAheadLog.open(
            files: files.system, path: "a.db-wal", identity: identity, replay: { _ in })
        _ = try withByteView(of: input) { view throws(StorageError) in
            try log.append(view, transaction: 2)
        }
        try log.close(removing: false)
    }

    func seeds() throws -> [[UInt8]] {
        // The example of Docs/RecordFormat.md.
        [
            [1, 5, 0, 3, 0, 0, 0] + Array("applered".utf8) + [2, 4, 0] + Array("pear".utf8)
                + [4, 5, 0] + Array("stock".utf8) + [1, 5, 0, 0, 0, 0, 0] + Array("apple".utf8)
                + [3, 1, 1, 0] + Array("b".utf8) + [5, 3, 0] + Array("old".utf8)
                + [1, 0, 0, 1, 0, 0, 0] + Array("!".utf8)
        ]
    }
}

/// Exports of both versions; of version 2 the checksums are set.
struct ExportTarget: FuzzTarget {
    func run(_ input: [UInt8]) {
        for bytes in [input, sealed(input)] {
            let reader = ExportReader(bytes: bytes)
            while let event = try? reader.next() { if case .end = event { break } }
        }
        guard let database = try? InMemoryDatabase.openInMemory() else { return }
        _ = try? database.importEntries(
            replacing: true, from: ExportReader(bytes: sealed(input)))
    }

    private func sealed(_ input: [UInt8]) -> [UInt8] {
        var bytes = input
        guard bytes.count >= 24, bytes.u32(8) == 2 else { return bytes }
        var checksum = bytes.checksum(0..<20)
        bytes.put(checksum, at: 20)
        var offset = 24
        while offset + 12 <= bytes.count, bytes.u32(offset + 4) <= 65_536 {
            let end = offset + 8 + bytes.u32(offset + 4)
            checksum = bytes.checksum(offset..<end, seed: checksum)
            bytes.put(checksum, at: end)
            offset = end + 4
        }
        return bytes
    }

    func seeds() throws -> [[UInt8]] {
        let database = try InMemoryDatabase.openInMemory()
        try database.write { transaction in
            for number in 0..<5 { try transaction.put("key \(number)", "value") }
        }
        var seeds: [[UInt8]] = []
        for format in [ExportFormat.version1, .version2] {
            if format == .version2 {
                try database.write { try $0.put("a", "b", table: "table") }
            }
            var bytes: [UInt8] = []
            try database.export(format: format) { block in
                withByteView(of: block) { bytes += $0.array }
            }
            seeds.append(bytes)
        }
        return seeds
    }
}

/// LZ4 frames: the input is the packed stream. (liblz4 itself is not built with the sanitizer; what
/// it writes beyond a buffer of ours is caught all the same.)
struct LZ4Target: FuzzTarget {
    func run(_ input: [UInt8]) {
        guard let decoder = try? LZ4FrameDecoder(MemoryInput(input)) else { return }
        var buffer = [UInt8](repeating: 0, count: 4096)
        var rounds = 0
        while rounds < 4096, let count = try? decoder.read(into: &buffer), count > 0 { rounds += 1 }
    }

    func seeds() throws -> [[UInt8]] {
        // "hello" stored, with a content checksum, and a skippable frame.
        [
            [0x04, 0x22, 0x4D, 0x18, 0x40, 0x40, 0xC0, 5, 0, 0, 0x80] + Array("hello".utf8)
                + [0, 0, 0, 0],
            [0x50, 0x2A, 0x4D, 0x18, 3, 0, 0, 0, 1, 2, 3],
        ]
    }
}
