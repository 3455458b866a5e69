import PageStore
import StorageIO

/// A put that changes some bytes of one leaf and the counts above it, and so needs no page and can't
/// fail any more. ``BPlusTree/planInPlace(_:_:bornAfter:)`` finds out whether a put is one.
public struct InPlacePut: Sendable {
    fileprivate let path: TreePath
    fileprivate let isReplacement: Bool
    /// The lowest birth among the pages that it changes.
    public let oldestBirth: TransactionNumber
}

// Changes without shadowing, for pages that only versions see which nobody can look at any more: what
// these versions would still read is gone afterwards, and nobody can tell that the pages were not
// copied. Their births move on with the change, as those of copies would.
extension BPlusTree {
    /// Plans a put that changes pages of this version where they are.
    ///
    /// Nothing is changed. The plan holds until the next change of the tree, checkpoint, or write of
    /// dirty pages; until then its pages are in memory and stay there.
    ///
    /// - Parameters:
    ///   - key: 0 to 1024 bytes.
    ///   - value: the value; a long one is no change in place.
    ///   - version: the newest version that must stay as it is. Every page on the way must be younger.
    /// - Returns: nil when the put needs another page: the leaf is full, a page on the way is too old or
    ///   is not newer than the file.
    /// - Throws: `damaged`, `inputOutput`; nothing has changed then.
    /// - Complexity: O(log n) pages.
    public func planInPlace(
        _ key: ByteView, _ value: ByteView, bornAfter version: TransactionNumber
    ) throws(StorageError) -> InPlacePut? {
        try checkWritable()
        guard !root.isEmpty,
            TreeLimits.isInline(keyLength: key.count, valueLength: value.count)
        else { return nil }
        let token = store.beginRead()
        defer { store.endRead(token) }
        var path = TreePath()
        let (leaf, position) = try store.descend(root, to: key, &path)
        var oldest = TransactionNumber.max
        for level in 0..<Int(root.height) {
            // A page that was read in is the file's, whatever birth it says that it has.
            guard store.window.isDirty(path.page(level)) else { return nil }
            oldest = min(oldest, store.window.address(path.page(level)).birth)
        }
        guard oldest > version else { return nil }
        let field = LeafValue.inline(value)
        let isReplacement = position.isMatch
        if isReplacement {
            // A run of overflow pages would have to be retired.
            guard case .inline = leaf.value(position.index) else { return nil }
        }
        guard
            isReplacement && leaf.canReplaceInPlace(field, at: position.index)
                || leaf.fits(key, field)
        else { return nil }
        return InPlacePut(path: path, isReplacement: isReplacement, oldestBirth: oldest)
    }

    /// Does what was planned; the tree is then the version `transaction`. Nobody may read the version
    /// that the plan was made for while this runs, or after it. O(log n).
    public mutating func apply(
        _ put: InPlacePut, _ key: ByteView, _ value: ByteView, transaction: TransactionNumber
    ) {
        let path = put.path
        for level in 0..<Int(root.height) {
            store.window.address(path.page(level)).store(transaction, at: PageLayout.birth)
        }
        schedulePoint()
        let leaf = Node(store.window.address(path.page(0)))
        let index = path.slot(0)
        let field = LeafValue.inline(value)
        if !put.isReplacement {
            addToCounts(1, path)
        } else if leaf.replaceInPlace(field, at: index) {
            changeCount &+= 1
            return
        } else {
            leaf.remove(at: index)
        }
        schedulePoint()
        let isInserted = leaf.insert(key, field, at: index)
        precondition(isInserted, "a leaf has less room than was planned with")
        changeCount &+= 1
    }
}
