import PageStore
import StorageIO

extension BPlusTree {
    /// Puts many entries, each as ``put(_:_:)`` does, one after the other.
    ///
    /// Before the first is put all look for their leaves side by side, so that the waits for memory
    /// overlap; and while one is put, what the next will copy and change is fetched.
    ///
    /// - Parameter entries: some dozen at a time; what is brought near for more is gone again before it
    ///   is used.
    /// - Throws: what ``put(_:_:)`` does; those before are put then.
    /// - Complexity: O(entries × log n) pages.
    public mutating func put(_ entries: borrowing EntryBatch) throws(StorageError) {
        let ahead = LeavesAhead(of: entries.keys, in: self)
        for index in 0..<entries.count {
            ahead.fetch(index + 1, store.window)
            _ = try put(entries.key(index), entries.value(index))
        }
    }

    /// Deletes many keys, each as ``delete(_:)`` does, one after the other, and looks ahead as the putting
    /// of many does.
    ///
    /// - Parameters:
    ///   - keys: some dozen at a time.
    ///   - deleted: gets the number of each key that was there, from 0 in their order.
    /// - Throws: what ``delete(_:)`` does; those before are deleted then.
    /// - Complexity: O(keys × log n) pages.
    public mutating func delete(
        _ keys: borrowing KeyBatch, _ deleted: (Int) -> Void
    ) throws(StorageError) {
        let ahead = LeavesAhead(of: keys, in: self)
        for index in 0..<keys.count {
            ahead.fetch(index + 1, store.window)
            if try delete(keys.key(index)) { deleted(index) }
        }
    }
}

/// Where changes that are to come will happen: hints, which the changes before them may make wrong.
private struct LeavesAhead {
    /// The leaf of each key; 0 where the way there is not in memory.
    private var pages: [PageNumber] = []

    init<Store>(of keys: borrowing KeyBatch, in tree: BPlusTree<Store>) {
        let root = tree.root
        guard keys.count > 1, root.height > 1, root.height <= TreeLimits.maximumHeight else {
            return
        }
        let token = tree.store.beginRead()
        defer { tree.store.endRead(token) }
        pages = Array(repeating: root.page, count: keys.count)
        tree.store.window.descendTogether(root, keys, &pages)
    }

    /// Starts to bring the leaf of a key near, all of it: most changes begin by copying it.
    func fetch(_ index: Int, _ window: PageWindow) {
        guard index < pages.count else { return }
        window.resident(pages[index])?.bytes(0, count: PageLayout.pageSize).prefetch()
    }
}

extension PageWindow {
    /// Leads each of `pages` from the root to the leaf that its key belongs to, as far as that is in
    /// memory, and to 0 where it isn't.
    fileprivate func descendTogether(
        _ root: TreeRoot, _ keys: borrowing KeyBatch, _ pages: inout [PageNumber]
    ) {
        for level in Swift.stride(from: Int(root.height) - 1, to: 0, by: -1) {
            for index in pages.indices {
                guard let page = resident(pages[index]), Int(page.level) == level,
                    page.rawKind == PageKind.inner.rawValue
                else {
                    // Also of a page 0: a superblock is never in the cache.
                    pages[index] = 0
                    continue
                }
                let node = Node(page)
                let child = node.child(node.childIndex(keys.key(index)))
                pages[index] = child
                if level > 1 {
                    resident(child)?.prefetchForSearch()
                } else {
                    resident(child)?.bytes(0, count: 64).prefetch()
                }
            }
        }
    }
}
