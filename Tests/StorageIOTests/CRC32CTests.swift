import StorageIO
import StorageIOTesting
import Testing

@Suite struct CRC32CTests {
    private static func both(_ bytes: [UInt8], seed: UInt32 = 0) -> (UInt32, UInt32) {
        unsafe bytes.withUnsafeBytes { buffer in
            let view = unsafe ByteView(buffer)
            return (
                CRC32C.checksum(view, seed: seed), CRC32C.portableChecksum(view, seed: seed)
            )
        }
    }

    /// RFC 3720, appendix B.4, and the check value of the catalogues of CRCs.
    private static let vectors: [(bytes: [UInt8], checksum: UInt32)] = [
        ([UInt8](repeating: 0, count: 32), 0x8A91_36AA),
        ([UInt8](repeating: 0xFF, count: 32), 0x62A8_AB43),
        ([UInt8](0..<32), 0x46DD_794E),
        ([UInt8]((0..<32).reversed()), 0x113F_DB5C),
        ([UInt8]("123456789".utf8), 0xE306_9283),
        ([], 0),
    ]

    @Test(arguments: vectors.indices)
    func publishedVectors(_ index: Int) {
        let (bytes, expected) = Self.vectors[index]
        #expect(Self.both(bytes) == (expected, expected))
    }

    @Test func theInstructionAndTheTablesAgree() {
        let seed: UInt64 = 1
        var random = SeededRandom(seed: seed)
        let bytes = random.bytes(20_000)
        unsafe bytes.withUnsafeBytes { buffer in
            let view = unsafe ByteView(buffer)
            let long = [1_000, 4_080, 4_091, 4_092, 4_096, 4_104, 8_160, 8_192, 12_345, 19_990]
            for length in Array(0...600) + long {
                for start in [0, 1, 3, 4, 7, 8] {
                    let part = view.dropFirst(start).prefix(length)
                    let initial = UInt32(truncatingIfNeeded: random.next())
                    #expect(
                        CRC32C.checksum(part, seed: initial)
                            == CRC32C.portableChecksum(part, seed: initial),
                        "\(length) bytes from \(start), seed \(seed)")
                }
            }
        }
    }

    @Test func aChecksumGoesOnWhereItStopped() {
        var random = SeededRandom(seed: 2)
        let bytes = random.bytes(5_000)
        let whole = Self.both(bytes).0
        for cut in [0, 1, 95, 96, 97, 4_080, 4_999, 5_000] {
            let first = Self.both(Array(bytes[..<cut])).0
            #expect(Self.both(Array(bytes[cut...]), seed: first) == (whole, whole))
        }
    }

    /// Any single flipped bit of a page changes its checksum.
    @Test func everyFlippedBitIsSeen() {
        var random = SeededRandom(seed: 3)
        var bytes = random.bytes(4_092)
        let whole = Self.both(bytes).0
        for position in 0..<bytes.count {
            let bit: UInt8 = 1 << UInt8(position % 8)
            bytes[position] ^= bit
            #expect(Self.both(bytes).0 != whole, "byte \(position)")
            bytes[position] ^= bit
        }
    }
}
