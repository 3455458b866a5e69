import StorageIO

// Unsigned integers are their bytes, the most significant first. Signed ones have their sign bit turned
// around, so that negative numbers come first. `Int` and `UInt` have 64 bits in a key on every platform.

extension OrderedKey where Self: FixedWidthInteger & UnsignedInteger & BitwiseCopyable {
    /// Appends the number's bytes, the most significant first.
    @inlinable
    public func encode(into writer: inout KeyWriter) {
        writer.append(bigEndian: self)
    }

    /// Reads a number.
    @inlinable
    public init(from reader: inout KeyReader) throws(StorageError) {
        self = try reader.readInteger()
    }
}

extension OrderedKey where Self: FixedWidthInteger & SignedInteger & BitwiseCopyable {
    /// Appends the number's bytes, the most significant first, its sign bit turned around.
    @inlinable
    public func encode(into writer: inout KeyWriter) {
        writer.append(bigEndian: self ^ Self.min)
    }

    /// Reads a number.
    @inlinable
    public init(from reader: inout KeyReader) throws(StorageError) {
        self = try reader.readInteger(Self.self) ^ Self.min
    }
}

extension UInt8: OrderedKey {
    /// `u8`.
    public static var schemaName: String { "u8" }
}

extension UInt16: OrderedKey {
    /// `u16`.
    public static var schemaName: String { "u16" }
}

extension UInt32: OrderedKey {
    /// `u32`.
    public static var schemaName: String { "u32" }
}

extension UInt64: OrderedKey {
    /// `u64`.
    public static var schemaName: String { "u64" }
}

extension UInt128: OrderedKey {
    /// `u128`.
    public static var schemaName: String { "u128" }
}

extension Int8: OrderedKey {
    /// `i8`.
    public static var schemaName: String { "i8" }
}

extension Int16: OrderedKey {
    /// `i16`.
    public static var schemaName: String { "i16" }
}

extension Int32: OrderedKey {
    /// `i32`.
    public static var schemaName: String { "i32" }
}

extension Int64: OrderedKey {
    /// `i64`.
    public static var schemaName: String { "i64" }
}

extension Int128: OrderedKey {
    /// `i128`.
    public static var schemaName: String { "i128" }
}

extension UInt: OrderedKey {
    /// `u64`: a number has 64 bits in a key whatever the platform.
    public static var schemaName: String { UInt64.schemaName }

    /// Appends the number as a `UInt64`.
    @inlinable
    public func encode(into writer: inout KeyWriter) {
        UInt64(self).encode(into: &writer)
    }

    /// Reads a `UInt64`.
    ///
    /// - Throws: `undecodable` also when the number is too large for the platform.
    @inlinable
    public init(from reader: inout KeyReader) throws(StorageError) {
        guard let number = UInt(exactly: try UInt64(from: &reader)) else {
            throw .undecodable(Self.schemaName, "the number is too large for this platform")
        }
        self = number
    }
}

extension Int: OrderedKey {
    /// `i64`: a number has 64 bits in a key whatever the platform.
    public static var schemaName: String { Int64.schemaName }

    /// Appends the number as an `Int64`.
    @inlinable
    public func encode(into writer: inout KeyWriter) {
        Int64(self).encode(into: &writer)
    }

    /// Reads an `Int64`.
    ///
    /// - Throws: `undecodable` also when the number is too large for the platform.
    @inlinable
    public init(from reader: inout KeyReader) throws(StorageError) {
        guard let number = Int(exactly: try Int64(from: &reader)) else {
            throw .undecodable(Self.schemaName, "the number is too large for this platform")
        }
        self = number
    }
}

extension Bool: OrderedKey {
    /// `bool`.
    public static var schemaName: String { "bool" }

    /// Appends 0 for false, 1 for true.
    @inlinable
    public func encode(into writer: inout KeyWriter) {
        writer.append(bigEndian: self ? 1 : 0 as UInt8)
    }

    /// Reads 0 or 1.
    @inlinable
    public init(from reader: inout KeyReader) throws(StorageError) {
        let byte = try reader.readInteger(UInt8.self)
        guard byte < 2 else { throw .undecodable(Self.schemaName, "the byte is neither 0 nor 1") }
        self = byte == 1
    }
}
