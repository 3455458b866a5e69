import Foundation
import StorageIO
import Testing

@testable import WAL

/// CRC-32C bit by bit, so that the tests do not check the checksum with itself.
func portableChecksum(_ bytes: some Sequence<UInt8>) -> UInt32 {
    var crc: UInt32 = ~0
    for byte in bytes {
        crc ^= UInt32(byte)
        for _ in 0..<8 { crc = crc & 1 != 0 ? crc >> 1 ^ 0x82F6_3B78 : crc >> 1 }
    }
    return ~crc
}

/// `Docs/LogFormat.md` against the code, in both directions.
@Suite struct LogFormatTests {
    /// The bytes of the worked example, as the page prints them.
    private static func documentedBytes() throws -> [UInt8] {
        let page = URL(fileURLWithPath: #filePath)
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Docs/LogFormat.md")
        var bytes: [UInt8] = []
        for line in try String(contentsOf: page, encoding: .utf8).split(separator: "\n") {
            // Lines like `0040  xx xx … xx  |text|`.
            let fields = line.split(separator: "|")[0].split(separator: " ")
            guard let offset = fields.first, offset.count == 4,
                Int(offset, radix: 16) == bytes.count
            else { continue }
            bytes += fields.dropFirst().compactMap { UInt8($0, radix: 16) }
        }
        return bytes
    }

    /// The example by hand, from the tables of the page.
    private static func handmadeBytes() -> [UInt8] {
        func little(_ value: UInt64, _ count: Int) -> [UInt8] {
            (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * UInt64($0))) }
        }
        var header = [UInt8]("KVDB-WAL".utf8)
        header += little(1, 4) + little(4096, 4) + (0...15).map { UInt8($0) }
        header += little(1, 8) + little(0, 8) + little(0, 8) + little(0x5A17_C0DE, 4)
        header += little(UInt64(portableChecksum(header)), 4)

        func frame(_ text: String, transaction: UInt64, synced: UInt64, at position: UInt64)
            -> [UInt8]
        {
            var body = little(UInt64(text.utf8.count), 4) + little(transaction, 8)
            body += little(synced, 8) + little(0x5A17_C0DE, 4) + little(3, 4) + [UInt8](text.utf8)
            while (body.count + 4) % 8 != 0 { body.append(0) }
            return little(UInt64(portableChecksum(little(position, 8) + body)), 4) + body
        }
        return header + frame("hello", transaction: 7, synced: 0, at: 4160)
            + frame("wal", transaction: 8, synced: 4200, at: 4200)
    }

    @Test func theExampleOnThePageFollowsItsTables() throws {
        #expect(try Self.documentedBytes() == Self.handmadeBytes())
    }

    @Test func theExampleIsRead() throws {
        let (log, entries) = try openLog(memory(with: Self.documentedBytes()))
        #expect(entries.map(\.transaction) == [7, 8])
        #expect(entries.map { String(decoding: $0.payload, as: UTF8.self) } == ["hello", "wal"])
        #expect(log.end == 4240)
    }

    @Test func theExampleIsWritten() throws {
        let buffer = LogBuffer()
        SegmentHeader(
            segmentSize: 4096, identity: testIdentity, sequence: 1, previousEnd: 0,
            syncedThrough: 0, salt: 0x5A17_C0DE
        ).encode(to: buffer)
        for (text, transaction, synced) in [("hello", 7, 0), ("wal", 8, 4200)] {
            let bytes = [UInt8](text.utf8)
            let header = FrameHeader(
                length: bytes.count, transaction: UInt64(transaction),
                syncedThrough: UInt64(synced), salt: 0x5A17_C0DE, flags: 3)
            let position = 4096 + UInt64(buffer.count)
            unsafe bytes.withUnsafeBytes {
                header.encode(payload: unsafe ByteView($0), at: position, to: buffer)
            }
        }
        #expect(try buffer.view().array == Self.documentedBytes())
    }

    @Test func aLogOnDiskHasTheDocumentedFields() throws {
        let files = InMemoryFileSystem()
        let log = try openLog(files).log
        #expect(try log.commit(Entry(7, size: 5)) == 4200)
        #expect(try log.commit(Entry(8, size: 3)) == 4240)
        var bytes = try contents(files)
        var expected = Self.handmadeBytes()
        // Salt and content differ, so do the checksums; everything else is the same.
        for start in [56, 64, 64 + 24, 96, 104, 104 + 24, 136] {
            for index in start..<start + 8 where index < expected.count {
                let isFlags = index - start >= 4 && (start == 88 || start == 128)
                let isLength = index - start >= 4 && (start == 64 || start == 104)
                if !isFlags && !isLength { (bytes[index], expected[index]) = (0, 0) }
            }
        }
        #expect(Array(bytes[..<expected.count]) == expected)
        #expect(bytes[expected.count...].allSatisfy { $0 == 0 })
    }

    @Test func nothingButZerosIsNoFrame() throws {
        let zeros = [UInt8](repeating: 0, count: 64)
        unsafe zeros.withUnsafeBytes {
            let view = unsafe ByteView($0)
            #expect(FrameHeader(view, at: 4160) == nil)
        }
    }
}
