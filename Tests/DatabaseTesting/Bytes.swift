import StorageIO

/// Little-endian fields of a file that is being damaged. What lies outside is not read and not
/// written, so that a mutation needs no care.
extension Array where Element == UInt8 {
    package func number<Value: FixedWidthInteger>(at offset: Int, as type: Value.Type) -> Value {
        guard offset >= 0, offset + MemoryLayout<Value>.size <= count else { return 0 }
        var value: Value = 0
        for index in (0..<MemoryLayout<Value>.size).reversed() {
            value = value << 8 | Value(truncatingIfNeeded: self[offset + index])
        }
        return value
    }

    package func u16(_ offset: Int) -> Int { Int(number(at: offset, as: UInt16.self)) }
    package func u32(_ offset: Int) -> Int { Int(number(at: offset, as: UInt32.self)) }
    package func u64(_ offset: Int) -> UInt64 { number(at: offset, as: UInt64.self) }

    package mutating func put<Value: FixedWidthInteger>(_ value: Value, at offset: Int) {
        guard offset >= 0, offset + MemoryLayout<Value>.size <= count else { return }
        for index in 0..<MemoryLayout<Value>.size {
            self[offset + index] = UInt8(truncatingIfNeeded: value >> Value(8 * index))
        }
    }

    /// Writes the low `size` bytes of `value`.
    package mutating func put(_ value: UInt64, at offset: Int, size: Int) {
        guard offset >= 0, offset + size <= count else { return }
        for index in 0..<size {
            self[offset + index] = UInt8(truncatingIfNeeded: value >> UInt64(8 * index))
        }
    }

    /// Writes as much of `bytes` as lies inside.
    package mutating func put(_ bytes: [UInt8], at offset: Int) {
        guard offset >= 0 else { return }
        for (index, byte) in bytes.enumerated() where offset + index < count {
            self[offset + index] = byte
        }
    }

    /// The part of a range that lies inside.
    package func part(_ offset: Int, _ length: Int) -> [UInt8] {
        let start = Swift.min(Swift.max(offset, 0), count)
        let end = Swift.min(Swift.max(start, offset + length), count)
        return [UInt8](self[start..<end])
    }

    package func checksum(_ range: Range<Int>, seed: UInt32 = 0) -> UInt32 {
        withByteView { view in
            CRC32C.checksum(view.dropFirst(range.lowerBound).prefix(range.count), seed: seed)
        }
    }
}
