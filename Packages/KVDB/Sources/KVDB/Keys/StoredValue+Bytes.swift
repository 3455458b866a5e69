import StorageIO

extension Array: StoredValue where Element == UInt8 {
    /// Lends the bytes.
    @inlinable
    public func withStoredBytes<Result>(
        _ body: (RawSpan) throws(StorageError) -> Result
    ) throws(StorageError) -> Result {
        try body(unsafe span.bytes)
    }

    /// Copies the bytes.
    @inlinable
    public init(storedBytes: RawSpan) {
        self.init(keyBytes: storedBytes)
    }
}

extension String: StoredValue {
    /// Lends the UTF-8 bytes.
    @inlinable
    public func withStoredBytes<Result>(
        _ body: (RawSpan) throws(StorageError) -> Result
    ) throws(StorageError) -> Result {
        try withKeyBytes(body)
    }

    /// Reads UTF-8.
    ///
    /// - Throws: `undecodable` when the bytes are not valid UTF-8; they are never repaired.
    @inlinable
    public init(storedBytes: RawSpan) throws(StorageError) {
        try self.init(keyBytes: storedBytes)
    }
}

@available(macOS 26, iOS 26, tvOS 26, watchOS 26, visionOS 26, *)
extension InlineArray: StoredValue where Element == UInt8 {
    /// Lends the bytes.
    @inlinable
    public func withStoredBytes<Result>(
        _ body: (RawSpan) throws(StorageError) -> Result
    ) throws(StorageError) -> Result {
        try body(unsafe span.bytes)
    }

    /// Copies the bytes, which must be as many as the array has.
    @inlinable
    public init(storedBytes: RawSpan) throws(StorageError) {
        try self.init(keyBytes: storedBytes)
    }
}
