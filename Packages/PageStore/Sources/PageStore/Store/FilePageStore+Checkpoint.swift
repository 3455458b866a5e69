import StorageIO
import Synchronization

extension FilePageStore {
    /// See ``CheckpointedStorage/checkpoint``.
    public var checkpoint: CheckpointRecord { space.withLock { superblock.record } }

    /// How many checkpoints the store has had, the one that created it included.
    public var generation: UInt64 { space.withLock { superblock.generation } }

    /// See ``CheckpointedStorage/superblockPage``.
    public var superblockPage: PageNumber { space.withLock { PageNumber(durableSlot) } }

    /// See ``CheckpointedStorage/beginCheckpoint(_:)``.
    public func beginCheckpoint(_ record: CheckpointRecord) throws(StorageError) {
        try checkWritable()
        guard !options.readOnly else {
            throw StorageError(
                .readOnly, "The database is open for reading only.", path: file.path)
        }
        space.acquire()
        defer { space.release() }
        guard allocator.running == 0, record.transaction == allocator.head else {
            throw PageProblem.notNewest()
        }
        guard runningCheckpoint == nil else { throw checkpointRunning() }
        purpose = .checkpoint
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
    }

    /// Takes the pages that the free list needs from those that are really free, so that they are
    /// in nobody's way. Taking them changes the list, so it is counted again until it fits.
    private func allocateChain(_ free: inout PageBitmap) throws(StorageError) -> [Int] {
        var chain: [Int] = []
        // What is free at the end needs no entry.
        var inside = free
        _ = end(without: &inside)
        guard !inside.isEmpty else { return [] }
        // Counted once: from then on each page that is taken says what it does to the number of runs.
        var runs = free.runCount
        do throws(StorageError) {
            while chain.count * FreeListLayout.capacity < runs {
                let page = try takeSpace(1)
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

    /// Takes the free pages just below the end out of `free`. Under `space`.
    ///
    /// - Returns: where they begin.
    private func end(without free: inout PageBitmap) -> Int {
        let end = max(2, free.startOfRun(endingAt: allocator.end))
        free.remove(end..<max(end, allocator.end))
        return end
    }

    /// See ``CheckpointedStorage/finishCheckpoint()``.
    public func finishCheckpoint() throws(StorageError) {
        try checkWritable()
        let running = try takeCheckpoint()
        try refuseOrphan()
        do throws(StorageError) {
            try writePages(frozen: true)
            for (index, page) in running.freeListPages.enumerated() {
                let bytes = running.freeListBuffer.page(index)
                try write(bytes.bytes(0, count: PageLayout.pageSize), at: page)
            }
        } catch {
            if error.isOutOfSpace { undoCheckpoint() }
            throw error
        }
        // R2: all that the superblock will refer to is durable before it is written.
        try sync()
        try writeSuperblock(running.superblock)
        try sync()
        try adopt(running)
        evictIfNeeded()
    }

    /// The checkpoint that was begun, for this thread alone to write.
    private func takeCheckpoint() throws(StorageError) -> RunningCheckpoint {
        space.acquire()
        defer { space.release() }
        guard let running = runningCheckpoint else {
            throw StorageError(
                .invalidArgument, "No checkpoint was begun.", path: file.path)
        }
        guard !running.isBeingWritten else { throw checkpointRunning() }
        runningCheckpoint?.isBeingWritten = true
        return running
    }

    private func checkpointRunning() -> StorageError {
        StorageError(.busy, "A checkpoint is already running.", path: file.path)
    }

    /// See ``CheckpointedStorage/noteLogInUse()``. The same checkpoint under the next generation: all
    /// that it refers to is durable already (R2).
    public func noteLogInUse() throws(StorageError) {
        try checkWritable()
        var next = try space.withLock { () throws(StorageError) in
            // Its superblock would go to the same slot, with the same generation.
            guard runningCheckpoint == nil else { throw checkpointRunning() }
            return superblock
        }
        next.generation += 1
        next.record.usesLog = true
        next.record.endsLog = false
        try writeSuperblock(next)
        try sync()
        space.withLock {
            superblock = next
            durableSlot ^= 1
        }
    }

    /// Makes the superblock that the store was opened by durable, before anything is built on it. What
    /// was read may be the system's alone: written, but not synced before its process was killed, or
    /// lost by a sync that failed. All that it refers to is durable, since it was written (R2); but
    /// after a power cut the one before would come back, whose pages and log must still be there (R1).
    ///
    /// It is written as it was read, so that it stays valid whatever part of that gets to the medium;
    /// a sync alone does nothing for a page that the system takes for clean.
    public func secureSuperblock() throws(StorageError) {
        try checkWritable()
        let slot = space.withLock { durableSlot }
        let offset = UInt64(slot) << UInt64(PageLayout.pageShift)
        let buffer = PageBuffer(pageCount: 1)
        try unsafe readExactly(
            buffer.buffer(byteCount: PageLayout.pageSize), at: slot, of: slot)
        do throws(StorageError) {
            try unsafe file.write(buffer.bytes.buffer, at: offset)
        } catch {
            poison(by: error)
            throw error
        }
        try sync()
    }

    /// A file that has lost its last name takes everything with it when it is closed. The log still
    /// has a name, so nothing may be taken from it for what is written here.
    private func refuseOrphan() throws(StorageError) {
        guard let status = try file.status(), status.linkCount == 0 else { return }
        let error = StorageError(
            .ambiguousName,
            "The database's file was removed or replaced while it was open; what was committed "
                + "since is in the log that is left. Bring the file back, or export what is open.",
            path: file.path)
        poison(by: error)
        throw error
    }

    private func writeSuperblock(_ next: Superblock) throws(StorageError) {
        // The slot that does not hold the durable superblock: generations alternate, from slot 0.
        let buffer = PageBuffer(pageCount: 1)
        let slot = durableSlot ^ 1
        next.encode(into: buffer.page(0), slot: PageNumber(slot))
        do throws(StorageError) {
            try unsafe file.write(
                buffer.bytes.buffer, at: UInt64(slot) << UInt64(PageLayout.pageShift))
        } catch {
            // A full disk too: part of it may be there, and become durable at any time.
            poison(by: error)
            throw error
        }
    }

    /// The checkpoint is durable: what only the one before needed is free, and free pages at the
    /// end go back to the file system (R9).
    private func adopt(_ running: RunningCheckpoint) throws(StorageError) {
        space.acquire()
        defer { space.release() }
        durableSlot ^= 1
        superblock = running.superblock
        durableTransaction.store(superblock.record.transaction, ordering: .releasing)
        runningCheckpoint = nil
        // Free pages of the cache's view already, so only the allocator has to know.
        for page in allocator.chain.members { allocator.makeFree(page, 1) }
        allocator.chain = allocator.newChain
        allocator.newChain = PageBitmap()
        for run in allocator.releaseFrozen() { table.free(run) }
        reclaim()
        let end = allocator.usedEnd
        allocator.cut(to: end)
        setEnd(end)
        isShort.store(false, ordering: .relaxed)
        let fileEnd = fileEnd(above: end, isLast: superblock.record.endsLog)
        if fileEnd < filePages { try cutFile(to: fileEnd) }
    }

    /// Takes the checkpoint back: what it has not written is dirty again.
    private func undoCheckpoint() {
        space.acquire()
        defer { space.release() }
        runningCheckpoint = nil
        allocator.unfreeze()
        for page in allocator.newChain.members { allocator.makeFree(page, 1) }
        allocator.newChain.removeAll()
        for run in allocator.releaseFrozen() { table.free(run) }
    }
}
