@_spi(Engine) import DatabaseTesting
@_spi(Engine) import KVDB
import StorageIO
import StorageIOTesting
import Testing

// Streams made and read for the tests.
extension ExportTests {
    func encode(
        _ tables: [([UInt8], [Entry])], _ format: ExportFormat
    ) throws(StorageError) -> [UInt8] {
        var bytes: [UInt8] = []
        let writer = ExportWriter(format: format) { view throws(StorageError) in
            withByteView(of: view) { bytes += $0.array }
        }
        for (name, entries) in tables {
            try table(writer, name)
            for entry in entries { try append(writer, entry.key, entry.value) }
        }
        try writer.finish()
        return bytes
    }

    func append(
        _ writer: ExportWriter, _ key: [UInt8], _ value: [UInt8]
    ) throws(StorageError) {
        try withByteView(of: key) { key throws(StorageError) in
            try withByteView(of: value) { value throws(StorageError) in
                try writer.append(key: key, value: value)
            }
        }
    }

    func table(_ writer: ExportWriter, _ name: [UInt8]) throws(StorageError) {
        try withByteView(of: name) { name throws(StorageError) in try writer.beginTable(name) }
    }

    @discardableResult
    func decode(_ bytes: [UInt8], pieces: Int = 65_536) throws(StorageError) -> [ExportEvent] {
        var position = 0
        let reader = ExportReader { buffer throws(StorageError) in
            let count = min(pieces, buffer.count, bytes.count - position)
            buffer.replaceSubrange(0..<count, with: bytes[position..<(position + count)])
            position += count
            return count
        }
        var events: [ExportEvent] = []
        while true {
            let event = try reader.next()
            events.append(event)
            if case .end = event { return events }
        }
    }

    func refusalError(of bytes: [UInt8]) -> StorageError? {
        do throws(StorageError) {
            try decode(bytes)
            return nil
        } catch {
            return error
        }
    }

    func refusal(of bytes: [UInt8]) -> StorageError.Code? { refusalError(of: bytes)?.code }

    func throwsCode(_ body: () throws(StorageError) -> Void) -> StorageError.Code? {
        do throws(StorageError) {
            try body()
            return nil
        } catch {
            return error.code
        }
    }

    /// Streams with right checksums around whatever blocks, built from the page in `Docs/`.
    enum Sealed {
        typealias Block = (kind: UInt32, payload: [UInt8])

        static func stream(
            _ blocks: [Block], flags: UInt32 = 0, guardWord: UInt32 = 0xFFFF_FFFF
        ) -> [UInt8] {
            var covered =
                Array("TKDB_EXP".utf8) + [2, 0, 0, 0] + littleEndian(guardWord)
                + littleEndian(flags)
            var bytes = covered + checksum(covered)
            for block in blocks {
                let body =
                    littleEndian(block.kind) + littleEndian(UInt32(block.payload.count))
                    + block.payload
                covered += body
                bytes += body + checksum(covered)
            }
            return bytes
        }

        /// The checksum of everything so far but the checksums.
        static func checksum(_ bytes: [UInt8]) -> [UInt8] {
            littleEndian(withByteView(of: bytes) { CRC32C.portableChecksum($0) })
        }
    }
}
