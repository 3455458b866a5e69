import StorageIO

/// A key that sorts the other way round: the largest comes first.
///
/// ```swift
/// // The newest event of each user first.
/// static var events: Table<Keys<String, Descending<UInt64>>, [UInt8]> { .init("events") }
/// ```
public struct Descending<Key: OrderedKey>: OrderedKey {
    /// The key itself.
    public var key: Key

    /// Wraps `key`.
    @inlinable
    public init(_ key: Key) { self.key = key }

    /// The name of the wrapped key behind a minus sign: `-u64`.
    public static var schemaName: String { "-" + Key.schemaName }

    /// The version of the wrapped key.
    public static var schemaVersion: UInt32 { Key.schemaVersion }

    /// Appends the complement of the key's bytes, end mark included.
    @inlinable
    public func encode(into writer: inout KeyWriter) {
        let offset = writer.position
        key.encode(into: &writer)
        writer.complement(from: offset)
    }

    /// Reads the complement of a key.
    @inlinable
    public init(from reader: inout KeyReader) throws(StorageError) {
        reader.mask = ~reader.mask
        defer { reader.mask = ~reader.mask }
        key = try Key(from: &reader)
    }
}
