import PageStore
import StorageIO

/// A look at the value of one key of a tree, after which another one may be stored, in one way down the tree:
/// ``BPlusTree/revise(_:)`` begins it, and ``tree`` is what comes of it.
///
/// It keeps what it looks at in memory, so don't keep it long. The key stays valid as long as this does.
public struct TreeRevision<Store: PageStorage>: ~Copyable {
    /// The tree, with what was stored.
    public private(set) var tree: BPlusTree<Store>
    /// The value that is there, nil when there is none. It is gone when another one is stored.
    public private(set) var old: ByteView?
    private let key: ByteView
    private var replaced: LeafValue?
    private var path = TreePath()
    private let token: ReadToken

    fileprivate init(_ tree: BPlusTree<Store>, _ key: ByteView) {
        self.tree = tree
        self.key = key
        token = tree.store.beginRead()
    }

    /// Goes down to where the key is or would be.
    fileprivate mutating func descend() throws(StorageError) {
        guard !tree.root.isEmpty else { return }
        let (leaf, position) = try tree.store.descend(tree.root, to: key, &path)
        guard position.isMatch else { return }
        let value = leaf.value(position.index)
        replaced = value
        old = try tree.store.bytes(of: value)
    }

    deinit { tree.store.endRead(token) }

    /// Stores a value in place of the one that was there, or the first one. Once at most.
    ///
    /// - Throws: as ``BPlusTree/put(_:_:)``.
    public mutating func put(_ value: ByteView) throws(StorageError) {
        try TreeLimits.check(keyLength: key.count, valueLength: value.count)
        old = nil
        if tree.root.isEmpty {
            try tree.plant(key, value)
        } else {
            try tree.place(key, value, replacing: replaced, &path)
        }
    }
}

extension BPlusTree {
    /// Looks at the value of a key, to store another one or leave it. O(log n) pages.
    ///
    /// - Parameter key: 0 to 1024 bytes.
    /// - Throws: `damaged`, `inputOutput`.
    public func revise(_ key: ByteView) throws(StorageError) -> TreeRevision<Store> {
        try checkWritable()
        var revision = TreeRevision(self, key)
        try revision.descend()
        return revision
    }
}
