import StorageIO

/// A key that is a run of bytes or of characters, so that keys which begin alike are a range.
public protocol PrefixableKey: OrderedKey {
    /// Calls `body` with the bytes that all keys share which begin with this one, as they stand alone.
    /// They are valid until `body` returns.
    func withPrefixBytes<Result, Failure: Error>(
        _ body: (RawSpan) throws(Failure) -> Result
    ) throws(Failure) -> Result
}

extension PrefixableKey {
    /// Lends the bytes of the key as it stands alone.
    @inlinable
    public func withPrefixBytes<Result, Failure: Error>(
        _ body: (RawSpan) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try withKeyBytes(body)
    }
}

/// Strings sort by their UTF-8 bytes, which is the order of their Unicode scalars. Swift's `<` compares
/// strings after normalization, so the two orders differ for some strings, and strings that Swift
/// calls equal can be two keys ("é" as one scalar or as two).
extension String: PrefixableKey {
    /// `string`.
    public static var schemaName: String { "string" }

    /// Appends the UTF-8 bytes and their end mark.
    public func encode(into writer: inout KeyWriter) {
        withKeyBytes { bytes in writer.append(escaping: bytes) }
    }

    /// Reads UTF-8 bytes.
    ///
    /// - Throws: `undecodable` also when the bytes are not valid UTF-8; they are never repaired.
    public init(from reader: inout KeyReader) throws(StorageError) {
        self = try reader.withEscaped { bytes throws(StorageError) in
            try String(keyBytes: bytes)
        }
    }

    /// Lends the UTF-8 bytes as they are.
    @inlinable
    public func withKeyBytes<Result, Failure: Error>(
        _ body: (RawSpan) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try withBytes(body)
    }

    /// Reads all of `keyBytes` as UTF-8.
    ///
    /// - Throws: `undecodable` when the bytes are not valid UTF-8; they are never repaired.
    public init(keyBytes: RawSpan) throws(StorageError) {
        self = try unsafe keyBytes.withUnsafeBytes { buffer throws(StorageError) in
            try unsafe String.validated(buffer)
        }
    }

    /// The string that UTF-8 bytes are.
    static func validated(_ bytes: UnsafeRawBufferPointer) throws(StorageError) -> String {
        guard let string = unsafe String(validating: bytes, as: UTF8.self) else {
            throw .undecodable(schemaName, "they are not valid UTF-8")
        }
        return string
    }
}

/// A part of a string is the same key as the string that it is equal to.
extension Substring: PrefixableKey {
    /// `string`.
    public static var schemaName: String { String.schemaName }

    /// Appends the UTF-8 bytes and their end mark.
    public func encode(into writer: inout KeyWriter) {
        withKeyBytes { bytes in writer.append(escaping: bytes) }
    }

    /// Reads UTF-8 bytes, which must be valid.
    public init(from reader: inout KeyReader) throws(StorageError) {
        self = Substring(try String(from: &reader))
    }

    /// Lends the UTF-8 bytes as they are.
    @inlinable
    public func withKeyBytes<Result, Failure: Error>(
        _ body: (RawSpan) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try withBytes(body)
    }

    /// Reads all of `keyBytes` as UTF-8, which must be valid.
    public init(keyBytes: RawSpan) throws(StorageError) {
        self = Substring(try String(keyBytes: keyBytes))
    }
}

/// Bytes sort as unsigned numbers, the shorter of two that begin alike first.
extension Array: StoredType where Element == UInt8 {
    /// `bytes`.
    public static var schemaName: String { "bytes" }
}

extension Array: OrderedKey where Element == UInt8 {
    /// Appends the bytes and their end mark.
    @inlinable
    public func encode(into writer: inout KeyWriter) {
        writer.append(escaping: unsafe span.bytes)
    }

    /// Reads bytes up to their end mark.
    @inlinable
    public init(from reader: inout KeyReader) throws(StorageError) {
        self = try reader.readEscaped()
    }

    /// Lends the bytes as they are.
    @inlinable
    public func withKeyBytes<Result, Failure: Error>(
        _ body: (RawSpan) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(unsafe span.bytes)
    }

    /// Copies all of `keyBytes`.
    @inlinable
    public init(keyBytes: RawSpan) {
        self = unsafe keyBytes.withUnsafeBytes { unsafe [UInt8]($0) }
    }
}

extension Array: PrefixableKey where Element == UInt8 {}

// `InlineArray` came with Swift 6.2, which the systems before 2025 don't have.
@available(macOS 26, iOS 26, tvOS 26, watchOS 26, visionOS 26, *)
extension InlineArray: StoredType where Element == UInt8 {
    /// `bytes16` for 16 bytes.
    public static var schemaName: String { "bytes\(count)" }
}

/// The length is the type's, so the bytes need no end mark and no escape.
@available(macOS 26, iOS 26, tvOS 26, watchOS 26, visionOS 26, *)
extension InlineArray: OrderedKey where Element == UInt8 {
    /// Appends the bytes as they are.
    @inlinable
    public func encode(into writer: inout KeyWriter) {
        writer.append(fixed: unsafe span.bytes)
    }

    /// Reads as many bytes as the array has.
    @inlinable
    public init(from reader: inout KeyReader) throws(StorageError) {
        let bytes = try reader.readFixed(Self.count)
        self.init { index in bytes[index] }
    }
}
