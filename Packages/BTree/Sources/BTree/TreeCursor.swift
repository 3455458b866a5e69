import PageStore
import StorageIO

/// A place in one version of a tree, to be moved entry by entry in both directions.
///
/// A cursor is a value: it holds a page number and a slot for each level and a copy of the key it
/// stands on, and keeps no page in memory between calls. It reads the version it was made on; that
/// the version's pages stay is up to whoever holds the snapshot. On a tree that is being written,
/// call ``rebase(on:)`` after a change.
///
/// It stands on an entry, before all of them (where it begins), after all of them, or, when its
/// entry has been deleted, in the gap where that was. From anywhere, ``next()`` goes to the
/// following entry and ``previous()`` to the one before.
public struct TreeCursor<Store: PageStorage>: Sendable {
    enum Place {
        case start, entry, end
        /// Before the entry that the path leads to.
        case gap
    }

    let store: Store
    private(set) var root: TreeRoot
    private var changeCount: UInt64
    private(set) var path = TreePath()
    private(set) var place = Place.start
    private var buffer = KeyBuffer()

    init(store: Store, root: TreeRoot, changeCount: UInt64) {
        self.store = store
        self.root = root
        self.changeCount = changeCount
    }

    /// Whether the cursor stands on an entry.
    public var isValid: Bool { place == .entry }

    /// The key that the cursor stands on, or stood on last; valid until the cursor moves.
    public var key: ByteView { buffer.view }

    // MARK: Reading

    /// Lends the entry that the cursor stands on.
    ///
    /// - Returns: what `body` returned, or nil when the cursor stands on none.
    /// - Throws: `damaged`, `inputOutput`, and what `body` throws.
    public func withEntry<Result>(
        _ body: (ByteView, ByteView) throws(StorageError) -> Result
    ) throws(StorageError) -> Result? {
        guard isValid else { return nil }
        let token = store.beginRead()
        defer { store.endRead(token) }
        let leaf = try store.node(path.page(0), level: 0)
        guard path.slot(0) < leaf.count else { return nil }
        return try body(key, try store.bytes(of: leaf.value(path.slot(0))))
    }

    /// Lends the value of the entry that the cursor stands on; see ``withEntry(_:)``.
    public func withValue<Result>(
        _ body: (ByteView) throws(StorageError) -> Result
    ) throws(StorageError) -> Result? {
        try withEntry { (_, value) throws(StorageError) in try body(value) }
    }

    // MARK: Moving

    /// Goes to the first entry. O(log n) pages.
    ///
    /// - Returns: whether there is one.
    /// - Throws: `damaged`, `inputOutput`, as all moves do.
    @discardableResult
    public mutating func first() throws(StorageError) -> Bool { try goToEdge(last: false) }

    /// Goes to the last entry. O(log n) pages.
    ///
    /// - Returns: whether there is one.
    @discardableResult
    public mutating func last() throws(StorageError) -> Bool { try goToEdge(last: true) }

    /// Goes to the first entry whose key is not below `key`, else after the last. O(log n) pages.
    ///
    /// - Returns: whether there is one.
    @discardableResult
    public mutating func seek(_ key: ByteView) throws(StorageError) -> Bool {
        guard try locate(key) != nil else { return false }
        return try settle()
    }

    /// Goes to the last entry whose key is below `key`, else before the first. O(log n) pages.
    ///
    /// - Returns: whether there is one.
    @discardableResult
    public mutating func seekBefore(_ key: ByteView) throws(StorageError) -> Bool {
        guard try locate(key) != nil else { return false }
        place = .gap
        return try previous()
    }

    /// Goes to the entry that has `index` entries before it, else after the last. O(log n) pages.
    ///
    /// - Returns: whether there is one.
    @discardableResult
    public mutating func seek(index: UInt64) throws(StorageError) -> Bool {
        try root.validate()
        guard index < root.entryCount else {
            place = root.isEmpty ? .start : .end
            return false
        }
        let token = store.beginRead()
        defer { store.endRead(token) }
        place = .start
        let leaf = try store.descend(root, toIndex: index, &path)
        stand(on: leaf)
        return true
    }

