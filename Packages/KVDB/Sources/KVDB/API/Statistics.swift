import BTree
import PageStore
import StorageIO
import WAL

/// The state of a database at one moment, as cheap to get as a few counters.
#if !hasFeature(Embedded)
    @_spi(Engine)
#endif
public struct DatabaseStatistics: Sendable {
    /// Bytes of a page.
    public var pageSize = 0
    /// Pages the data file has room for, the superblocks included.
    public var pageCount = 0
    /// Bytes of the data file.
    public var fileByteCount: UInt64 = 0
    /// Bytes of the log file.
    public var logByteCount: UInt64 = 0
    /// Bytes of the log's records that a recovery would apply; what lies between them in the file, such
    /// as the unused ends of segments, does not count.
    public var unappliedLogByteCount: UInt64 = 0
    /// The default table's root page, 0 when it is empty.
    public var rootPage: PageNumber = 0
    /// Levels of the default table's tree.
    public var height = 0
    /// Entries in the default table.
    public var entryCount: UInt64 = 0
    /// The newest transaction that readers see.
    public var lastTransaction: TransactionNumber = 0
    /// The transaction that the data file stands at.
    public var checkpointTransaction: TransactionNumber = 0
    /// Pages that can be used at once.
    public var freePages = 0
    /// Pages that hold the free list.
    public var freeListPages = 0
    /// Pages replaced but still needed by a snapshot or by the last checkpoint.
    public var pendingPages = 0
    /// Bytes of pages in memory.
    public var residentByteCount = 0
    /// Bytes of pages in memory and newer than the file.
    public var dirtyByteCount = 0
    /// Pages read from the file since open.
    public var pageLoads: UInt64 = 0
    /// Reads of the cache that have ended since open.
    public var lookups: UInt64 = 0
    /// Pages evicted since open.
    public var evictions: UInt64 = 0
    /// The versions that live snapshots hold, oldest first, and how many replaced pages each keeps.
    public var liveSnapshots: [LiveSnapshot] = []

    /// A version that snapshots hold.
    public struct LiveSnapshot: Sendable, Equatable {
        /// The version's transaction.
        public var transaction: TransactionNumber
        /// Replaced pages that can't be reused because of it.
        public var pinnedPages: Int
    }
}

/// What the trees are made of; to count it takes a walk over every page.
public struct TreeComposition: Sendable, Equatable {
    /// The table's name, empty for the default table.
    public var table: [UInt8] = []
    /// Its root page, 0 when it is empty.
    public var rootPage: PageNumber = 0
    /// Its levels.
    public var height = 0
    /// Its entries.
    public var entryCount: UInt64 = 0
    /// Pages with entries.
    public var leafPages = 0
    /// Pages with children.
    public var innerPages = 0
    /// Pages of big values.
    public var overflowPages = 0
    /// How much of the leaves' room is used, from 0 to 1.
    public var leafFill = 0.0
}

#if !hasFeature(Embedded)
    @_spi(Engine)
#endif
extension DatabaseEngine {
    /// The database's state now. O(live snapshots), no page is read.
    public func statistics() throws(StorageError) -> DatabaseStatistics {
        let (slot, version) = try core.acquireVersion()
        core.releaseVersion(slot)
        let held = core.store.versions.held()
        let pages = core.store.statistics
        var statistics = DatabaseStatistics()
        statistics.pageSize = PageLayout.pageSize
        statistics.pageCount = pages.pageCount
        statistics.fileByteCount = pages.fileByteCount
        statistics.logByteCount = core.log.byteCount
        statistics.unappliedLogByteCount = core.log.recordByteCount(
            from: core.store.checkpoint.logPosition)
        statistics.rootPage = version.main.page
        statistics.height = Int(version.main.height)
        statistics.entryCount = version.main.entryCount
        statistics.lastTransaction = version.transaction
        statistics.checkpointTransaction = core.store.checkpoint.transaction
        statistics.freePages = pages.freePages
        statistics.freeListPages = pages.freeListPages
        statistics.pendingPages = pages.pendingPages
        statistics.residentByteCount = pages.residentPages * PageLayout.pageSize
        statistics.dirtyByteCount = pages.dirtyPages * PageLayout.pageSize
        statistics.pageLoads = pages.loads
        statistics.lookups = pages.reads
        statistics.evictions = pages.evictions
        // Both lists ascend.
        var position = 0
        for transaction in held {
            while position < pages.pinnedPages.count,
                pages.pinnedPages[position].version < transaction
            {
                position += 1
            }
            let isNext =
                position < pages.pinnedPages.count
                && pages.pinnedPages[position].version == transaction
            statistics.liveSnapshots.append(
                DatabaseStatistics.LiveSnapshot(
                    transaction: transaction,
                    pinnedPages: isNext ? pages.pinnedPages[position].pageCount : 0))
        }
        return statistics
    }

    /// What each table's tree is made of, the default table first. Reads every page once: O(n).
    public func composition() throws(StorageError) -> [TreeComposition] {
        try snapshot().composition()
    }
}

#if !hasFeature(Embedded)
    @_spi(Engine)
#endif
extension EngineSnapshot {
    /// What each table's tree is made of, the default table first. Reads every page once: O(n).
    public func composition() throws(StorageError) -> [TreeComposition] {
        try composition(ProgressMeter())
    }

    /// What each table's tree is made of; see ``composition()``.
    func composition(_ meter: ProgressMeter) throws(StorageError) -> [TreeComposition] {
        let pages = core.store.statistics
        // Those of older versions and of the catalog are not read.
        try meter.begin(
            .measuring, .pages,
            total: max(0, pages.pageCount - pages.freePages - pages.pendingPages))
        var all = [try composition(of: main, named: [], meter)]
        for (name, tree) in try namedTables() {
            all.append(try composition(of: tree, named: name, meter))
        }
        try meter.end()
        return all
    }

    private func composition(
        of tree: BPlusTree<Store>, named name: [UInt8], _ meter: ProgressMeter
    ) throws(StorageError) -> TreeComposition {
        let report = try tree.checkInvariants { _, _, _, pageCount throws(StorageError) in
            try meter.advance(pages: pageCount)
        }
        return TreeComposition(table: name, root: tree.root, report)
    }
}

extension TreeComposition {
    /// What a walk over the tree at `root` counted.
    init(table: [UInt8], root: TreeRoot, _ report: TreeReport) {
        self.table = table
        rootPage = root.page
        height = Int(root.height)
        entryCount = root.entryCount
        leafPages = report.leafPages
        innerPages = report.innerPages
        overflowPages = report.overflowPages
        leafFill = report.leafFill
    }
}
