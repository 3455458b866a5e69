import PageStore
import StorageIO

extension BPlusTree {
    /// Removes `key` and its value.
    ///
    /// - Parameters:
    ///   - key: the key; one longer than the limit is simply not there.
    ///   - lend: gets the value before it is gone; nil spares a big value from being read.
    /// - Returns: whether it was there; if not, nothing is touched.
    /// - Throws: `damaged`, `inputOutput`, `diskFull` (a page that an older version sees is copied
    ///   before it changes), after which the transaction can only be aborted.
    /// - Complexity: O(log n) pages.
    @discardableResult
    public mutating func delete(
        _ key: ByteView, lendingValue lend: ((ByteView) -> Void)? = nil
    ) throws(StorageError) -> Bool {
        try checkWritable()
        guard !root.isEmpty else { return false }
        let token = store.beginRead()
        defer { store.endRead(token) }
        var path = TreePath()
        let (leaf, position) = try store.descend(root, to: key, &path)
        guard position.isMatch else { return false }
        let value = leaf.value(position.index)
        if let lend { lend(try store.bytes(of: value)) }
        do {
            try shadow(&path)
            if case .overflow(let page, let byteCount) = value {
                try store.retireOverflow(page, byteCount: byteCount)
            }
            addToCounts(-1, path)
            Node(store.window.address(path.page(0))).remove(at: position.index)
            try tidy(&path)
        } catch { throw fail(error) }
        changeCount &+= 1
        return true
    }

    /// Puts the tree in order along a path, from the leaf up, after entries were removed: empty
    /// nodes go, short ones are joined or evened out with a neighbour, and a root with one child
    /// makes way for it. The path's nodes are ready for changes.
    mutating func tidy(_ path: inout TreePath) throws(StorageError) {
        let top = Int(root.height) - 1
        for level in 0..<max(top, 0) {
            let node = Node(store.window.address(path.page(level)))
            if node.count == 0 {
                try store.retire(path.page(level), birth: node.page.birth)
                Node(store.window.address(path.page(level + 1)))
                    .remove(at: path.slot(level + 1))
            } else {
                while node.usedBytes < NodeLayout.mergeThreshold, try rebalance(level, &path) {}
            }
        }
        if top >= 0, Node(store.window.address(path.page(top))).count == 0 {
            try store.retire(path.page(top), birth: store.transaction)
            root = .empty
        }
        try collapseRoot()
    }

    /// Takes away roots with a single child. Inside an open read.
    mutating func collapseRoot() throws(StorageError) {
        while root.height > 1 {
            let node = try store.node(root.page, level: Int(root.height) - 1)
            guard node.count == 1 else { return }
            let child = node.child(0)
            try store.retire(root.page, birth: node.page.birth)
            root.page = child
            root.height -= 1
        }
    }
}
