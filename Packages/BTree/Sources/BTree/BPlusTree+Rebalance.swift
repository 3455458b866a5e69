import PageStore
import StorageIO

extension NodeLayout {
    /// A node with fewer bytes in use than this looks for a neighbour to join.
    static let mergeThreshold = capacity / 3
    /// One with fewer than this, whose neighbours are too full to join, is evened out with one.
    static let evenOutThreshold = capacity / 5
}

extension BPlusTree {
    /// Joins the path's node at `level` with a neighbour under the same parent, or evens the two
    /// out. Where neither is possible the short node stays, which breaks no rule.
    ///
    /// Node and parent are ready for changes; the path's slot at `level + 1` may move.
    ///
    /// - Returns: whether two nodes were joined, which may leave a node that is still short.
    mutating func rebalance(
        _ level: Int, _ path: inout TreePath
    ) throws(StorageError) -> Bool {
        let parent = Node(store.window.address(path.page(level + 1)))
        let slot = path.slot(level + 1)
        guard parent.count > 1 else { return false }
        if slot > 0, try join(level, slot - 1, &path) { return true }
        if slot + 1 < parent.count, try join(level, slot, &path) { return true }
        let node = Node(store.window.address(path.page(level)))
        guard node.usedBytes < NodeLayout.evenOutThreshold else { return false }
        let left = max(slot - 1, 0)
        _ = try spread(gather(level, left, path), over: 2, level, left, path)
        return false
    }

    /// The entries of two neighbours, the children `left` and `left + 1` of the path's parent.
    private func gather(
        _ level: Int, _ left: Int, _ path: TreePath
    ) throws(StorageError) -> NodeEntries {
        let parent = Node(store.window.address(path.page(level + 1)))
        let nodes = try neighbors(level, left, path)
        var entries = NodeEntries(nodes.left)
        let above = ByteScratch(capacity: 64)
        let offset = above.appendKey(of: parent, left + 1)
        entries.append(nodes.right, separator: above.view(offset, above.count))
        withExtendedLifetime(above) {}
        return entries
    }

    /// Writes two neighbours into one page, the path's own, if they fit.
    private mutating func join(
        _ level: Int, _ left: Int, _ path: inout TreePath
    ) throws(StorageError) -> Bool {
        let parent = Node(store.window.address(path.page(level + 1)))
        let slot = path.slot(level + 1)
        let neighborNumber = parent.child(left == slot ? slot + 1 : left)
        let neighbor = try store.node(neighborNumber, level: level)
        let own = Node(store.window.address(path.page(level)))
        // Prefixes may make the joined node smaller or larger than the sum; only where the sum is
        // far off is the closer look left out.
        let total = neighbor.usedBytes + own.usedBytes
        let shared = min(neighbor.prefixLength, own.prefixLength)
        guard total - shared <= NodeLayout.capacity else { return false }
        let entries = try gather(level, left, path)
        guard entries.fitsOneNode else { return false }
        let birth = neighbor.page.birth
        try entries.write(0..<entries.count, to: own.page)
        try store.retire(neighborNumber, birth: birth)
        parent.setChild(path.page(level), at: left)
        parent.setEntryCount(entries.totalEntryCount(0..<entries.count), at: left)
        parent.remove(at: left + 1)
        path.setSlot(left, at: level + 1)
        return true
    }
}
