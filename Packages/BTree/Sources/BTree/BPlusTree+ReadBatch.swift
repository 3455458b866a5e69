import PageStore
import StorageIO

extension BPlusTree {
    /// How many keys are on their way down at a time: enough to hide what memory takes, and few enough
    /// that what they brought near is still there when they come to it.
    private static var stride: Int { 32 }

    /// Lends the values of many keys at once.
    ///
    /// All keys go down the tree side by side, a level at a time, and what each will read on the next
    /// level is fetched meanwhile. So the waits for memory overlap, where single reads wait for one
    /// after the other. (The technique is group prefetching: Chen, Ailamaki, Gibbons and Mowry,
    /// "Improving Hash Join Performance through Prefetching", ICDE 2004.)
    ///
    /// - Parameters:
    ///   - keys: the keys, in any order; one that is longer than the limit is simply not there.
    ///   - body: gets the number of each key, from 0 in their order, and its value, nil when the key
    ///     is not there. The value is valid until it returns.
    /// - Throws: `damaged`, `inputOutput`, and what `body` throws.
    /// - Complexity: O(keys × log n) pages.
    public func withValues(
        of keys: borrowing KeyBatch,
        _ body: (Int, ByteView?) throws(StorageError) -> Void
    ) throws(StorageError) {
        try root.validate()
        var start = 0
        var pages: [PageNumber] = []
        while start < keys.count {
            let end = min(start + Self.stride, keys.count)
            if root.isEmpty {
                for index in start..<end { try body(index, nil) }
            } else {
                try withValues(of: keys, start..<end, &pages, body)
            }
            start = end
        }
    }

    private func withValues(
        of keys: borrowing KeyBatch, _ range: Range<Int>, _ pages: inout [PageNumber],
        _ body: (Int, ByteView?) throws(StorageError) -> Void
    ) throws(StorageError) {
        let token = store.beginRead()
        defer { store.endRead(token) }
        let window = store.window
        let load: PageLoader = { (page) throws(StorageError) in try store.load(page) }
        pages.removeAll(keepingCapacity: true)
        for _ in range { pages.append(root.page) }
        try window.descendTogether(root, keys, range, &pages, load)
        for (number, index) in range.enumerated() {
            let leaf = try window.node(pages[number], level: 0, load)
            let position = leaf.lowerBound(keys.key(index))
            let value = position.isMatch ? leaf.value(position.index) : nil
            try body(
                index,
                try value.map { (value) throws(StorageError) in
                    try store.bytes(of: value)
                })
        }
    }
}

extension PageWindow {
    /// Leads each of `pages` from the root to the leaf that its key belongs to, and starts to bring near
    /// what a search there will read.
    fileprivate func descendTogether(
        _ root: TreeRoot, _ keys: borrowing KeyBatch, _ range: Range<Int>,
        _ pages: inout [PageNumber], _ load: PageLoader
    ) throws(StorageError) {
        for level in Swift.stride(from: Int(root.height) - 1, to: 0, by: -1) {
            for number in pages.indices {
                let node = try node(pages[number], level: level, load)
                let child = node.child(node.childIndex(keys.key(range.lowerBound + number)))
                pages[number] = child
                resident(child)?.prefetchForSearch()
            }
        }
        for number in pages.indices {
            guard let page = resident(pages[number]) else { continue }
            Node(page).prefetchCell(keys.key(range.lowerBound + number))
        }
    }
}

extension Node {
    /// Starts to bring near the cell that a search of this leaf for `key` will most likely read.
    fileprivate func prefetchCell(_ key: ByteView) {
        let index = lowerHead(key.dropFirst(prefixLength).head, from: 0)
        guard index < count else { return }
        page.bytes(cellOffset(index), count: 128).prefetch()
    }
}
