import PageStore
import StorageIO

extension BPlusTree {
    /// Lends the value of `key`.
    ///
    /// - Parameters:
    ///   - key: the key; one longer than the limit is simply not there.
    ///   - body: gets the value, which is valid until it returns. Keep it short: what a read uses
    ///     can't be evicted meanwhile.
    /// - Returns: what `body` returned, or nil when the key is not there.
    /// - Throws: `damaged`, `inputOutput`, and what `body` throws.
    /// - Complexity: O(log n) pages.
    public func withValue<Result>(
        _ key: ByteView, _ body: (ByteView) throws(StorageError) -> Result
    ) throws(StorageError) -> Result? {
        try store.withValue(of: key, in: root, body)
    }

    /// Whether `key` is there. O(log n) pages; a big value is not touched.
    ///
    /// - Throws: `damaged`, `inputOutput`.
    public func contains(_ key: ByteView) throws(StorageError) -> Bool {
        try root.validate()
        guard !root.isEmpty else { return false }
        let token = store.beginRead()
        defer { store.endRead(token) }
        return try store.find(root, key).position.isMatch
    }

    /// A copy of the value of `key`, or nil when the key is not there. O(log n) pages.
    ///
    /// - Throws: `damaged`, `inputOutput`.
    public func get(_ key: ByteView) throws(StorageError) -> [UInt8]? {
        try withValue(key) { value in value.array }
    }
}

// Readers of many threads that look at one version after another make no tree for each: the store would
// be retained and released for it, in one place that all threads then change.
extension PageStorage {
    /// Lends the value of `key` in a tree that `root` says: ``BPlusTree/withValue(_:_:)`` without a tree.
    public func withValue<Result>(
        of key: ByteView, in root: TreeRoot, _ body: (ByteView) throws(StorageError) -> Result
    ) throws(StorageError) -> Result? {
        try root.validate()
        guard !root.isEmpty else { return nil }
        let token = beginRead()
        defer { endRead(token) }
        let (leaf, position) = try find(root, key)
        guard position.isMatch else { return nil }
        return try body(try bytes(of: leaf.value(position.index)))
    }

    /// The bytes of a value, wherever they are. Valid as long as the open read.
    func bytes(of value: LeafValue) throws(StorageError) -> ByteView {
        switch value {
        case .inline(let bytes): return bytes
        case .overflow(let page, let byteCount):
            return try overflow(page, byteCount: byteCount)
        }
    }
}
