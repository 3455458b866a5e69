import StorageIO

/// Bytes as the pages in `Docs/` describe them, read without the engine's help. A read that leads out
/// of them gives 0: whoever checks finds that wrong soon enough.
struct LittleEndianBytes {
    let bytes: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) { self.bytes = bytes }

    var count: Int { bytes.count }

    func number(_ offset: Int, _ byteCount: Int) -> UInt64 {
        guard offset >= 0, offset + byteCount <= bytes.count else { return 0 }
        var result: UInt64 = 0
        for index in (0..<byteCount).reversed() {
            result = result << 8 | UInt64(bytes[bytes.startIndex + offset + index])
        }
        return result
    }

    func integer(_ offset: Int, _ byteCount: Int) -> Int {
        Int(clamping: number(offset, byteCount))
    }

    /// The part from `offset` on, as far as there is one.
    func part(_ offset: Int, _ byteCount: Int) -> LittleEndianBytes {
        let start = min(max(offset, 0), bytes.count)
        let end = min(max(offset + byteCount, start), bytes.count)
        return LittleEndianBytes(bytes[bytes.startIndex + start..<bytes.startIndex + end])
    }

    /// The CRC-32C of the bytes in `range`; nil where it leads out of them.
    func checksum(_ range: Range<Int>, seed: UInt32 = 0) -> UInt32? {
        guard range.lowerBound >= 0, range.upperBound <= bytes.count else { return nil }
        return unsafe bytes.withUnsafeBytes {
            unsafe CRC32C.checksum(
                ByteView(UnsafeRawBufferPointer(rebasing: $0[range])), seed: seed)
        }
    }

    func isZero() -> Bool { bytes.allSatisfy { $0 == 0 } }
}
