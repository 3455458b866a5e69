/// What can serve as a key or a value: anything that can lend its bytes for the length of a call.
public protocol ByteSource {
    /// Calls `body` with the bytes, which are valid until it returns.
    func withByteView<Result, Failure: Error>(
        _ body: (ByteView) throws(Failure) -> Result
    ) throws(Failure) -> Result
}

extension ByteView: ByteSource {
    /// Lends itself.
    @inlinable
    public func withByteView<Result, Failure: Error>(
        _ body: (ByteView) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(self)
    }
}

extension Array: ByteSource where Element == UInt8 {
    /// Lends the array's bytes.
    @inlinable
    public func withByteView<Result, Failure: Error>(
        _ body: (ByteView) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try unsafe self.span.withUnsafeBytes { buffer throws(Failure) in
            try body(unsafe ByteView(buffer))
        }
    }
}

extension ArraySlice: ByteSource where Element == UInt8 {
    /// Lends the slice's bytes.
    @inlinable
    public func withByteView<Result, Failure: Error>(
        _ body: (ByteView) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try unsafe self.span.withUnsafeBytes { buffer throws(Failure) in
            try body(unsafe ByteView(buffer))
        }
    }
}

extension String: ByteSource {
    /// Lends the string's UTF-8 bytes.
    @inlinable
    public func withByteView<Result, Failure: Error>(
        _ body: (ByteView) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try Array(utf8).withByteView(body)
    }
}

extension Substring: ByteSource {
    /// Lends the substring's UTF-8 bytes.
    @inlinable
    public func withByteView<Result, Failure: Error>(
        _ body: (ByteView) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try Array(utf8).withByteView(body)
    }
}
