import StorageIO

// How the export code takes bytes apart and puts them together.
extension [UInt8] {
    /// Appends a copy of the view's bytes.
    mutating func appendExported(_ view: ByteView) {
        // The copy ends before this returns, so the view's memory is still there.
        unsafe append(contentsOf: view.buffer)
    }

    /// Appends an integer, little-endian.
    mutating func appendExported<Integer: FixedWidthInteger & UnsignedInteger>(_ value: Integer) {
        var rest = value
        for _ in 0..<(Integer.bitWidth / 8) {
            append(UInt8(truncatingIfNeeded: rest))
            rest >>= 8
        }
    }

    /// The little-endian integer at `offset`; all its bytes must be there.
    func exportedInteger<Integer: FixedWidthInteger & UnsignedInteger>(
        at offset: Int, as type: Integer.Type
    ) -> Integer {
        var value: Integer = 0
        for index in stride(from: Integer.bitWidth / 8 - 1, through: 0, by: -1) {
            value = value << 8 | Integer(self[offset + index])
        }
        return value
    }
}
