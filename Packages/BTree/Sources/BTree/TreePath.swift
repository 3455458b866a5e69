import PageStore
import StorageIO

/// The way from a root to a slot of a leaf: a page number and a slot for each level, leaf first.
///
/// Two vectors serve as arrays of fixed size that need no allocation; 32 levels are more than page
/// numbers can fill (``TreeLimits/maximumHeight``).
struct TreePath: Sendable {
    private var pages = SIMD32<UInt32>()
    private var slots = SIMD32<UInt16>()

    func page(_ level: Int) -> PageNumber { pages[level] }
    func slot(_ level: Int) -> Int { Int(slots[level]) }

    mutating func setPage(_ page: PageNumber, at level: Int) { pages[level] = page }
    mutating func setSlot(_ slot: Int, at level: Int) {
        slots[level] = UInt16(truncatingIfNeeded: slot)
    }
}

/// Brings a page in that is not in memory: ``PageReading/load(_:)``.
typealias PageLoader = (PageNumber) throws(StorageError) -> Void

extension PageBytes {
    /// Starts to bring near what a search in a node reads whatever it looks for: the header and, in
    /// most leaves, all slots; and the prefix, which a node written anew has at the page's end.
    @inline(__always)
    func prefetchForSearch() {
        bytes(0, count: 256).prefetch()
        bytes(PageLayout.pageSize - 64, count: 64).prefetch()
    }
}

// Finding nodes, on the one path that every operation takes. Not generic, so that it is compiled once
// and calls nothing while pages are in memory; a miss goes out through `load`.
extension PageWindow {
    /// The node on a page, which must be at `level`.
    ///
    /// Because levels go down by one with each step, links that form a cycle can't be followed
    /// for ever.
    ///
    /// - Throws: `damaged` when the page holds something else, and what the store throws.
    @inline(__always)
    func node(_ number: PageNumber, level: Int, _ load: PageLoader) throws(StorageError) -> Node {
        if resident(number) == nil { try load(number) }
        let page = address(number)
        page.prefetchForSearch()
        let kind = level == 0 ? PageKind.leaf : PageKind.inner
        guard page.rawKind == kind.rawValue, Int(page.level) == level else {
            throw misplaced(number, level)
        }
        return Node(page)
    }

    @inline(never)
    private func misplaced(_ number: PageNumber, _ level: Int) -> StorageError {
        StorageError(
            .damaged,
            "A page that should hold a tree node of level \(level) does not; verify the database.",
            page: number)
    }

    /// The leaf that `key` belongs to. The path's slot there is where the key is or would be.
    func descend(
        _ root: TreeRoot, to key: ByteView, _ path: inout TreePath, _ load: PageLoader
    ) throws(StorageError) -> (leaf: Node, position: NodePosition) {
        var number = root.page
        var level = Int(root.height) - 1
        while level > 0 {
            let node = try node(number, level: level, load)
            let slot = node.childIndex(key)
            path.setPage(number, at: level)
            path.setSlot(slot, at: level)
            number = node.child(slot)
            level -= 1
        }
        let leaf = try node(number, level: 0, load)
        let position = leaf.lowerBound(key)
        path.setPage(number, at: 0)
        path.setSlot(position.index, at: 0)
        return (leaf, position)
    }

    /// The leaf after or before the path's, if it is in memory and has the same parent. Starts to bring the
    /// header of the one beyond near.
    func neighborAhead(_ root: TreeRoot, before: Bool, _ path: TreePath) -> Node? {
        guard root.height > 1, let parent = resident(path.page(1)).map(Node.init) else {
            return nil
        }
        let step = before ? -1 : 1
        let slot = path.slot(1) + step
        guard slot >= 0, slot < parent.count, let page = resident(parent.child(slot)) else {
            return nil
        }
        if slot + step >= 0, slot + step < parent.count {
            resident(parent.child(slot + step))?.bytes(0, count: 64).prefetch()
        }
        return Node(page)
    }

    /// The leaf that `key` belongs to and where the key is in it, without noting the way.
    func find(
        _ root: TreeRoot, _ key: ByteView, _ load: PageLoader
    ) throws(StorageError) -> (leaf: Node, position: NodePosition) {
        var number = root.page
        var level = Int(root.height) - 1
        while level > 0 {
            let node = try node(number, level: level, load)
            number = node.child(node.childIndex(key))
            level -= 1
        }
        let leaf = try node(number, level: 0, load)
        return (leaf, leaf.lowerBound(key))
    }
}

// The same for a store. All of it inside an open read.
extension PageStorage {
    /// The node on a page, which must be at `level`.
    func node(_ number: PageNumber, level: Int) throws(StorageError) -> Node {
        try window.node(number, level: level) { (page) throws(StorageError) in try load(page) }
    }

    /// The leaf that `key` belongs to. The path's slot there is where the key is or would be.
    func descend(
        _ root: TreeRoot, to key: ByteView, _ path: inout TreePath
    ) throws(StorageError) -> (leaf: Node, position: NodePosition) {
        try window.descend(root, to: key, &path) { (page) throws(StorageError) in try load(page) }
    }

    /// The leaf that `key` belongs to and where the key is in it, without noting the way.
    func find(
        _ root: TreeRoot, _ key: ByteView
    ) throws(StorageError) -> (leaf: Node, position: NodePosition) {
        try window.find(root, key) { (page) throws(StorageError) in try load(page) }
    }

    /// The first or last leaf below the page that the path names at `level`, with its first or last
    /// slot.
    func descendEdge(
        from level: Int, last: Bool, _ path: inout TreePath
    ) throws(StorageError) -> Node {
        var level = level
        while true {
            let node = try node(path.page(level), level: level)
            let slot = last ? node.count - 1 : 0
            path.setSlot(slot, at: level)
            guard level > 0 else { return node }
            level -= 1
            path.setPage(node.child(slot), at: level)
        }
    }

    /// The leaf after or before the path's, or nil with the path unchanged when there is none.
    func neighborLeaf(
        _ root: TreeRoot, before: Bool, _ path: inout TreePath
    ) throws(StorageError) -> Node? {
        var level = 1
        while level < Int(root.height) {
            let node = try node(path.page(level), level: level)
            let slot = path.slot(level) + (before ? -1 : 1)
            if slot >= 0, slot < node.count {
                let old = try self.node(path.page(0), level: 0)
                path.setSlot(slot, at: level)
                path.setPage(node.child(slot), at: level - 1)
                let leaf = try descendEdge(from: level - 1, last: before, &path)
                guard before ? leaf.begins(before: old) : old.begins(before: leaf) else {
                    throw StorageError(
                        .damaged, "The leaves of a tree are not in order; verify the database.",
                        page: path.page(0))
                }
                return leaf
            }
            level += 1
        }
        return nil
    }
}
