import Foundation
import KVDB
import StorageIO

extension UUID: OrderedKey {
    /// `uuid`.
    public static var schemaName: String { "uuid" }

    /// Appends the 16 bytes.
    public func encode(into writer: inout KeyWriter) {
        let (high, low) = halves
        writer.append(bigEndian: high)
        writer.append(bigEndian: low)
    }

    /// Reads 16 bytes.
    public init(from reader: inout KeyReader) throws(StorageError) {
        let high = try reader.readInteger(UInt64.self)
        let low = try reader.readInteger(UInt64.self)
        self.init(high, low)
    }

    /// The first 8 bytes and the last 8 bytes as numbers.
    private var halves: (UInt64, UInt64) {
        let bytes = unsafe withUnsafeBytes(of: uuid) { buffer in
            unsafe (
                buffer.loadUnaligned(as: UInt64.self),
                buffer.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
            )
        }
        return (UInt64(bigEndian: bytes.0), UInt64(bigEndian: bytes.1))
    }

    private init(_ high: UInt64, _ low: UInt64) {
        var bytes: uuid_t = (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
        unsafe withUnsafeMutableBytes(of: &bytes) { buffer in
            unsafe buffer.storeBytes(of: high.bigEndian, as: UInt64.self)
            unsafe buffer.storeBytes(of: low.bigEndian, toByteOffset: 8, as: UInt64.self)
        }
        self.init(uuid: bytes)
    }
}

extension UUID: StoredValue {
    /// Lends the 16 bytes.
    public func withStoredBytes<Result>(
        _ body: (RawSpan) throws(StorageError) -> Result
    ) throws(StorageError) -> Result {
        try withKeyBytes(body)
    }

    /// Reads 16 bytes.
    public init(storedBytes: RawSpan) throws(StorageError) {
        try self.init(keyBytes: storedBytes)
    }
}

/// Dates sort by time: as the number of seconds since 2001-01-01 00:00 UTC, a `Double`. They come back as
/// they were, to the last bit.
extension Date: OrderedKey {
    /// `date`.
    public static var schemaName: String { "date" }

    /// Appends the seconds as a `Double`.
    public func encode(into writer: inout KeyWriter) {
        timeIntervalSinceReferenceDate.encode(into: &writer)
    }

    /// Reads the seconds.
    public init(from reader: inout KeyReader) throws(StorageError) {
        self.init(timeIntervalSinceReferenceDate: try Double(from: &reader))
    }
}

extension Date: StoredValue {
    /// Lends the seconds as a `Double`.
    public func withStoredBytes<Result>(
        _ body: (RawSpan) throws(StorageError) -> Result
    ) throws(StorageError) -> Result {
        try timeIntervalSinceReferenceDate.withStoredBytes(body)
    }

    /// Reads the seconds.
    public init(storedBytes: RawSpan) throws(StorageError) {
        self.init(timeIntervalSinceReferenceDate: try Double(storedBytes: storedBytes))
    }
}

/// The same keys as arrays of bytes.
extension Data: PrefixableKey {
    /// `bytes`.
    public static var schemaName: String { "bytes" }

    /// Appends the bytes and their end mark.
    public func encode(into writer: inout KeyWriter) {
        withKeyBytes { bytes in writer.append(escaping: bytes) }
    }

    /// Reads bytes up to their end mark.
    public init(from reader: inout KeyReader) throws(StorageError) {
        self.init(try reader.readEscaped())
    }

    /// Lends the bytes as they are.
    public func withKeyBytes<Result, Failure: Error>(
        _ body: (RawSpan) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try withBytes(body)
    }

    /// Copies all of `keyBytes`.
    public init(keyBytes: RawSpan) {
        self = unsafe keyBytes.withUnsafeBytes { unsafe Data($0) }
    }
}

extension Data: StoredValue {
    /// Lends the bytes.
    public func withStoredBytes<Result>(
        _ body: (RawSpan) throws(StorageError) -> Result
    ) throws(StorageError) -> Result {
        try withBytes(body)
    }

    /// Copies the bytes.
    public init(storedBytes: RawSpan) {
        self.init(keyBytes: storedBytes)
    }
}

/// What can be put into a table of bytes.
extension Foundation.Data: StorageIO.ByteSource {
    /// Lends the bytes.
    public func withBytes<Result, Failure: Error>(
        _ body: (RawSpan) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        // `Data`'s own call knows no typed errors.
        let outcome: Swift.Result<Result, Failure> = unsafe withUnsafeBytes { buffer in
            do throws(Failure) {
                return .success(try body(unsafe RawSpan(_unsafeBytes: buffer)))
            } catch {
                return .failure(error)
            }
        }
        return try outcome.get()
    }
}

extension KeyInterval where Key == Data {
    /// The keys that begin with `prefix`.
    public static func prefix(_ prefix: Data) -> Self { Self(startingWith: prefix) }
}

extension URL: StoredValue {
    /// `url`.
    public static var schemaName: String { "url" }

    /// Lends the absolute string in UTF-8.
    public func withStoredBytes<Result>(
        _ body: (RawSpan) throws(StorageError) -> Result
    ) throws(StorageError) -> Result {
        try absoluteString.withStoredBytes(body)
    }

    /// Reads an absolute string.
    public init(storedBytes: RawSpan) throws(StorageError) {
        guard let url = URL(string: try String(storedBytes: storedBytes)) else {
            throw StorageError(
                .undecodable,
                "The bytes can't be read as a URL. Read the table with the type that wrote it.")
        }
        self = url
    }
}
