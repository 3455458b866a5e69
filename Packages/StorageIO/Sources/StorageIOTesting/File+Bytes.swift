import StorageIO

/// Reading and writing arrays, which tests want and the engine doesn't.
extension File {
    /// At most `count` bytes from `offset`; fewer where the file ends.
    public func readBytes(_ count: Int, at offset: UInt64 = 0) throws(StorageError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        let done = try unsafe bytes.withUnsafeMutableBufferPointer {
            buffer throws(StorageError) in
            try unsafe read(into: UnsafeMutableRawBufferPointer(buffer), at: offset)
        }
        bytes.removeLast(count - done)
        return bytes
    }

    /// All of the file.
    public func readAll() throws(StorageError) -> [UInt8] {
        try readBytes(Int(size()))
    }

    /// Writes `bytes` at `offset`.
    public func writeBytes(_ bytes: [UInt8], at offset: UInt64 = 0) throws(StorageError) {
        try unsafe bytes.withUnsafeBufferPointer { buffer throws(StorageError) in
            try unsafe write(UnsafeRawBufferPointer(buffer), at: offset)
        }
    }
}
