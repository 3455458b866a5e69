import PageStore
import StorageIO

extension BPlusTree {
    /// Lends every entry of a range in order.
    ///
    /// Faster than a cursor, as it stays inside a leaf under one read. That read is opened anew for
    /// each leaf and after each big value, so a long scan doesn't hold up eviction.
    ///
    /// - Parameters:
    ///   - from: the first key of the range, nil for the tree's first.
    ///   - to: the first key after the range, nil for no end.
    ///   - reverse: whether to go from the last entry of the range to the first.
    ///   - keepsValues: whether big values that were not in the cache are from then on.
    ///   - body: gets key and value, valid until it returns, and says whether to go on.
    /// - Throws: `damaged`, `inputOutput`, and what `body` throws.
    /// - Complexity: O(log n + entries visited).
    public func forEach(
        from: ByteView? = nil, to: ByteView? = nil, reverse: Bool = false,
        keepsValues: Bool = true,
        _ body: (ByteView, ByteView) throws(StorageError) -> Bool
    ) throws(StorageError) {
        try visit(
            from: from, to: to, reverse: reverse, keepsValues: keepsValues, longFrom: .max,
            { _, _, _ in true }, body)
    }

    /// Lends every entry in order, long values as the runs that they are in: for who copies everything.
    ///
    /// - Parameters:
    ///   - byteCount: from how many bytes on a value is long.
    ///   - keepsValues: whether the others that were not in the cache are from then on.
    ///   - long: gets the key, first page and length of a long value, and says whether to go on. What it reads can be
    ///     evicted meanwhile.
    ///   - body: gets the others, as that of ``forEach(from:to:reverse:keepsValues:_:)`` does.
    /// - Throws: `damaged`, `inputOutput`, and what the closures throw.
    public func forEach(
        longFrom byteCount: Int, keepsValues: Bool = false,
        long: (ByteView, PageNumber, Int) throws(StorageError) -> Bool,
        _ body: (ByteView, ByteView) throws(StorageError) -> Bool
    ) throws(StorageError) {
        try visit(
            from: nil, to: nil, reverse: false, keepsValues: keepsValues, longFrom: byteCount,
            long, body)
    }

    /// Lends every entry of a range in order, like ``forEach(from:to:reverse:keepsValues:_:)``, to a closure that
    /// throws nothing.
    ///
    /// - Parameters:
    ///   - from: the first key of the range, nil for the tree's first.
    ///   - to: the first key after the range, nil for no end.
    ///   - reverse: whether to go from the last entry of the range to the first.
    ///   - body: gets key and value, and says whether to go on.
    /// - Throws: `damaged`, `inputOutput`.
    /// - Complexity: O(log n + entries visited).
    public func scan(
        from: ByteView? = nil, to: ByteView? = nil, reverse: Bool = false,
        _ body: (RawSpan, RawSpan) -> Bool
    ) throws(StorageError) {
        // With the loop inside it: as an argument of the other one, the closure around `body` would cost each entry
        // a jump.
        try visit(
            from: from, to: to, reverse: reverse, keepsValues: true, longFrom: .max,
            { _, _, _ in true }
        ) { key, value throws(StorageError) in
            key.withBytes { key in value.withBytes { value in body(key, value) } }
        }
    }

    /// The loop of both.
    @inline(__always)
    private func visit(
        from: ByteView?, to: ByteView?, reverse: Bool, keepsValues: Bool, longFrom: Int,
        _ long: (ByteView, PageNumber, Int) throws(StorageError) -> Bool,
        _ body: (ByteView, ByteView) throws(StorageError) -> Bool
    ) throws(StorageError) {
        try root.validate()
        guard !root.isEmpty else { return }
        if let from, let to, from.compare(to: to) >= 0 { return }
        var path = TreePath()
        var token = store.beginRead()
        defer { store.endRead(token) }
        var leaf = try scanStart(reverse ? to : from, last: reverse, &path)
        var scan = LeafScan(leaf)
        var buffer: PageBuffer?
        while true {
            let low = from.map { leaf.lowerBound($0).index } ?? 0
            let high = to.map { leaf.lowerBound($0).index } ?? leaf.count
            let count = leaf.count
            var remaining = max(0, high - low)
            var ahead = LeafAhead()
            if reverse ? low == 0 : high == count {
                ahead = LeafAhead(
                    store.window.neighborAhead(root, before: reverse, path), during: remaining)
            }
            while remaining > 0 {
                let index = reverse ? low + remaining - 1 : high - remaining
                let lent = try scan.lend(
                    remaining, from: index, reverse: reverse, &ahead, body)
                guard lent.goesOn else { return }
                remaining -= lent.count
                guard remaining > 0 else { break }
                let (key, value) = scan.entry(reverse ? index - lent.count : index + lent.count)
                remaining -= 1
                if longFrom != .max, case .overflow(let page, let byteCount) = value,
                    byteCount >= longFrom
                {
                    let copy = key.array
                    store.endRead(token)
                    // Also where this throws: the read is ended once more.
                    defer { token = store.beginRead() }
                    let goesOn = try withByteView(of: copy) { key throws(StorageError) in
                        try long(key, page, byteCount)
                    }
                    guard goesOn else { return }
                } else {
                    let bytes =
                        keepsValues
                        ? try store.bytes(of: value) : try store.bytes(of: value, beside: &buffer)
                    guard try body(key, bytes) else { return }
                    store.endRead(token)
                    token = store.beginRead()
                }
                leaf = try store.node(path.page(0), level: 0)
                scan.enter(leaf)
            }
            // Where the range ends inside the leaf there is nothing to look for beyond.
            if reverse ? low > 0 : high < count { return }
            store.endRead(token)
            token = store.beginRead()
            guard let next = try store.neighborLeaf(root, before: reverse, &path) else { return }
            leaf = next
            scan.enter(leaf)
        }
    }

    /// Lends every key of a range in order, without reading big values.
    ///
    /// - Parameters:
    ///   - from: the first key of the range, nil for the tree's first.
    ///   - to: the first key after the range, nil for no end.
    ///   - reverse: whether to go from the last key of the range to the first.
    ///   - body: gets the key, valid until it returns, and says whether to go on.
    /// - Throws: `damaged`, `inputOutput`, and what `body` throws.
    /// - Complexity: O(log n + keys visited).
    public func forEachKey(
        from: ByteView? = nil, to: ByteView? = nil, reverse: Bool = false,
        _ body: (ByteView) throws(StorageError) -> Bool
    ) throws(StorageError) {
        var cursor = makeCursor()
        var isThere: Bool
        if let start = reverse ? to : from {
            isThere = try reverse ? cursor.seekBefore(start) : cursor.seek(start)
        } else {
            isThere = try reverse ? cursor.last() : cursor.first()
        }
        while isThere {
            let key = cursor.key
            if reverse {
                if let from, key.compare(to: from) < 0 { return }
            } else {
                if let to, key.compare(to: to) >= 0 { return }
            }
            guard try body(key) else { return }
            isThere = try reverse ? cursor.previous() : cursor.next()
        }
    }

    /// The leaf that a scan begins in.
    private func scanStart(
        _ key: ByteView?, last: Bool, _ path: inout TreePath
    ) throws(StorageError) -> Node {
        if let key {
            let leaf = try store.descend(root, to: key, &path).leaf
            leaf.page.bytes(leaf.cellStart, count: PageLayout.pageSize - leaf.cellStart).prefetch()
            return leaf
        }
        let top = Int(root.height) - 1
        path.setPage(root.page, at: top)
        return try store.descendEdge(from: top, last: last, &path)
    }
}
