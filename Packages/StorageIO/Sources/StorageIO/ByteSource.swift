/// What can serve as a key or a value: anything that can lend its bytes for the length of a call.
///
/// Arrays and slices of `UInt8`, inline arrays, raw spans, and strings (their UTF-8) are such. A type of one's
/// own needs one method:
///
/// ```swift
/// struct UserID: ByteSource {
///     var number: UInt64
///     func withBytes<Result, Failure: Error>(
///         _ body: (RawSpan) throws(Failure) -> Result
///     ) throws(Failure) -> Result {
///         let bytes: [8 of UInt8] = …   // the most significant first, so that the order is that of the numbers
///         return try body(bytes.span.bytes)
///     }
/// }
/// ```
public protocol ByteSource: ~Copyable, ~Escapable {
    /// Calls `body` with the bytes, which can't leave it.
    ///
    /// - Parameter body: gets the bytes.
    /// - Returns: what `body` returns.
    /// - Throws: what `body` throws.
    func withBytes<Result, Failure: Error>(
        _ body: (RawSpan) throws(Failure) -> Result
    ) throws(Failure) -> Result
}

// Functions, not methods: a view is not bound to the closure that it is lent to, and KVDB re-exports the protocol.
// Methods come along with a protocol or a type; a function is there for those alone who import this module.

/// Lends the bytes of `source` as a view, as the layers hand them on. The view must not leave `body`, which the
/// compiler doesn't see to; ``ByteSource/withBytes(_:)`` lends a span, where it does.
///
/// - Parameters:
///   - source: what has the bytes.
///   - body: gets the bytes.
/// - Returns: what `body` returns.
/// - Throws: what `body` throws.
@inlinable
public func withByteView<Source: ByteSource & ~Copyable & ~Escapable, Result, Failure: Error>(
    of source: borrowing Source, _ body: (ByteView) throws(Failure) -> Result
) throws(Failure) -> Result {
    try source.withBytes { bytes throws(Failure) in
        try unsafe bytes.withUnsafeBytes { buffer throws(Failure) in
            try body(unsafe ByteView(buffer))
        }
    }
}

extension RawSpan: ByteSource {
    /// Lends itself.
    @inlinable
    public func withBytes<Result, Failure: Error>(
        _ body: (RawSpan) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(self)
    }
}

extension ByteView: ByteSource {
    /// Lends the bytes as a span.
    @inlinable
    public func withBytes<Result, Failure: Error>(
        _ body: (RawSpan) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(unsafe RawSpan(_unsafeBytes: buffer))
    }
}

extension Array: ByteSource where Element == UInt8 {
    /// Lends the array's bytes.
    @inlinable
    public func withBytes<Result, Failure: Error>(
        _ body: (RawSpan) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(unsafe span.bytes)
    }
}

extension ArraySlice: ByteSource where Element == UInt8 {
    /// Lends the slice's bytes.
    @inlinable
    public func withBytes<Result, Failure: Error>(
        _ body: (RawSpan) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(unsafe span.bytes)
    }
}

extension ContiguousArray: ByteSource where Element == UInt8 {
    /// Lends the array's bytes.
    @inlinable
    public func withBytes<Result, Failure: Error>(
        _ body: (RawSpan) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(unsafe span.bytes)
    }
}

@available(macOS 26, iOS 26, tvOS 26, watchOS 26, visionOS 26, *)
extension InlineArray: ByteSource where Element == UInt8 {
    /// Lends the array's bytes.
    @inlinable
    public func withBytes<Result, Failure: Error>(
        _ body: (RawSpan) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(unsafe span.bytes)
    }
}

extension String: ByteSource {
    /// Lends the string's UTF-8 bytes. Two strings that look alike and are equal in Swift, such as an é of one
    /// scalar and one of two, have different bytes.
    @inlinable
    public func withBytes<Result, Failure: Error>(
        _ body: (RawSpan) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        var outcome: Swift.Result<Result, Failure>?
        var copy = self
        copy.withUTF8 { buffer in
            outcome = unsafe catching(UnsafeRawBufferPointer(buffer), body)
        }
        return try outcome!.get()
    }
}

extension Substring: ByteSource {
    /// Lends the substring's UTF-8 bytes.
    @inlinable
    public func withBytes<Result, Failure: Error>(
        _ body: (RawSpan) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        var outcome: Swift.Result<Result, Failure>?
        var copy = self
        copy.withUTF8 { buffer in
            outcome = unsafe catching(UnsafeRawBufferPointer(buffer), body)
        }
        return try outcome!.get()
    }
}

extension String.UTF8View: ByteSource {
    /// Lends the bytes.
    @inlinable
    public func withBytes<Result, Failure: Error>(
        _ body: (RawSpan) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try String(self).withBytes(body)
    }
}

extension Substring.UTF8View: ByteSource {
    /// Lends the bytes.
    @inlinable
    public func withBytes<Result, Failure: Error>(
        _ body: (RawSpan) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try Substring(self).withBytes(body)
    }
}

extension StaticString: ByteSource {
    /// Lends the string's UTF-8 bytes.
    @inlinable
    public func withBytes<Result, Failure: Error>(
        _ body: (RawSpan) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        var outcome: Swift.Result<Result, Failure>?
        withUTF8Buffer { buffer in
            outcome = unsafe catching(UnsafeRawBufferPointer(buffer), body)
        }
        return try outcome!.get()
    }
}

/// Calls `body` with the bytes of a buffer and keeps what it throws, for calls of the standard library that
/// know no typed errors.
@inlinable
func catching<Result, Failure: Error>(
    _ buffer: UnsafeRawBufferPointer, _ body: (RawSpan) throws(Failure) -> Result
) -> Swift.Result<Result, Failure> {
    do throws(Failure) {
        return .success(try body(unsafe RawSpan(_unsafeBytes: buffer)))
    } catch {
        return .failure(error)
    }
}
