import StorageIO

/// Little-endian fields of a file that is being damaged. What lies outside is not read and not
/// written, so that a mutation needs no care.
extension Array where Element == UInt8 {
    public func number<Value: FixedWidthInteger>(at offset: Int, as type: Value.Type) -> Value {
        guard offset >= 0, offset + MemoryLayout<Value>.size <= count else { return 0 }
        var value: Value = 0
        for index in (0..<MemoryLayout<Value>.size).reversed() {
            value = value << 8 | Value(truncatingIfNeeded: self[offset + index])
        }
        return value
    }

    public func u16(_ offset: Int) -> Int { Int(number(at: offset, as: UInt16.self)) }
    public func u32(_ offset: Int) -> Int { Int(number(at: offset, as: UInt32.self)) }
    public func u64(_ offset: Int) -> UInt64 { number(at: offset, as: UInt64.self) }

    public mutating func put<Value: FixedWidthInteger>(_ value: Value, at offset: Int) {
        guard offset >= 0, offset + MemoryLayout<Value>.size <= count else { return }
        for index in 0..<MemoryLayout<Value>.size {
            self[offset + index] = UInt8(truncatingIfNeeded: value >> Value(8 * index))
        }
    }

    /// Writes the low `size` bytes of `value`.
    public mutating func put(_ value: UInt64, at offset: Int, size: Int) {
        guard offset >= 0, offset + size <= count else { return }
        for index in 0..<size {
            self[offset + index] = UInt8(truncatingIfNeeded: value >> UInt64(8 * index))
        }
    }

    /// Writes as much of `bytes` as lies inside.
    public mutating func put(_ bytes: [UInt8], at offset: Int) {
        guard offset >= 0 else { return }
        for (index, byte) in bytes.enumerated() where offset + index < count {
            self[offset + index] = byte
        }
    }

    /// The part of a range that lies inside.
    public func part(_ offset: Int, _ length: Int) -> [UInt8] {
        let start = Swift.min(Swift.max(offset, 0), count)
        let end = Swift.min(Swift.max(start, offset + length), count)
        return [UInt8](self[start..<end])
    }

    public func checksum(_ range: Range<Int>, seed: UInt32 = 0) -> UInt32 {
        withByteView(of: self) { view in
            CRC32C.checksum(view.dropFirst(range.lowerBound).prefix(range.count), seed: seed)
        }
    }
}
