import BTree
import PageStore
import StorageIO

/// What a compaction did.
public struct CompactionReport: Sendable, Equatable {
    /// Bytes of the data file before.
    public var byteCountBefore: UInt64 = 0
    /// Bytes of the data file after.
    public var byteCountAfter: UInt64 = 0
    /// Whether the trees were packed anew into full pages.
    public var isRepacked = false
    /// Pages moved down from the file's end.
    public var movedPages: UInt64 = 0
}

/// How a long operation goes on, for a progress display.
public struct CompactionProgress: Sendable, Equatable {
    /// What is being done.
    public enum Phase: Sendable, Equatable {
        /// Looking at how full the pages are.
        case measuring
        /// Packing the entries into full pages.
        case packing
        /// Moving pages from the file's end into free ones.
        case moving
    }

    /// What is being done.
    public var phase: Phase
    /// Entries packed or pages moved in this phase so far.
    public var done: UInt64
}

extension DatabaseEngine {
    /// Makes the file nearly as small as its content allows (a few pages of bookkeeping remain), while
    /// readers go on reading; writers wait.
    ///
    /// Two steps, each a transaction committed by a checkpoint, so a crash at any point leaves the
    /// state before or after one of them, always with the same content. First, where the pages are
    /// loosely filled, the trees are packed anew into full pages (for this the file grows by the
    /// size of the content for a while). Then pages at the file's end move into free pages further
    /// down, and the end is given back to the file system. What a live snapshot can see stays where
    /// it is, and nothing is packed while there is one; compact again after its end.
    ///
    /// - Throws: `diskFull` and the content is as before; `busy`, `readOnly`, `closed`, `poisoned`.
    /// - Complexity: reads every page; writes about twice the content's size at most.
    @discardableResult
    public func compact(
        progress: (CompactionProgress) -> Void = { _ in }
    ) throws(StorageError) -> CompactionReport {
        let core = core
        var report = CompactionReport()
        report.byteCountBefore = core.store.statistics.fileByteCount
        progress(CompactionProgress(phase: .measuring, done: 0))
        // While a snapshot sees the old pages they can't be freed, and packing would only add to them.
        let isPinned = !core.store.versions.held().isEmpty
        if !isPinned, try isLooselyFilled() {
            try core.repack(progress)
            report.isRepacked = true
        }
        try core.runCheckpoint()
        // Each round frees the places that the one before moved away from. Two do nearly all; more
        // are needed only when the moves themselves had to take pages far up.
        for _ in 0..<4 {
            let moved = try core.moveDown(progress)
            report.movedPages += moved
            if moved == 0 { break }
        }
        // The last move's old places became free only after its checkpoint; so did what an aborted
        // transaction had written out beyond the end.
        try core.runCheckpoint(always: true)
        report.byteCountAfter = core.store.statistics.fileByteCount
        return report
    }

    /// Whether packing anew would save a tenth or more of the leaves.
    private func isLooselyFilled() throws(StorageError) -> Bool {
        var used = 0.0
        var pages = 0.0
        for tree in try composition() {
            used += tree.leafFill * Double(tree.leafPages)
            pages += Double(tree.leafPages)
        }
        return pages > 4 && used < 0.88 * pages
    }
}

extension EngineCore {
    /// Every tree of the running transaction in turn.
    fileprivate func forEachTree(
        _ body: (inout BPlusTree<Store>) throws(StorageError) -> Void
    ) throws(StorageError) {
        try body(&writer.main)
        for (name, _) in try writer.catalog.namedTables(path: path) {
            guard let index = try writer.openTable(name, create: false) else { continue }
            let before = writer.openTables[index].tree.root
            try body(&writer.openTables[index].tree)
            if writer.openTables[index].tree.root != before {
                writer.openTables[index].isChanged = true
            }
        }
    }

    /// Runs `body` as a transaction that changes pages but no content, committed by a checkpoint
    /// when it did anything.
    private func rearrange(
        _ body: () throws(StorageError) -> UInt64
    ) throws(StorageError) -> UInt64 {
        try beginTransaction(timeoutSeconds: nil)
        let done: UInt64
        do {
            writer.operations.abandon()
            done = try body()
        } catch {
            rollback()
            throw error
        }
        if done == 0 {
            rollback()
        } else {
            try commitByCheckpoint()
        }
        return done
    }

    /// Packs every tree anew into full pages.
    fileprivate func repack(_ progress: (CompactionProgress) -> Void) throws(StorageError) {
        var done: UInt64 = 0
        _ = try rearrange { () throws(StorageError) in
            try forEachTree { tree throws(StorageError) in
                guard tree.root.page != 0 else { return }
                let loader = BulkLoader(store: store)
                try tree.forEach(from: nil, to: nil, reverse: false) {
                    key, value throws(StorageError) in
                    try loader.append(key, value)
                    done += 1
                    if done & 0xfff == 0 {
                        if dirtyByteCount > options.dirtyBudget { try store.writeOutDirty() }
                        progress(CompactionProgress(phase: .packing, done: done))
                    }
                    return true
                }
                let packed = try loader.finish()
                try tree.deleteAll()
                tree = BPlusTree(store: store, root: packed)
            }
            return done
        }
    }

    /// Moves pages that lie beyond the content's size into free pages below; how many.
    fileprivate func moveDown(
        _ progress: (CompactionProgress) -> Void
    ) throws(StorageError) -> UInt64 {
        try rearrange { () throws(StorageError) in
            let statistics = store.statistics
            let live = statistics.pageCount - statistics.freePages - statistics.pendingPages
            let limit = PageNumber(clamping: live)
            guard live < statistics.pageCount, statistics.freePages > 0 else { return 0 }
            var moved: UInt64 = 0
            try forEachTree { tree throws(StorageError) in
                moved += try moveDown(&tree, above: limit)
                progress(CompactionProgress(phase: .moving, done: moved))
            }
            moved += try moveDown(&writer.catalog, above: limit)
            return moved
        }
    }

    /// The same for one tree, with what is dirty written out on the way.
    private func moveDown(
        _ tree: inout BPlusTree<Store>, above limit: PageNumber
    ) throws(StorageError) -> UInt64 {
        let moves = try tree.relocate(above: limit) { () throws(StorageError) in
            if dirtyByteCount > options.dirtyBudget { try store.writeOutDirty() }
        }
        return UInt64(moves.pagesMoved)
    }
}
