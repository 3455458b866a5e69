import PageStore
import StorageIO

/// Where a value is.
public enum ValuePlace: Sendable, Equatable {
    /// In a leaf; a copy.
    case leaf([UInt8])
    /// In the overflow run that begins at a page; see `openRun(_:byteCount:)` of `PageReading`.
    case run(PageNumber, byteCount: Int)
}

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
    @inlinable
    public func withValue<Result>(
        _ key: ByteView, _ body: (ByteView) throws(StorageError) -> Result
    ) throws(StorageError) -> Result? {
        var result: Result?
        try store.lendValue(of: key, in: root) { value throws(StorageError) in
            result = try body(value)
        }
        return result
    }

    /// Where the value of `key` is, or nil when the key is not there. O(log n) pages; a big value is not touched.
    ///
    /// - Throws: `damaged`, `inputOutput`.
    public func place(of key: ByteView) throws(StorageError) -> ValuePlace? {
        try root.validate()
        guard !root.isEmpty else { return nil }
        let token = store.beginRead()
        defer { store.endRead(token) }
        let (leaf, position) = try store.find(root, key)
        guard position.isMatch else { return nil }
        switch leaf.value(position.index) {
        case .inline(let bytes): return .leaf(bytes.array)
        case .overflow(let page, let byteCount): return .run(page, byteCount: byteCount)
        }
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

// What a get comes down to, without a tree and without a type that only the caller knows: for a generic
// type the runtime is asked each time, which takes longer than the search; and a tree retains its store,
// in one place that all readers would then change.
extension PageStorage {
    /// Lends the value of `key` in the tree that `root` says, if it is there: ``BPlusTree/withValue(_:_:)``.
    public func lendValue(
        of key: ByteView, in root: TreeRoot, to body: (ByteView) throws(StorageError) -> Void
    ) throws(StorageError) {
        try root.validate()
        guard !root.isEmpty else { return }
        let token = beginRead()
        defer { endRead(token) }
        let (leaf, position) = try find(root, key)
        guard position.isMatch else { return }
        try body(try bytes(of: leaf.value(position.index)))
    }

    /// The bytes of a value, wherever they are. Valid as long as the open read.
    func bytes(of value: LeafValue) throws(StorageError) -> ByteView {
        switch value {
        case .inline(let bytes): return bytes
        case .overflow(let page, let byteCount):
            return try overflow(page, byteCount: byteCount)
        }
    }

    /// The bytes of a value, which may lie in `buffer`; see ``PageReading/overflow(_:byteCount:beside:)``.
    func bytes(
        of value: LeafValue, beside buffer: inout PageBuffer?
    ) throws(StorageError) -> ByteView {
        switch value {
        case .inline(let bytes): return bytes
        case .overflow(let page, let byteCount):
            return try overflow(page, byteCount: byteCount, beside: &buffer)
        }
    }
}
