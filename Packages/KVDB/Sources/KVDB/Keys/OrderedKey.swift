import StorageIO

/// A key of a typed table: its bytes sort as its values do.
///
/// A conforming type encodes itself so that
///
/// 1. the unsigned lexicographic order of the bytes is the order of the values;
/// 2. no encoding is a prefix of another one, so that encodings can follow each other in one key;
/// 3. each value has one encoding, and decoding refuses all other bytes.
///
/// A type that is made of others encodes them one after the other, the most significant first:
///
/// ```swift
/// struct Place: OrderedKey {
///     var country: String
///     var zip: UInt32
///     static let schemaName = "place"
///     func encode(into writer: inout KeyWriter) {
///         country.encode(into: &writer)
///         zip.encode(into: &writer)
///     }
///     init(from reader: inout KeyReader) throws(StorageError) {
///         country = try String(from: &reader)
///         zip = try UInt32(from: &reader)
///     }
/// }
/// ```
///
/// The bytes of each type are in `Docs/KeyFormat.md`.
public protocol OrderedKey: StoredType {
    /// Appends the key to `writer` in the form that other parts may follow.
    func encode(into writer: inout KeyWriter)

    /// Reads a key that ``encode(into:)`` wrote.
    ///
    /// - Throws: `undecodable` when the bytes are not such a key.
    init(from reader: inout KeyReader) throws(StorageError)

    /// Calls `body` with the bytes of the key as it stands alone in a table. They are valid until `body`
    /// returns.
    ///
    /// By default they are those of ``encode(into:)``. A type whose bytes need no end mark when nothing
    /// follows, such as `String`, lends them as they are.
    func withKeyBytes<Result, Failure: Error>(
        _ body: (RawSpan) throws(Failure) -> Result
    ) throws(Failure) -> Result

    /// Reads a key from all of `keyBytes`, as ``withKeyBytes(_:)`` lends them.
    ///
    /// - Throws: `undecodable` when the bytes are not such a key or go on behind it.
    init(keyBytes: RawSpan) throws(StorageError)
}

extension OrderedKey {
    /// Lends what ``encode(into:)`` writes, from a buffer on the stack while the key has at most
    /// 1,024 bytes, which is the limit of a key.
    @inlinable
    public func withKeyBytes<Result, Failure: Error>(
        _ body: (RawSpan) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try KeyWriter.withWriter({ writer in encode(into: &writer) }, lending: body)
    }

    /// Reads a key by ``init(from:)`` and sees that nothing follows it.
    @inlinable
    public init(keyBytes: RawSpan) throws(StorageError) {
        self = try unsafe keyBytes.withUnsafeBytes { buffer throws(StorageError) in
            var reader = unsafe KeyReader(buffer)
            let key = try Self(from: &reader)
            try reader.finish()
            return key
        }
    }
}

extension RawRepresentable where Self: OrderedKey, RawValue: OrderedKey {
    /// Appends the raw value.
    @inlinable
    public func encode(into writer: inout KeyWriter) {
        rawValue.encode(into: &writer)
    }

    /// Reads a raw value.
    ///
    /// - Throws: `undecodable` also when the type has no value for it.
    @inlinable
    public init(from reader: inout KeyReader) throws(StorageError) {
        self = try Self.known(RawValue(from: &reader))
    }

    /// Lends the bytes of the raw value as it stands alone.
    @inlinable
    public func withKeyBytes<Result, Failure: Error>(
        _ body: (RawSpan) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try rawValue.withKeyBytes(body)
    }

    /// Reads a raw value that stands alone.
    ///
    /// - Throws: `undecodable` also when the type has no value for it.
    @inlinable
    public init(keyBytes: RawSpan) throws(StorageError) {
        self = try Self.known(RawValue(keyBytes: keyBytes))
    }

    @inlinable
    static func known(_ rawValue: RawValue) throws(StorageError) -> Self {
        guard let value = Self(rawValue: rawValue) else {
            throw .undecodable(Self.schemaName, "the type has no such raw value")
        }
        return value
    }
}

extension StorageError {
    /// The error for bytes that are no key or value of a type.
    @usableFromInline @inline(never)
    static func undecodable(_ schemaName: String, _ reason: StaticString) -> StorageError {
        StorageError(
            .undecodable,
            "The bytes can't be read as \(schemaName): \(reason). Read the table with the type that wrote it."
        )
    }
}
