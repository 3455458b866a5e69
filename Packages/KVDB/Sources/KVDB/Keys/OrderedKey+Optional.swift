import StorageIO

extension Optional: StoredType where Wrapped: OrderedKey {
    /// The name of the wrapped key and a question mark: `u64?`.
    public static var schemaName: String { Wrapped.schemaName + "?" }

    /// The version of the wrapped key.
    public static var schemaVersion: UInt32 { Wrapped.schemaVersion }
}

/// Nil sorts before every other key.
extension Optional: OrderedKey where Wrapped: OrderedKey {
    /// Appends 0 for nil, or 1 and the key.
    @inlinable
    public func encode(into writer: inout KeyWriter) {
        switch self {
        case nil: writer.append(bigEndian: 0 as UInt8)
        case let key?:
            writer.append(bigEndian: 1 as UInt8)
            key.encode(into: &writer)
        }
    }

    /// Reads 0, or 1 and a key.
    @inlinable
    public init(from reader: inout KeyReader) throws(StorageError) {
        self = try Bool(from: &reader) ? Wrapped(from: &reader) : nil
    }
}
