import BTree
import PageStore

/// One committed state of the database: what a snapshot reads.
public struct Version: Sendable, Equatable {
    /// The transaction that made it.
    public var transaction: TransactionNumber
    /// The default table.
    public var main: TreeRoot
    /// The table of the named tables. Its entry for the default table is only brought up to date by
    /// checkpoints; everywhere else ``main`` counts.
    public var catalog: TreeRoot

    /// The state that `transaction` made, with these two trees.
    init(transaction: TransactionNumber, main: TreeRoot, catalog: TreeRoot) {
        self.transaction = transaction
        self.main = main
        self.catalog = catalog
    }
}
