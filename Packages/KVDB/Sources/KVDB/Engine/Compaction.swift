import BTree
import PageStore
import StorageIO

/// What a compaction did.
public struct CompactionReport: Sendable, Equatable {
    /// Bytes that the data file had before.
    public var byteCountBefore: UInt64 = 0
    /// Bytes that the data file has after, with nothing in it that is kept for later.
    public var byteCountAfter: UInt64 = 0
    /// Whether the trees were packed anew into full pages.
    public var isRepacked = false
    /// Pages moved down from the file's end.
    public var movedPages: UInt64 = 0
}

#if !hasFeature(Embedded)
    @_spi(Engine)
#endif
extension DatabaseEngine {
    /// Makes the file nearly as small as its content allows (a few pages of bookkeeping may remain), while
    /// readers go on reading; writers wait. It never makes the file larger than the content that was
    /// committed before needs.
    ///
    /// Two steps, each a transaction committed by a checkpoint, so a crash at any point leaves the
    /// state before or after one of them, always with the same content. First, where the pages are
    /// loosely filled, the trees are packed anew into full pages (for this the file grows by the
    /// size of the content for a while; where it can't, nothing is packed). Then pages at the file's end
    /// move into free pages further down, and the end is given back to the file system. What a live
    /// snapshot can see stays where it is, and nothing is packed while there is one; compact again
    /// after its end. The pages that are kept for deletes on a full disk are given back as well; the next
    /// change asks for them anew.
    ///
    /// - Parameter progress: called now and then. What it throws ends the compaction, without the step that it was
    ///   in: the content is the same.
    /// - Returns: what was done, with the file's sizes before and after.
    /// - Throws: `diskFull`, `fileTooLarge` when there was no room for any step, and the content is as
    ///   before; `busy`, `readOnly`, `closed`, `poisoned`; what `progress` throws.
    /// - Complexity: reads every page; writes about twice the content's size at most.
    @discardableResult
    public func compact(
        progress: (Database.Progress) throws(StorageError) -> Void = { _ in }
    ) throws(StorageError) -> CompactionReport {
        try ProgressMeter.running(progress) { meter throws(StorageError) in try compact(meter) }
    }

    private func compact(_ meter: ProgressMeter) throws(StorageError) -> CompactionReport {
        let core = core
        var report = CompactionReport()
        report.byteCountBefore = core.occupiedByteCount
        // While a snapshot sees the old pages they can't be freed, and packing would only add to them.
        let isPinned = !core.store.versions.held().isEmpty
        let isLooselyFilled = try isLooselyFilled(meter)
        var refusal: StorageError?
        if !isPinned, isLooselyFilled {
            do throws(StorageError) {
                try core.repack(meter)
                report.isRepacked = true
            } catch {
                // Then what is free can still be given back.
                guard error.isOutOfSpace, meter.stop == nil else { throw error }
                refusal = error
            }
        }
        if core.options.isVolatile {
            // What is free gives its memory back, wherever it lies.
            core.store.trim(toPages: 0)
            report.byteCountAfter = core.occupiedByteCount
            return report
        }
        try core.runCheckpoint()
        for _ in 0..<2 {
            let before = report.movedPages
            do throws(StorageError) {
                // Each round frees the places that the one before moved away from. Two do nearly all; more
                // are needed only when the moves themselves had to take pages far up.
                for _ in 0..<4 {
                    let moved = try core.moveDown(isPinned: isPinned, meter)
                    report.movedPages += moved
                    if moved == 0 { break }
                }
            } catch {
                guard error.isOutOfSpace, meter.stop == nil else { throw error }
                refusal = error
            }
            try core.giveEndBack()
            // Where the free list was in the way of a run of pages, there may be room for one now.
            guard refusal == nil, report.movedPages > before, core.store.statistics.freePages > 0
            else { break }
        }
        report.byteCountAfter = core.occupiedByteCount
        if let refusal, report.byteCountAfter >= report.byteCountBefore { throw refusal }
        return report
    }

    /// Returns whether packing anew would save a tenth or more of the leaves, and one at least.
    private func isLooselyFilled(_ meter: ProgressMeter) throws(StorageError) -> Bool {
        var saved = 0.0
        var pages = 0.0
        for tree in try snapshot().composition(meter) {
            let needed = (tree.leafFill * Double(tree.leafPages)).rounded(.up)
            saved += Double(tree.leafPages) - needed
            pages += Double(tree.leafPages)
        }
        return pages > 4 && saved >= max(1, 0.12 * pages)
    }
}

extension Engine {
    /// Bytes of the data file, or of memory when there is no file.
    fileprivate var occupiedByteCount: UInt64 {
        let statistics = store.statistics
        return options.isVolatile
            ? UInt64(statistics.residentPages * PageLayout.pageSize) : statistics.fileByteCount
    }

    /// Every tree of the running transaction in turn. A named table's record is written as soon as its
    /// tree has changed, so that no table has to stay open.
    fileprivate func forEachTree(
        _ body: (inout BPlusTree<Store>) throws(StorageError) -> Void
    ) throws(StorageError) {
        try body(&writer.main)
        try writer.beginRearranging()
        for (name, record) in try writer.catalog.namedTables(path: path) {
            var tree = BPlusTree(store: store, root: record.root)
            try body(&tree)
            guard tree.root != record.root else { continue }
            var moved = record
            moved.root = tree.root
            try writer.setTable(name, moved)
        }
    }

