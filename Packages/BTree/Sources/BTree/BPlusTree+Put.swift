import PageStore
import StorageIO

extension BPlusTree {
    /// Stores `value` under `key`, in place of an older value.
    ///
    /// - Parameters:
    ///   - key: 0 to 1024 bytes.
    ///   - value: 0 to 2^30 bytes.
    /// - Returns: true when the key is new.
    /// - Throws: `keyTooLong` and `valueTooLong`, with nothing changed; `diskFull`, `fileTooLarge`,
    ///   `damaged`, `inputOutput`, after which the transaction can only be aborted.
    /// - Complexity: O(log n) pages, each copied if it is older than the transaction.
    @discardableResult
    public mutating func put(
        _ key: ByteView, _ value: ByteView
    ) throws(StorageError) -> Bool {
        try checkWritable()
        try TreeLimits.check(keyLength: key.count, valueLength: value.count)
        let token = store.beginRead()
        defer { store.endRead(token) }
        guard !root.isEmpty else {
            try plant(key, value)
            return true
        }
        var path = TreePath()
        let (leaf, position) = try store.descend(root, to: key, &path)
        let replaced = position.isMatch ? leaf.value(position.index) : nil
        try place(key, value, replacing: replaced, &path)
        return replaced == nil
    }

    /// Stores an entry where the path leads to.
    @inline(__always)
    mutating func place(
        _ key: ByteView, _ value: ByteView, replacing replaced: LeafValue?, _ path: inout TreePath
    ) throws(StorageError) {
        do {
            try place(key, field: try makeField(key, value), replacing: replaced, &path)
        } catch { throw fail(error) }
        changeCount &+= 1
    }

    @inline(__always)
    private mutating func place(
        _ key: ByteView, field: LeafValue, replacing replaced: LeafValue?, _ path: inout TreePath
    ) throws(StorageError) {
        try shadow(&path)
        try write(key, field, isReplacement: replaced != nil, &path)
        if case .overflow(let page, let byteCount) = replaced {
            try store.retireOverflow(page, byteCount: byteCount)
        }
    }

    /// Stores a value whose bytes are in an overflow run already, in place of an older value.
    ///
    /// - Parameters:
    ///   - key: 0 to 1024 bytes.
    ///   - run: the first page of the run, which the running transaction has made.
    ///   - byteCount: the value's length: more than fits into a leaf.
    /// - Returns: true when the key is new.
    /// - Throws: as ``put(_:_:)``; `invalidArgument` for a value that belongs into a leaf, with nothing changed.
    /// - Complexity: O(log n) pages.
    @discardableResult
    public mutating func put(
        _ key: ByteView, run: PageNumber, byteCount: Int
    ) throws(StorageError) -> Bool {
        try checkWritable()
        try TreeLimits.check(keyLength: key.count, valueLength: byteCount)
        guard !TreeLimits.isInline(keyLength: key.count, valueLength: byteCount) else {
            throw StorageError(.invalidArgument, "A value of a leaf can't be in an overflow run.")
        }
        let field = LeafValue.overflow(page: run, byteCount: byteCount)
        let token = store.beginRead()
        defer { store.endRead(token) }
        guard !root.isEmpty else {
            try plant(key, field: field)
            return true
        }
        var path = TreePath()
        let (leaf, position) = try store.descend(root, to: key, &path)
        let replaced = position.isMatch ? leaf.value(position.index) : nil
        do {
            try place(key, field: field, replacing: replaced, &path)
        } catch { throw fail(error) }
        changeCount &+= 1
        return replaced == nil
    }

    /// What the leaf is to store for `value`; a big one is put into an overflow run.
    private func makeField(_ key: ByteView, _ value: ByteView) throws(StorageError) -> LeafValue {
        if TreeLimits.isInline(keyLength: key.count, valueLength: value.count) {
            return .inline(value)
        }
        return .overflow(page: try store.allocateOverflow(value), byteCount: value.count)
    }

    /// Makes the first leaf of an empty tree.
    mutating func plant(_ key: ByteView, _ value: ByteView) throws(StorageError) {
        try plant(key, field: try makeField(key, value))
    }

    private mutating func plant(_ key: ByteView, field: LeafValue) throws(StorageError) {
        do {
            var entries = NodeEntries(level: 0)
            entries.insert(key, field, at: 0)
            let (number, page) = try store.newPage(level: 0)
            try entries.write(0..<1, to: page)
            root = TreeRoot(page: number, height: 1, entryCount: 1)
        } catch { throw fail(error) }
        changeCount &+= 1
    }

    /// Writes an entry at the path's slot of a leaf that is ready for changes.
    private mutating func write(
        _ key: ByteView, _ field: LeafValue, isReplacement: Bool, _ path: inout TreePath
    ) throws(StorageError) {
        let leaf = Node(store.window.address(path.page(0)))
        let index = path.slot(0)
        if isReplacement {
            if leaf.replaceInPlace(field, at: index) { return }
            leaf.remove(at: index)
        } else {
            addToCounts(1, path)
        }
        if leaf.insert(key, field, at: index) { return }
        prefetchSpread(path)
        var entries = NodeEntries(leaf)
        let edge = try self.edge(path, insertingAt: index, of: entries.count)
        entries.insert(key, field, at: index)
        if entries.fitsOneNode {
            try entries.write(0..<entries.count, to: leaf.page)
        } else {
            // A sorted load fills its leaves as it is, and its neighbours are full.
            if edge == .none, try spreadOverflow(&entries, path) { return }
            try split(entries, edge, path)
        }
    }

    /// Whether an insertion at the path's end looks like part of a sorted load.
    private func edge(
        _ path: TreePath, insertingAt index: Int, of count: Int
    ) throws(StorageError) -> NodeEntries.Edge {
        guard index == count || index == 0 else { return .none }
        for level in 1..<max(Int(root.height), 1) {
            let node = try store.node(path.page(level), level: level)
            guard path.slot(level) == (index == 0 ? 0 : node.count - 1) else { return .none }
        }
        return index == 0 ? .descending : .ascending
    }

    /// Adds `difference` to the counts along the path and to the root's.
    mutating func addToCounts(_ difference: Int64, _ path: TreePath) {
        let difference = UInt64(bitPattern: difference)
        for level in 1..<max(Int(root.height), 1) {
            let node = Node(store.window.address(path.page(level)))
            let slot = path.slot(level)
            node.setEntryCount(node.entryCount(slot) &+ difference, at: slot)
        }
        root.entryCount &+= difference
    }
}
