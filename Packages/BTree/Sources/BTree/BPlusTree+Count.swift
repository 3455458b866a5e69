import PageStore
import StorageIO

// Order statistics, by the counts beside the children (R10).
extension BPlusTree {
    /// How many entries have keys below `key`. O(log n) pages.
    ///
    /// - Throws: `damaged`, `inputOutput`.
    public func rank(_ key: ByteView) throws(StorageError) -> UInt64 {
        try root.validate()
        guard !root.isEmpty else { return 0 }
        let token = store.beginRead()
        defer { store.endRead(token) }
        var number = root.page
        var level = Int(root.height) - 1
        var rank: UInt64 = 0
        while level > 0 {
            let node = try store.node(number, level: level)
            let slot = node.childIndex(key)
            for index in 0..<slot { rank &+= node.entryCount(index) }
            number = node.child(slot)
            level -= 1
        }
        return rank &+ UInt64(try store.node(number, level: 0).lowerBound(key).index)
    }

    /// How many entries have keys in a range. O(log n) pages.
    ///
    /// - Parameters:
    ///   - from: the first key of the range, nil for the tree's first.
    ///   - to: the first key after the range, nil for no end.
    /// - Throws: `damaged`, `inputOutput`.
    public func count(from: ByteView?, to: ByteView?) throws(StorageError) -> UInt64 {
        let end: UInt64
        if let to { end = try rank(to) } else { end = root.entryCount }
        guard let from else { return end }
        let start = try rank(from)
        return end > start ? end - start : 0
    }

    /// Lends the entry that has `index` entries before it. O(log n) pages.
    ///
    /// - Returns: what `body` returned, or nil when there are not so many entries.
    /// - Throws: `damaged`, `inputOutput`, and what `body` throws.
    public func withEntry<Result>(
        at index: UInt64, _ body: (ByteView, ByteView) throws(StorageError) -> Result
    ) throws(StorageError) -> Result? {
        var cursor = makeCursor()
        guard try cursor.seek(index: index) else { return nil }
        return try cursor.withEntry(body)
    }

    /// A copy of the entry that has `index` entries before it, or nil when there are not so many.
    /// O(log n) pages.
    ///
    /// - Throws: `damaged`, `inputOutput`.
    public func entry(
        at index: UInt64
    ) throws(StorageError) -> (key: [UInt8], value: [UInt8])? {
        try withEntry(at: index) { key, value in (key.array, value.array) }
    }
}

extension PageStorage {
    /// Leads the path to the entry that has `index` entries before it, which must be below the
    /// root's count. Inside an open read.
    func descend(
        _ root: TreeRoot, toIndex index: UInt64, _ path: inout TreePath
    ) throws(StorageError) -> Node {
        var remaining = index
        var number = root.page
        var level = Int(root.height) - 1
        while level > 0 {
            let node = try node(number, level: level)
            var slot = 0
            while slot < node.count - 1, remaining >= node.entryCount(slot) {
                remaining -= node.entryCount(slot)
                slot += 1
            }
            path.setPage(number, at: level)
            path.setSlot(slot, at: level)
            number = node.child(slot)
            level -= 1
        }
        let leaf = try node(number, level: 0)
        guard remaining < UInt64(leaf.count) else {
            throw StorageError(
                .damaged, "The entry counts of a tree are wrong; verify the database.", page: number
            )
        }
        path.setPage(number, at: 0)
        path.setSlot(Int(remaining), at: 0)
        return leaf
    }
}