    /// Runs `body` as a transaction that changes pages but no content, committed by a checkpoint
    /// when it did anything.
    private func rearrange(
        _ body: () throws(StorageError) -> UInt64
    ) throws(StorageError) -> UInt64 {
        let token = try begin(.call, logged: false)
        let done: UInt64
        do {
            done = try body()
        } catch {
            rollback(token)
            throw error
        }
        if done == 0 {
            rollback(token)
        } else if options.isVolatile {
            writer.isChanged = true
            try commit(token, .buffered)
        } else {
            try commitByCheckpoint(token)
        }
        return done
    }

    /// Packs every tree anew into full pages.
    fileprivate func repack(_ meter: ProgressMeter) throws(StorageError) {
        var done: UInt64 = 0
        _ = try rearrange { () throws(StorageError) in
            try meter.begin(.packing, .entries, total: try entryCount())
            try forEachTree { tree throws(StorageError) in
                guard tree.root.page != 0 else { return }
                let loader = BulkLoader(store: store)
                try tree.forEach(
                    longFrom: Self.gatheredByteCount, keepsValues: true,
                    long: { key, page, byteCount throws(StorageError) in
                        let run = try store.copyRun(page, byteCount: byteCount)
                        try loader.append(key, run: run, byteCount: byteCount)
                        done += 1
                        try meter.advanceEntry(byteCount: key.count + byteCount)
                        return true
                    }
                ) { key, value throws(StorageError) in
                    try loader.append(key, value)
                    done += 1
                    if done & 0xfff == 0, dirtyByteCount > options.dirtyBudget {
                        try store.writeOutDirty()
                    }
                    try meter.advanceEntry(byteCount: key.count + value.count)
                    return true
                }
                let packed = try loader.finish()
                try tree.deleteAll()
                tree = BPlusTree(store: store, root: packed)
            }
            try meter.end()
            return done
        }
    }

    /// How many entries all tables of the running transaction have.
    private func entryCount() throws(StorageError) -> Int {
        try writer.catalog.namedTables(path: path).reduce(
            Int(clamping: writer.main.root.entryCount)
        ) {
            $0.addingClamped($1.record.root.entryCount)
        }
    }

    /// Moves pages that lie beyond the content's size into free pages below; how many.
    ///
    /// - Parameter isPinned: whether a snapshot keeps the places that pages move away from. Then a move
    ///   must not make the file larger, so that no more move than free pages are there for them and the
    ///   nodes above them.
    fileprivate func moveDown(
        isPinned: Bool, _ meter: ProgressMeter
    ) throws(StorageError) -> UInt64 {
        try rearrange { () throws(StorageError) in
            let statistics = store.statistics
            // The free list is written anew each time, and not at all when nothing is free.
            let live =
                statistics.pageCount - statistics.freePages - statistics.pendingPages
                - statistics.freeListPages
            let limit = PageNumber(clamping: live)
            guard live < statistics.pageCount, statistics.freePages > 0 else { return 0 }
            var left = isPinned ? statistics.freePages / Self.pagesOfPinnedMove : Int.max
            var moved: UInt64 = 0
            // Each page beyond the limit, and some of the nodes above them.
            try meter.begin(.moving, .pages, total: statistics.pageCount - live)
            try forEachTree { tree throws(StorageError) in
                try moveDown(&tree, above: limit, &left, &moved, meter)
            }
            try moveDown(&writer.catalog, above: limit, &left, &moved, meter)
            try meter.end()
            return moved
        }
    }

    /// A path through a tree, and one through the catalog.
    private static var pagesOfPinnedMove: Int { 2 * TreeLimits.maximumHeight }

    /// The same for one tree, with what is dirty written out on the way.
    private func moveDown(
        _ tree: inout BPlusTree<Store>, above limit: PageNumber, _ left: inout Int,
        _ moved: inout UInt64, _ meter: ProgressMeter
    ) throws(StorageError) {
        guard left > 0 else { return }
        let moves = try tree.relocate(above: limit, maximumPages: left) { () throws(StorageError) in
            if dirtyByteCount > options.dirtyBudget { try store.writeOutDirty() }
            try meter.advance(pages: 1)
        }
        moved += UInt64(moves.pagesMoved)
        if left != .max { left = max(0, left - moves.pagesMoved) }
    }

    /// Cuts what is free off the file's end, after checkpoints that bring the free list down from there.
    fileprivate func giveEndBack() throws(StorageError) {
        try store.cutFreeEnd()
        for _ in 0..<3 {
            let before = store.statistics
            // A new list goes into the lowest free pages, when there are enough for it.
            guard before.freeListPages > 0, before.freePages >= before.freeListPages else { return }
            try runCheckpoint(always: true)
            try store.cutFreeEnd()
            guard store.statistics.pageCount < before.pageCount else { return }
        }
    }
}
