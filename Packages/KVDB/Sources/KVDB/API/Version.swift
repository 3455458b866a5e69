import BTree
import PageStore

/// One committed state of the database: what a snapshot reads.
#if !hasFeature(Embedded)
    @_spi(Engine)
#endif
public struct Version: Sendable, Equatable {
    /// The transaction that made it.
    public var transaction: TransactionNumber
    /// The default table.
    public var main: TreeRoot
    /// The table of the named tables. It has the names, but where a table begins is only brought up to date
    /// there by checkpoints; everywhere else ``main`` and what the handle keeps beside it count.
    public var catalog: TreeRoot
    /// Where the named tables begin, as far as that is known without the catalog.
    let tables: TableRoots.Pointer

    /// The state that `transaction` made, with these trees.
    init(
        transaction: TransactionNumber, main: TreeRoot, catalog: TreeRoot,
        tables: TableRoots.Pointer
    ) {
        self.transaction = transaction
        self.main = main
        self.catalog = catalog
        self.tables = tables
    }
}
