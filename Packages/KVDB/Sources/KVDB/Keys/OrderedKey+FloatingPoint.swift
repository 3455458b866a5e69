import StorageIO

// The total order of IEEE 754-2019, section 5.10: negative NaNs, negative infinity, negative numbers,
// -0, +0, positive numbers, infinity, NaNs. As bits: a positive number has its sign bit set, a
// negative one has all its bits turned around. Every bit pattern comes back as it was.

extension Double: OrderedKey {
    /// `f64`.
    public static var schemaName: String { "f64" }

    /// Appends the 8 bytes that sort as the total order does.
    @inlinable
    public func encode(into writer: inout KeyWriter) {
        let signs = UInt64(bitPattern: Int64(bitPattern: bitPattern) >> 63)
        writer.append(bigEndian: bitPattern ^ (signs | 1 << 63))
    }

    /// Reads 8 bytes.
    @inlinable
    public init(from reader: inout KeyReader) throws(StorageError) {
        let bits = try reader.readInteger(UInt64.self)
        let signs = UInt64(bitPattern: Int64(bitPattern: ~bits) >> 63)
        self.init(bitPattern: bits ^ (signs | 1 << 63))
    }
}

extension Float: OrderedKey {
    /// `f32`.
    public static var schemaName: String { "f32" }

    /// Appends the 4 bytes that sort as the total order does.
    @inlinable
    public func encode(into writer: inout KeyWriter) {
        let signs = UInt32(bitPattern: Int32(bitPattern: bitPattern) >> 31)
        writer.append(bigEndian: bitPattern ^ (signs | 1 << 31))
    }

    /// Reads 4 bytes.
    @inlinable
    public init(from reader: inout KeyReader) throws(StorageError) {
        let bits = try reader.readInteger(UInt32.self)
        let signs = UInt32(bitPattern: Int32(bitPattern: ~bits) >> 31)
        self.init(bitPattern: bits ^ (signs | 1 << 31))
    }
}
