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
        var places: [BatchPlace] = []
        while start < keys.count {
            let end = min(start + Self.stride, keys.count)
            if root.isEmpty {
                for index in start..<end { try body(index, nil) }
            } else {
                try withValues(of: keys, start..<end, &places, body)
            }
            start = end
        }
    }

    private func withValues(
        of keys: borrowing KeyBatch, _ range: Range<Int>, _ places: inout [BatchPlace],
        _ body: (Int, ByteView?) throws(StorageError) -> Void
    ) throws(StorageError) {
        let token = store.beginRead()
        defer { store.endRead(token) }
        let window = store.window
        places.removeAll(keepingCapacity: true)
        for _ in range { places.append(BatchPlace(page: root.page, slot: 0)) }
        try window.descendTogether(root, keys, range, &places) { (page) throws(StorageError) in
            try store.load(page)
        }
        for (number, index) in range.enumerated() {
            let place = places[number]
            let leaf = Node(window.address(place.page))
            guard let slot = leaf.match(keys.key(index), from: place.slot) else {
                try body(index, nil)
                continue
            }
            try body(index, try store.bytes(of: leaf.value(slot)))
        }
    }
}

/// Where a key of a batch is on its way down. (Not inside the generic tree: a look into an array of it
/// would then ask the runtime for its metadata each time.)
private struct BatchPlace {
    var page: PageNumber
    /// In the leaf, the first slot whose head is not below the key's.
    var slot: Int
}

extension PageWindow {
    /// Leads each of `places` from the root to the leaf that its key belongs to, and starts to bring near
    /// what will be read there.
    fileprivate func descendTogether(
        _ root: TreeRoot, _ keys: borrowing KeyBatch, _ range: Range<Int>,
        _ places: inout [BatchPlace], _ load: PageLoader
    ) throws(StorageError) {
        for level in Swift.stride(from: Int(root.height) - 1, to: 0, by: -1) {
            for number in places.indices {
                let node = try node(places[number].page, level: level, load)
                let child = node.child(node.childIndex(keys.key(range.lowerBound + number)))
                places[number].page = child
                resident(child)?.prefetchForSearch()
            }
        }
        for number in places.indices {
            let leaf = try node(places[number].page, level: 0, load)
            places[number].slot = leaf.findCell(keys.key(range.lowerBound + number))
        }
    }
}

extension Node {
    /// The first slot whose head is not below that of `key`, if the key begins with the prefix. Starts to
    /// bring its cell near.
    fileprivate func findCell(_ key: ByteView) -> Int {
        let slot = lowerHead(key.dropFirst(prefixLength).head, from: 0)
        if slot < count { prefetchCell(slot) }
        return slot
    }

    /// The slot of `key`, found from what ``findCell(_:)`` gave; nil when the key is not there.
    fileprivate func match(_ key: ByteView, from slot: Int) -> Int? {
        guard slot < count, sharesPrefix(key) else { return nil }
        let suffix = key.dropFirst(prefixLength)
        let head = suffix.head
        guard self.head(slot) == head else { return nil }
        if slot + 1 < count, self.head(slot + 1) == head {
            let position = lowerBound(key, from: slot)
            return position.isMatch ? position.index : nil
        }
        let rest = suffix.dropFirst(NodeLayout.headSize)
        guard suffixLength(slot) == suffix.count, self.rest(slot).compareCommon(to: rest) == 0
        else { return nil }
        return slot
    }
}