    /// Goes to the following entry; from the start to the first. Amortized O(1) pages.
    ///
    /// - Returns: whether there is one; if not, the cursor is after the last entry.
    @discardableResult
    public mutating func next() throws(StorageError) -> Bool {
        switch place {
        case .start: return try first()
        case .end: return false
        case .gap: return try settle()
        case .entry:
            path.setSlot(path.slot(0) + 1, at: 0)
            return try settle(sameLeaf: true)
        }
    }

    /// Goes to the entry before; from the end to the last. Amortized O(1) pages.
    ///
    /// - Returns: whether there is one; if not, the cursor is before the first entry.
    @discardableResult
    public mutating func previous() throws(StorageError) -> Bool {
        switch place {
        case .start: return false
        case .end: return try last()
        case .gap, .entry: break
        }
        let token = store.beginRead()
        defer { store.endRead(token) }
        if path.slot(0) > 0 {
            let leaf = try store.node(path.page(0), level: 0)
            path.setSlot(min(path.slot(0), leaf.count) - 1, at: 0)
            stand(on: leaf)
        } else if let leaf = try store.neighborLeaf(root, before: true, &path) {
            stand(on: leaf)
        } else {
            place = .start
        }
        return isValid
    }

    /// Carries the cursor over to a newer version of the tree, by its key. O(log n) pages, O(1)
    /// when the tree hasn't changed.
    ///
    /// - Returns: whether the cursor stands on the same key as before. If the entry is gone, it
    ///   stands in the gap: ``next()`` and ``previous()`` go on from there.
    @discardableResult
    public mutating func rebase(on tree: BPlusTree<Store>) throws(StorageError) -> Bool {
        if tree.changeCount == changeCount, tree.root == root { return isValid }
        root = tree.root
        changeCount = tree.changeCount
        guard place == .entry || place == .gap else { return false }
        guard let isMatch = try locate(buffer.view) else { return false }
        guard isMatch else {
            place = .gap
            return false
        }
        // Taken anew: the leaf may share another prefix now, which the next key is made from.
        let token = store.beginRead()
        defer { store.endRead(token) }
        stand(on: try store.node(path.page(0), level: 0))
        return true
    }

    // MARK: Parts

    /// Leads the path to where `key` is or would be.
    ///
    /// - Returns: whether it is there; nil when the tree is empty.
    private mutating func locate(_ key: ByteView) throws(StorageError) -> Bool? {
        place = .start
        try root.validate()
        guard !root.isEmpty else { return nil }
        let token = store.beginRead()
        defer { store.endRead(token) }
        return try store.descend(root, to: key, &path).position.isMatch
    }

    private mutating func goToEdge(last: Bool) throws(StorageError) -> Bool {
        place = .start
        try root.validate()
        guard !root.isEmpty else { return false }
        let token = store.beginRead()
        defer { store.endRead(token) }
        let top = Int(root.height) - 1
        path.setPage(root.page, at: top)
        stand(on: try store.descendEdge(from: top, last: last, &path))
        return true
    }

    /// Stands on the path's slot, or on the next leaf's first where the leaf ends before it.
    private mutating func settle(sameLeaf: Bool = false) throws(StorageError) -> Bool {
        let token = store.beginRead()
        defer { store.endRead(token) }
        place = .end
        let leaf = try store.node(path.page(0), level: 0)
        if path.slot(0) < leaf.count {
            stand(on: leaf, sameLeaf: sameLeaf)
        } else if let next = try store.neighborLeaf(root, before: false, &path) {
            stand(on: next)
        }
        return isValid
    }

    private mutating func stand(on leaf: Node, sameLeaf: Bool = false) {
        place = .entry
        if sameLeaf {
            buffer.takeNext(leaf, path.slot(0))
        } else {
            buffer.take(leaf, path.slot(0))
        }
    }
}

extension BPlusTree {
    /// A cursor on the current version, before the first entry. O(1), touches no page.
    public func makeCursor() -> TreeCursor<Store> {
        TreeCursor(store: store, root: root, changeCount: changeCount)
    }
}
