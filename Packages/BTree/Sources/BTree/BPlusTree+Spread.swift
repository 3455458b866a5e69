import PageStore
import StorageIO

extension NodeLayout {
    /// Two leaves are evened out for an entry that one has no room for, if that leaves this many
    /// bytes in use at most in each; if not, a third joins them. Above seven eighths they would soon
    /// overflow again.
    static let spreadLimit = capacity * 7 / 8
}

// Entries that go from one node to its neighbour, which keeps the leaves fuller than splitting alone:
// Bayer and McCreight's overflow technique (1972), with the split of two nodes into three of the
// B*-tree (Knuth, volume 3, 6.2.4).
extension BPlusTree {
    /// Makes room for the entries of a leaf that outgrew its page by means of one neighbour under
    /// the same parent: evens the two out, or writes them over three pages.
    ///
    /// One neighbour, the left where there is one, because looking at both costs more than it
    /// gains: two full leaves that become three are two thirds full, and stay without overflow for
    /// as long as the halves of a split.
    ///
    /// - Parameter entries: those of the path's leaf; the neighbour's are added and taken off again
    ///   when the result is false.
    /// - Returns: false, with nothing changed, where there is no neighbour or the parent has no room
    ///   for the separators.
    mutating func spreadOverflow(
        _ entries: inout NodeEntries, _ path: TreePath
    ) throws(StorageError) -> Bool {
        guard root.height > 1 else { return false }
        let parent = Node(store.window.address(path.page(1)))
        guard parent.count > 1 else { return false }
        let slot = path.slot(1)
        let left = max(slot - 1, 0)
        let nodes = try neighbors(0, left, path)
        let neighbor = slot == left ? nodes.right : nodes.left
        let total = entries.encodedSize + neighbor.usedBytes
        let count = entries.count
        if slot == left { entries.append(neighbor) } else { entries.prepend(neighbor) }
        if total <= 2 * NodeLayout.spreadLimit, try spread(entries, over: 2, 0, left, path) {
            return true
        }
        if try spread(entries, over: 3, 0, left, path) { return true }
        entries.keep(slot == left ? 0..<count : entries.count - count..<entries.count)
        return false
    }

    /// Starts to bring the neighbour near that ``spreadOverflow(_:_:)`` will ask for.
    func prefetchSpread(_ path: TreePath) {
        guard root.height > 1 else { return }
        let parent = Node(store.window.address(path.page(1)))
        let slot = path.slot(1) == 0 ? 1 : path.slot(1) - 1
        guard slot < parent.count else { return }
        store.window.resident(parent.child(slot))?.bytes(0, count: PageLayout.pageSize).prefetch()
    }

    /// Spreads the entries of two neighbours evenly over their pages, or over these and a new one
    /// after them.
    ///
    /// - Returns: false, with nothing changed, when the parent has no room for the separators, or
    ///   the entries don't fit that way.
    mutating func spread(
        _ entries: borrowing NodeEntries, over pageCount: Int, _ level: Int, _ left: Int,
        _ path: TreePath
    ) throws(StorageError) -> Bool {
        let all = 0..<entries.count
        guard let point = entries.splitPoint(all, into: pageCount) else { return false }
        var second = all.upperBound
        if pageCount == 3 {
            guard let middle = entries.splitPoint(point..<all.upperBound) else { return false }
            second = middle
        }
        let parent = Node(store.window.address(path.page(level + 1)))
        guard
            try setSeparators(
                of: parent, after: left, entries.separator(at: point),
                second < all.upperBound ? entries.separator(at: second) : nil)
        else { return false }
        for slot in left..<left + pageCount {
            let number =
                slot < left + 2
                ? try writable(parent.child(slot), level: level)
                : try store.newPage(level: level).number
            let part =
                slot == left
                ? 0..<point : slot == left + 1 ? point..<second : second..<all.upperBound
            try entries.write(part, to: store.window.address(number))
            parent.setChild(number, at: slot)
            parent.setEntryCount(entries.totalEntryCount(part), at: slot)
        }
        entries.extendLifetime()
        return true
    }

    /// Gives the child after `left` another separator, and opens a slot with the `second` one after
    /// it. The caller fills in that slot's child and the counts.
    ///
    /// - Returns: false, with nothing changed, when the node has no room for that.
    private func setSeparators(
        of parent: Node, after left: Int, _ first: ByteView, _ second: ByteView?
    ) throws(StorageError) -> Bool {
        let isOpen = second.map { parent.insertChild($0, 0, entryCount: 0, at: left + 2) } ?? true
        if isOpen, parent.setSeparator(first, at: left + 1) { return true }
        if isOpen, second != nil { parent.remove(at: left + 2) }
        var entries = NodeEntries(parent)
        entries.setSeparator(first, at: left + 1)
        if let second { entries.insertChild(second, 0, entryCount: 0, at: left + 2) }
        guard entries.fitsOneNode else { return false }
        try entries.write(0..<entries.count, to: parent.page)
        return true
    }

    /// Two neighbours, the children `left` and `left + 1` of the path's parent.
    func neighbors(
        _ level: Int, _ left: Int, _ path: TreePath
    ) throws(StorageError) -> (left: Node, right: Node) {
        let parent = Node(store.window.address(path.page(level + 1)))
        guard parent.child(left) != parent.child(left + 1) else {
            throw StorageError(
                .damaged, "Two children of a tree node are the same page; verify the database.",
                page: path.page(level + 1))
        }
        return (
            try store.node(parent.child(left), level: level),
            try store.node(parent.child(left + 1), level: level)
        )
    }
}
