import StorageIO
import Synchronization

/// A checkpoint between its two halves.
struct RunningCheckpoint {
    var superblock: Superblock
    var freeListPages: [Int]
    var freeListBuffer: PageBuffer
    /// Whether a thread is at it: nobody else may write it too.
    var isBeingWritten = false
}

extension FileSpace {
    /// Freezes the newest committed version, and takes the pages for its free list.
    mutating func beginCheckpoint(_ record: CheckpointRecord) throws(StorageError) {
        guard allocator.running == 0, record.transaction == allocator.head else {
            throw PageProblem.notNewest()
        }
        guard runningCheckpoint == nil else { throw checkpointRunning() }
        reclaim()
        // To this version everything is free that is retired by now, and the previous checkpoint's
        // free list; even though none of that may be used before this checkpoint is durable.
        var free = allocator.free
        free.formUnion(allocator.pending)
        free.formUnion(allocator.chain)
        let chain = try allocateChain(&free)
        let pageCount = end(without: &free)

        var next = superblock
        next.generation += 1
        next.record = record
        next.pageCount = UInt32(pageCount)
        next.freeListHead = PageNumber(chain.first ?? 0)
        next.freeListPageCount = UInt32(chain.count)
        next.freePageCount = UInt32(free.count)
        runningCheckpoint = RunningCheckpoint(
            superblock: next, freeListPages: chain,
            freeListBuffer: FreeList.encode(
                free, below: pageCount, pages: chain, birth: record.transaction))
        allocator.freeze()
        checkInvariants()
    }

    /// Takes the pages that the free list needs from those that are really free, so that they are
    /// in nobody's way. Taking them changes the list, so it is counted again until it fits.
    private mutating func allocateChain(_ free: inout PageBitmap) throws(StorageError) -> [Int] {
        var chain: [Int] = []
        // What is free at the end needs no entry.
        var inside = free
        _ = end(without: &inside)
        guard !inside.isEmpty else { return [] }
        // Counted once: from then on each page that is taken says what it does to the number of runs.
        var runs = free.runCount
        do throws(StorageError) {
            while chain.count * FreeListLayout.capacity < runs {
                let page = try take(1, for: .checkpoint)
                chain.append(page)
                if free.remove(page) {
                    runs +=
                        (free.contains(page - 1) ? 1 : 0) + (free.contains(page + 1) ? 1 : 0) - 1
                }
                allocator.newChain.insert(page)
                table.free(PageAllocator.Run(page: page, count: 1))
            }
        } catch {
            for page in chain { allocator.makeFree(page, 1) }
            allocator.newChain.removeAll()
            throw error
        }
        return chain
    }

    /// Takes the free pages just below the end out of `free`.
    ///
    /// - Returns: where they begin.
    private func end(without free: inout PageBitmap) -> Int {
        let end = max(2, free.startOfRun(endingAt: allocator.end))
        free.remove(end..<max(end, allocator.end))
        return end
    }

    /// Gives the checkpoint that was begun to one thread to write.
    ///
    /// - Returns: the checkpoint, and the slot for its superblock.
    mutating func takeCheckpoint() throws(StorageError) -> (RunningCheckpoint, slot: Int) {
        guard let running = runningCheckpoint else {
            throw StorageError(
                .invalidArgument, "No checkpoint was begun.", path: file.path)
        }
        guard !running.isBeingWritten else { throw checkpointRunning() }
        runningCheckpoint?.isBeingWritten = true
        return (running, spareSlot)
    }

    func checkpointRunning() -> StorageError {
        StorageError(.busy, "A checkpoint is already running.", path: file.path)
    }

    /// The slot that does not hold the durable superblock: generations alternate, from slot 0.
    var spareSlot: Int { durableSlot ^ 1 }

    /// The durable superblock under the next generation, as it says that a log is in use, and the slot for it.
    func superblockWithLog() throws(StorageError) -> (Superblock, slot: Int) {
        // Its superblock would go to the same slot, with the same generation.
        guard runningCheckpoint == nil else { throw checkpointRunning() }
        var next = superblock
        next.generation += 1
        next.record.usesLog = true
        next.record.endsLog = false
        return (next, spareSlot)
    }

    /// Notes that another superblock is durable, in the spare slot.
    mutating func setDurable(_ next: Superblock) {
        superblock = next
        durableSlot = spareSlot
        bounds.durableTransaction.store(superblock.record.transaction, ordering: .releasing)
    }

    /// Goes on from a checkpoint that is durable: what only the one before needed is free, and free
    /// pages at the end go back to the file system (R9).
    mutating func adopt(_ running: RunningCheckpoint) throws(StorageError) {
        setDurable(running.superblock)
        runningCheckpoint = nil
        // Free pages of the cache's view already, so only the allocator has to know.
        for page in allocator.chain.members { allocator.makeFree(page, 1) }
        allocator.chain = allocator.newChain
        allocator.newChain = PageBitmap()
        free(allocator.releaseFrozen())
        reclaim()
        let end = cutFreeTail()
        bounds.isShort.store(false, ordering: .relaxed)
        checkInvariants()
        let fileEnd = fileEnd(above: end, isLast: superblock.record.endsLog)
        if fileEnd < filePages { try cutFile(to: fileEnd) }
    }

    /// Takes the checkpoint back: what it has not written is dirty again.
    mutating func undoCheckpoint() {
        runningCheckpoint = nil
        allocator.unfreeze()
        for page in allocator.newChain.members { allocator.makeFree(page, 1) }
        allocator.newChain.removeAll()
        free(allocator.releaseFrozen())
        checkInvariants()
    }

    // MARK: Dirty pages

    /// Adds the next dirty pages, or those frozen by the running checkpoint, from `position` on, which then is
    /// behind them.
    ///
    /// - Parameter limit: how many pages at least, if there are so many.
    func gather(
        frozen: Bool, limit: Int, from position: inout Int,
        into gathered: inout [PageAllocator.Run]
    ) {
        var pages = 0
        while pages < limit,
            let page = frozen
                ? allocator.frozen.next(from: position) : allocator.dirty.next(from: position)
        {
            let count = table.runLength(page)
            gathered.append(PageAllocator.Run(page: page, count: count))
            position = page + count
            pages += count
        }
    }

    /// Notes that the file has pages and runs as they are.
    mutating func markWritten(_ runs: [PageAllocator.Run], frozen: Bool) {
        for run in runs {
            if frozen {
                allocator.frozen.remove(run.page)
            } else {
                allocator.dirty.remove(run.page)
            }
            table.markWritten(run)
        }
    }
}
