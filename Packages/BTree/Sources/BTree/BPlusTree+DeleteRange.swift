import PageStore
import StorageIO

extension BPlusTree {
    /// Removes every entry of a range.
    ///
    /// Subtrees that lie wholly in the range are given back page by page, never entry by entry; only
    /// the nodes at the two edges change.
    ///
    /// - Parameters:
    ///   - from: the first key of the range, nil for the tree's first.
    ///   - to: the first key after the range, nil for no end.
    /// - Returns: how many entries were removed. With none, nothing is touched.
    /// - Throws: `damaged`, `inputOutput`, `diskFull`, after which the transaction can only be
    ///   aborted.
    /// - Complexity: O(log n + pages of the range).
    @discardableResult
    public mutating func deleteRange(
        from: ByteView?, to: ByteView?
    ) throws(StorageError) -> UInt64 {
        try checkWritable()
        if let from, let to, from.compare(to: to) >= 0 { return 0 }
        let doomed = try count(from: from, to: to)
        guard doomed > 0 else { return 0 }
        guard doomed < root.entryCount else {
            try deleteAll()
            return doomed
        }
        do {
            var cut = RangeCut()
            try trimRoot(from, to, &cut)
            // Outside of any read of ours, as this may go through much of the file.
            for run in cut.runs { try store.retireOverflow(run.page, byteCount: run.byteCount) }
            for subtree in cut.subtrees.reversed() {
                try freeSubtree(subtree.page, level: subtree.level)
            }
            if let from { try tidyEdge(at: from) }
            if let to { try tidyEdge(at: to) }
            changeCount &+= 1
            return cut.removed
        } catch { throw fail(error) }
    }

    /// Removes every entry. O(pages).
    ///
    /// - Throws: `damaged`, `inputOutput`, after which the transaction can only be aborted.
    public mutating func deleteAll() throws(StorageError) {
        try checkWritable()
        guard !root.isEmpty else { return }
        do {
            try freeSubtree(root.page, level: Int(root.height) - 1)
        } catch { throw fail(error) }
        root = .empty
        changeCount &+= 1
    }

    // MARK: Cutting

    private mutating func trimRoot(
        _ from: ByteView?, _ to: ByteView?, _ cut: inout RangeCut
    ) throws(StorageError) {
        let token = store.beginRead()
        defer { store.endRead(token) }
        let level = Int(root.height) - 1
        root.page = try trim(root.page, level: level, from, to, &cut)
        root.entryCount &-= cut.removed
        if Node(store.window.address(root.page)).count == 0 {
            try store.retire(root.page, birth: store.transaction)
            root = .empty
        }
    }

    /// Takes a range out of the subtree at `number`, which it readies for changes.
    ///
    /// - Returns: where the node is now; it may have no slots left.
    private func trim(
        _ number: PageNumber, level: Int, _ from: ByteView?, _ to: ByteView?,
        _ cut: inout RangeCut
    ) throws(StorageError) -> PageNumber {
        let current = try writable(number, level: level)
        let node = Node(store.window.address(current))
        if level == 0 {
            let low = from.map { node.lowerBound($0).index } ?? 0
            let high = to.map { node.lowerBound($0).index } ?? node.count
            for index in stride(from: high - 1, through: low, by: -1) {
                if case .overflow(let page, let byteCount) = node.value(index) {
                    cut.runs.append((page, byteCount))
                }
                node.remove(at: index)
                cut.removed &+= 1
            }
            return current
        }
        let first = from.map { node.childIndex($0) } ?? 0
        let last = to.map { node.childIndex($0) } ?? node.count - 1
        // From the last to the first, so that a slot removed moves none that is still to come.
        for slot in stride(from: last, through: first, by: -1) {
            let slotFrom = slot == first ? from : nil
            let slotTo = slot == last ? to : nil
            if slotFrom == nil, slotTo == nil {
                cut.subtrees.append((node.child(slot), level - 1))
                cut.removed &+= node.entryCount(slot)
                node.remove(at: slot)
                continue
            }
            let removedBefore = cut.removed
            let child = try trim(node.child(slot), level: level - 1, slotFrom, slotTo, &cut)
            if Node(store.window.address(child)).count == 0 {
                try store.retire(child, birth: store.transaction)
                node.remove(at: slot)
            } else {
                node.setChild(child, at: slot)
                let removed = cut.removed &- removedBefore
                node.setEntryCount(node.entryCount(slot) &- removed, at: slot)
            }
        }
        return current
    }

    /// Puts the nodes at one edge of the cut in order.
    private mutating func tidyEdge(at key: ByteView) throws(StorageError) {
        guard !root.isEmpty else { return }
        let token = store.beginRead()
        defer { store.endRead(token) }
        var path = TreePath()
        _ = try store.descend(root, to: key, &path)
        for level in 0..<max(Int(root.height) - 1, 0) {
            let node = try store.node(path.page(level), level: level)
            guard node.usedBytes < NodeLayout.mergeThreshold else { continue }
            try shadow(&path)
            try tidy(&path)
            return
        }
        try collapseRoot()
    }

    // MARK: Giving pages back

    /// Retires all pages of a subtree, one read per page.
    func freeSubtree(_ number: PageNumber, level: Int) throws(StorageError) {
        var order = LeafOrder()
        try freeSubtree(number, level: level, &order)
    }

    private func freeSubtree(
        _ number: PageNumber, level: Int, _ order: inout LeafOrder
    ) throws(StorageError) {
        var children: [PageNumber] = []
        var runs: [(page: PageNumber, byteCount: Int)] = []
        let birth = try store.withNode(number, level: level) { (node) throws(StorageError) in
            if node.isLeaf {
                try order.enter(node)
                for index in 0..<node.count {
                    if case .overflow(let page, let byteCount) = node.value(index) {
                        runs.append((page, byteCount))
                    }
                }
            } else {
                children.reserveCapacity(node.count)
                for index in 0..<node.count { children.append(node.child(index)) }
            }
            return node.page.birth
        }
        for run in runs { try store.retireOverflow(run.page, byteCount: run.byteCount) }
        for child in children { try freeSubtree(child, level: level - 1, &order) }
        try store.retire(number, birth: birth)
    }
}

/// What a range deletion has cut off so far.
private struct RangeCut {
    var removed: UInt64 = 0
    var subtrees: [(page: PageNumber, level: Int)] = []
    var runs: [(page: PageNumber, byteCount: Int)] = []
}

/// Holds a walk over leaves to ascending first keys, so that it ends also on a hostile tree where
/// many parents share one child.
struct LeafOrder {
    private var buffer = KeyBuffer()
    private var isFirst = true

    /// - Throws: `damaged` when the leaf does not begin after the one before.
    mutating func enter(_ leaf: Node) throws(StorageError) {
        if !isFirst {
            let position = leaf.lowerBound(buffer.view)
            guard position.index == 0, !position.isMatch else {
                throw StorageError(
                    .damaged, "The leaves of a tree are not in order; verify the database.",
                    page: leaf.page.number)
            }
        }
        isFirst = false
        buffer.take(leaf, 0)
    }
}

extension PageStorage {
    /// Reads one node in a read of its own.
    func withNode<Result>(
        _ number: PageNumber, level: Int, _ body: (Node) throws(StorageError) -> Result
    ) throws(StorageError) -> Result {
        let token = beginRead()
        defer { endRead(token) }
        return try body(try node(number, level: level))
    }
}
