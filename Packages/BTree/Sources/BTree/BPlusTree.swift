import PageStore
import StorageIO

/// An ordered map from byte strings to byte strings in the pages of a store.
///
/// A B+tree with shadow paging: a write never changes a page that an older version of the tree can
/// see, so a ``TreeRoot`` kept from before goes on reading what it always read, for as long as the
/// store keeps its pages. (The one exception is asked for: ``apply(_:_:_:transaction:)`` ends the version
/// that it is given.) Inner nodes count the entries below each child, which gives rank, range
/// counts and the n-th entry in O(log n).
///
/// The tree itself is this small value: the store and the current root. Reads may run on any number
/// of threads, each on its own copy. Writes go to the store's running transaction, one at a time,
/// and move `root`; whoever commits keeps the new root, whoever aborts goes back to the old one.
///
/// Rules that every version holds to (`checkInvariants` checks them):
///
/// - T1 Keys ascend strictly, within leaves and over them; every key below a child is not below
///   its separator and below the next one.
/// - T2 The levels go down by one from parent to child, to 0 at every leaf.
/// - T3 The count beside each child is exact (R10), and so is the root's.
/// - T4 Every page is reachable by exactly one way.
/// - T5 No node is without slots; an empty tree has no page at all.
///
/// Keys and values handed in are borrowed for the call. They may not lie in pages of this tree that
/// were born in the running transaction, as the write may move those bytes.
public struct BPlusTree<Store: PageStorage>: Sendable {
    /// Where the pages are.
    public let store: Store
    /// The current version.
    public internal(set) var root: TreeRoot
    /// Grows with every change, so that a cursor can tell that its path may be stale.
    public internal(set) var changeCount: UInt64 = 0
    /// The error that stopped a write half way. The tree is then in no good state, and the way on
    /// is to abort the transaction and go back to an older root.
    var failure: StorageError.Cause?

    /// The version of a tree that `root` says, in `store`. O(1), touches no page.
    ///
    /// - Parameters:
    ///   - store: where the pages are.
    ///   - root: the version.
    ///   - changeCount: what ``changeCount`` was, for one who kept the root alone and has cursors.
    public init(store: Store, root: TreeRoot = .empty, changeCount: UInt64 = 0) {
        self.store = store
        self.root = root
        self.changeCount = changeCount
    }

    /// How many entries there are. O(1).
    public var count: UInt64 { root.entryCount }

    /// Whether there are no entries. O(1).
    public var isEmpty: Bool { root.isEmpty }

    /// Checks that a write can begin.
    func checkWritable() throws(StorageError) {
        if let failure { throw failure.error }
        try root.validate()
    }

    /// Notes that a write broke off half way. Outside of a transaction none has begun: there is no page
    /// that it could have changed.
    mutating func fail(_ error: StorageError) -> StorageError {
        guard store.firstTransaction != .max else { return error }
        failure = StorageError.Cause(error)
        return error
    }
}
