import StorageIO

// A number is its bytes, the least significant first, as everywhere in the files; `Int` and `UInt` have
// 64 bits on every platform. A value has exactly as many bytes as its type says.

extension StoredValue where Self: FixedWidthInteger & BitwiseCopyable {
    /// Lends the number's bytes, the least significant first.
    @inlinable
    public func withStoredBytes<Result>(
        _ body: (RawSpan) throws(StorageError) -> Result
    ) throws(StorageError) -> Result {
        try unsafe Swift.withUnsafeBytes(of: littleEndian) { buffer throws(StorageError) in
            try body(unsafe RawSpan(_unsafeBytes: buffer))
        }
    }

    /// Reads a number.
    @inlinable
    public init(storedBytes: RawSpan) throws(StorageError) {
        guard storedBytes.byteCount == MemoryLayout<Self>.size else {
            throw .undecodable(Self.schemaName, "the number has another size")
        }
        self = unsafe storedBytes.withUnsafeBytes { buffer in
            unsafe Self(littleEndian: buffer.loadUnaligned(as: Self.self))
        }
    }
}

extension UInt8: StoredValue {}
extension UInt16: StoredValue {}
extension UInt32: StoredValue {}
extension UInt64: StoredValue {}
extension UInt128: StoredValue {}
extension Int8: StoredValue {}
extension Int16: StoredValue {}
extension Int32: StoredValue {}
extension Int64: StoredValue {}
extension Int128: StoredValue {}

extension UInt: StoredValue {
    /// Lends the number as a `UInt64`.
    @inlinable
    public func withStoredBytes<Result>(
        _ body: (RawSpan) throws(StorageError) -> Result
    ) throws(StorageError) -> Result {
        try UInt64(self).withStoredBytes(body)
    }

    /// Reads a `UInt64`.
    ///
    /// - Throws: `undecodable` also when the number is too large for the platform.
    @inlinable
    public init(storedBytes: RawSpan) throws(StorageError) {
        guard let number = UInt(exactly: try UInt64(storedBytes: storedBytes)) else {
            throw .undecodable(Self.schemaName, "the number is too large for this platform")
        }
        self = number
    }
}

extension Int: StoredValue {
    /// Lends the number as an `Int64`.
    @inlinable
    public func withStoredBytes<Result>(
        _ body: (RawSpan) throws(StorageError) -> Result
    ) throws(StorageError) -> Result {
        try Int64(self).withStoredBytes(body)
    }

    /// Reads an `Int64`.
    ///
    /// - Throws: `undecodable` also when the number is too large for the platform.
    @inlinable
    public init(storedBytes: RawSpan) throws(StorageError) {
        guard let number = Int(exactly: try Int64(storedBytes: storedBytes)) else {
            throw .undecodable(Self.schemaName, "the number is too large for this platform")
        }
        self = number
    }
}

extension Double: StoredValue {
    /// Lends the bit pattern, its least significant byte first.
    @inlinable
    public func withStoredBytes<Result>(
        _ body: (RawSpan) throws(StorageError) -> Result
    ) throws(StorageError) -> Result {
        try bitPattern.withStoredBytes(body)
    }

    /// Reads a bit pattern.
    @inlinable
    public init(storedBytes: RawSpan) throws(StorageError) {
        guard storedBytes.byteCount == MemoryLayout<Self>.size else {
            throw .undecodable(Self.schemaName, "the number has another size")
        }
        self.init(bitPattern: try UInt64(storedBytes: storedBytes))
    }
}

extension Float: StoredValue {
    /// Lends the bit pattern, its least significant byte first.
    @inlinable
    public func withStoredBytes<Result>(
        _ body: (RawSpan) throws(StorageError) -> Result
    ) throws(StorageError) -> Result {
        try bitPattern.withStoredBytes(body)
    }

    /// Reads a bit pattern.
    @inlinable
    public init(storedBytes: RawSpan) throws(StorageError) {
        guard storedBytes.byteCount == MemoryLayout<Self>.size else {
            throw .undecodable(Self.schemaName, "the number has another size")
        }
        self.init(bitPattern: try UInt32(storedBytes: storedBytes))
    }
}

extension Bool: StoredValue {
    /// Lends one byte: 0 for false, 1 for true.
    @inlinable
    public func withStoredBytes<Result>(
        _ body: (RawSpan) throws(StorageError) -> Result
    ) throws(StorageError) -> Result {
        try UInt8(self ? 1 : 0).withStoredBytes(body)
    }

    /// Reads one byte that is 0 or 1.
    @inlinable
    public init(storedBytes: RawSpan) throws(StorageError) {
        let byte = try UInt8(storedBytes: storedBytes)
        guard byte < 2 else { throw .undecodable(Self.schemaName, "the byte is neither 0 nor 1") }
        self = byte == 1
    }
}
