import StorageIO

// The two places where the export code touches borrowed memory.
extension [UInt8] {
    /// Appends a copy of the view's bytes.
    mutating func appendExported(_ view: ByteView) {
        // The copy ends before this returns, so the view's memory is still there.
        unsafe append(contentsOf: view.buffer)
    }

    /// Lends the bytes for the length of the call.
    func withExportView<Result, Failure: Error>(
        _ body: (ByteView) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        // The view is valid exactly as long as the buffer pointer, which is the length of the call.
        try unsafe withUnsafeBufferPointer { bytes throws(Failure) in
            try body(unsafe ByteView(UnsafeRawBufferPointer(bytes)))
        }
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
