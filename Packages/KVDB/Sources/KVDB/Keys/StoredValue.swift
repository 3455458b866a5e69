import StorageIO

/// A value of a typed table.
///
/// `withStoredBytes` and `init(storedBytes:)` undo each other. Bytes on disk can be anything, so
/// the initializer checks them.
///
/// There is no value for nil: a key that is not in the table says that.
public protocol StoredValue: StoredType {
    /// Calls `body` with the bytes of the value. They are valid until `body` returns.
    ///
    /// - Throws: what `body` throws; `unencodable` when the value has no bytes.
    func withStoredBytes<Result>(
        _ body: (RawSpan) throws(StorageError) -> Result
    ) throws(StorageError) -> Result

    /// Reads a value from all of `storedBytes`.
    ///
    /// - Throws: `undecodable` when the bytes are not such a value.
    init(storedBytes: RawSpan) throws(StorageError)
}

/// No value, zero bytes: for tables whose keys say everything, such as an index or a set.
public struct NoValue: StoredValue, Hashable {
    /// Creates the only one there is.
    @inlinable
    public init() {}

    /// `none`.
    public static var schemaName: String { "none" }

    /// Lends no bytes.
    @inlinable
    public func withStoredBytes<Result>(
        _ body: (RawSpan) throws(StorageError) -> Result
    ) throws(StorageError) -> Result {
        try body(RawSpan())
    }

    /// Checks that there are no bytes.
    @inlinable
    public init(storedBytes: RawSpan) throws(StorageError) {
        guard storedBytes.isEmpty else {
            throw .undecodable(Self.schemaName, "there are bytes where none belong")
        }
    }
}

extension RawRepresentable where Self: StoredValue, RawValue: StoredValue {
    /// Lends the bytes of the raw value.
    @inlinable
    public func withStoredBytes<Result>(
        _ body: (RawSpan) throws(StorageError) -> Result
    ) throws(StorageError) -> Result {
        try rawValue.withStoredBytes(body)
    }

    /// Reads a raw value.
    ///
    /// - Throws: `undecodable` also when the type has no value for it.
    @inlinable
    public init(storedBytes: RawSpan) throws(StorageError) {
        guard let value = Self(rawValue: try RawValue(storedBytes: storedBytes)) else {
            throw .undecodable(Self.schemaName, "the type has no such raw value")
        }
        self = value
    }
}
