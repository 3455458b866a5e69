@_spi(Engine) import DatabaseTesting
@_spi(Engine) import KVDB
import StorageIO
import StorageIOTesting
import Testing

/// Long values go through export, import and compaction in portions.
@Suite struct LongValueExportTests {
    private static let lengths = [0, 40, 5000, 262_144, 262_145, 300_000, 900_001]

    private func filled(named: Bool) throws -> SimulatedDatabase {
        let database = try SimulatedDatabase.open(on: CrashingFileSystem())
        var random = SeededRandom(seed: 8)
        try database.write { transaction in
            for (number, length) in Self.lengths.enumerated() {
                try transaction.put(numberKey(number), random.bytes(length))
                guard named else { continue }
                try transaction.put(numberKey(number), random.bytes(length), table: "other")
            }
        }
        return database
    }

    private func export(
        _ database: SimulatedDatabase, _ format: ExportFormat
    ) throws -> [UInt8] {
        let stream = Stream()
        _ = try database.export(format: format) { bytes throws(StorageError) in
            stream.bytes += withByteView(of: bytes) { $0.array }
        }
        return stream.bytes
    }

    private final class Stream { var bytes: [UInt8] = [] }

    /// The bytes that a writer makes of whole values.
    private func whole(_ database: SimulatedDatabase, _ format: ExportFormat) throws -> [UInt8] {
        let stream = Stream()
        let writer = ExportWriter(format: format) { bytes throws(StorageError) in
            stream.bytes += withByteView(of: bytes) { $0.array }
        }
        let snapshot = try database.snapshot()
        let body = { (key: ByteView, value: ByteView) throws(StorageError) -> Bool in
            try writer.append(key: key, value: value)
            return true
        }
        try writer.beginTable([UInt8]())
        try snapshot.forEach(body)
        if format == .version2 {
            try writer.beginTable("other")
            try snapshot.forEach(table: "other", body)
        }
        try writer.finish()
        return stream.bytes
    }

    @Test(arguments: ExportFormat.allCases) func theBytesAreThoseOfWholeValues(
        format: ExportFormat
    ) throws {
        let database = try filled(named: format == .version2)
        let bytes = try export(database, format)
        let isSame = try bytes == whole(database, format)
        #expect(isSame)
        let copy = try SimulatedDatabase.open(on: CrashingFileSystem())
        try copy.write { transaction in
            // In the way of the bulk load, and replaced.
            try transaction.put(numberKey(3), count: 300_000) { write throws(StorageError) in
                try withByteView(of: [UInt8](repeating: 1, count: 300_000)) {
                    bytes throws(StorageError) in try write(bytes)
                }
            }
        }
        let report = try copy.importEntries(replacing: false, from: ExportReader(bytes: bytes))
        #expect(report.entryCount == UInt64(Self.lengths.count * (format == .version2 ? 2 : 1)))
        let isCopied = try export(copy, format) == bytes
        #expect(isCopied)
        try copy.checkSound()
    }

    @Test(arguments: ExportFormat.allCases) func aCutOrDamagedExportChangesNothing(
        format: ExportFormat
    ) throws {
        let bytes = try export(filled(named: false), format)
        let database = try SimulatedDatabase.open(on: CrashingFileSystem())
        try database.put(numberKey(100), [1])
        var random = SeededRandom(seed: 9)
        let used = try database.statistics().pageCount
        for _ in 0..<12 {
            let end = bytes.count - 1 - random.below(1_000_000)
            let cut = errorCode {
                _ = try database.importEntries(
                    replacing: true, from: ExportReader(bytes: Array(bytes.prefix(end))))
            }
            // Version 1 has no end that could be missing between two entries.
            #expect(cut == .truncated, "\(end)")
            guard format == .version2 else { continue }
            var damaged = bytes
            damaged[end] ^= 4
            let code = errorCode {
                _ = try database.importEntries(
                    replacing: true, from: ExportReader(bytes: damaged))
            }
            #expect(code != nil, "\(end)")
        }
        #expect(try database.snapshot().count == 1)
        try database.compact()
        #expect(try database.statistics().pageCount <= used + 8)
        try database.checkSound()
    }

    @Test func compactionMovesAndPacksThem() throws {
        let files = CrashingFileSystem()
        let database = try SimulatedDatabase.open(on: files)
        var random = SeededRandom(seed: 10)
        for number in 0..<8 { try database.put(numberKey(number), random.bytes(400_000)) }
        for number in 100..<400 { try database.put(numberKey(number), random.bytes(300)) }
        let expected = try export(database, .version2)
        for number in 400..<900 { try database.put(numberKey(number), random.bytes(300)) }
        for number in 400..<900 { try database.delete(numberKey(number)) }
        for number in 0..<8 {
            let value = try database.get(numberKey(number))!
            try database.delete(numberKey(number))
            try database.put(numberKey(number), value)
        }
        let report = try database.compact()
        #expect(report.movedPages > 0 || report.isRepacked)
        let isSame = try export(database, .version2) == expected
        #expect(isSame)
        try database.checkSound()
        #expect(try database.statistics().residentByteCount < 1 << 20)
    }
}
