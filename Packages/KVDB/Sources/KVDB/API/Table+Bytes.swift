import BTree
import StorageIO

// Tables of bytes take whatever has bytes as a key: strings, slices, inline arrays, spans.
extension TableReading where Self: ~Copyable, Key == [UInt8], Value == [UInt8] {
    /// Returns the value of a key, or nil if there is none.
    ///
    /// - Parameter key: anything that has bytes.
    /// - Throws: `damaged` with the page, `inputOutput`, `closed`.
    /// - Complexity: O(log n).
    @inlinable
    public func get(
        _ key: borrowing some ByteSource & ~Copyable & ~Escapable
    ) throws(StorageError) -> [UInt8]? {
        try key.withBytes { key throws(StorageError) in try source.value(of: key) }
    }

    /// Calls `body` with the bytes of a key's value; see ``withValue(for:_:)``.
    ///
    /// - Parameters:
    ///   - key: anything that has bytes.
    ///   - body: gets the bytes of the value, which can't leave it.
    @inlinable
    public func withValue<Result>(
        for key: borrowing some ByteSource & ~Copyable & ~Escapable,
        _ body: (RawSpan) throws(Database.Failure) -> Result
    ) throws(Database.Failure) -> Result? {
        try key.withBytes { key throws(Database.Failure) in try source.lend(key, to: body) }
    }

    /// Returns whether a key is there. O(log n).
    ///
    /// - Parameter key: anything that has bytes.
    @inlinable
    public func contains(
        _ key: borrowing some ByteSource & ~Copyable & ~Escapable
    ) throws(StorageError) -> Bool {
        try key.withBytes { key throws(StorageError) in try source.contains(key) }
    }

    /// Returns the number of keys below `key`, which need not be there itself. O(log n) (R10).
    ///
    /// - Parameter key: anything that has bytes.
    public func rank(
        of key: borrowing some ByteSource & ~Copyable & ~Escapable
    ) throws(StorageError) -> Int {
        try key.withBytes { key throws(StorageError) in try source.rank(of: key) }
    }
}

extension TableChanging where Self: ~Copyable, Key == [UInt8], Value == [UInt8] {
    /// Puts a value under a key, in place of the one that is there.
    ///
    /// - Parameters:
    ///   - value: anything that has bytes, at most 1 GiB.
    ///   - key: anything that has bytes, at most 1,024.
    /// - Throws: as for arrays of bytes.
    /// - Complexity: O(log n).
    @available(*, noasync, message: "In a task, use the call with await.")
    @inlinable
    public func put(
        _ value: borrowing some ByteSource & ~Copyable & ~Escapable,
        for key: borrowing some ByteSource & ~Copyable & ~Escapable
    ) throws(StorageError) {
        try key.withBytes { key throws(StorageError) in
            try value.withBytes { value throws(StorageError) in
                try source.put(value, for: key)
            }
        }
    }

    /// Deletes a key. Returns whether it was there. O(log n).
    ///
    /// - Parameter key: anything that has bytes.
    @available(*, noasync, message: "In a task, use the call with await.")
    @inlinable
    @discardableResult
    public func delete(
        _ key: borrowing some ByteSource & ~Copyable & ~Escapable
    ) throws(StorageError) -> Bool {
        try key.withBytes { key throws(StorageError) in
            try source.delete(key)
        }
    }
}
