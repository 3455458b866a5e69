import StorageIO
import Synchronization

/// What the evictor remembers between its turns.
struct Eviction {
    /// Where the clock hand stands.
    var hand = 2
    /// Pages in state `evicting`, first pages of runs with their length.
    var batch: [PageAllocator.Run] = []
    /// Readers of this epoch and later have seen the batch's marks.
    var epoch: UInt64 = 0
    /// A sweep found nothing: not before this many clean pages are resident is another tried.
    var nextAttempt = 0
    /// Or, where pages share memory, before fewer pages than these are dirty: it may be they that kept it.
    var nextAttemptDirty = 0
}

extension FilePageStore {
    /// Resident pages that are not dirty. Where pages share memory, this includes what is behind a dirty
    /// page's neighbors, which can't go either.
    var cleanResidentPages: Int {
        memory.residentCount.load(ordering: .relaxed) - table.dirtyCount.load(ordering: .relaxed)
    }

    /// The most pages that are marked at a time.
    private static var batchPages: Int { 256 }
    /// The most runs of free pages that are dropped at a time: whoever takes one of them waits for that.
    private static var droppedRuns: Int { 64 }

    /// Evicts when more clean pages are resident than the budget allows. Never waits: where a
    /// reader may still be inside a marked page, the batch stays for a later call.
    func evictIfNeeded() {
        guard cleanResidentPages > budgetPages else { return }
        table.eviction.withLockIfFree { eviction in
            while finishBatch(&eviction), cleanResidentPages > budgetPages,
                cleanResidentPages >= eviction.nextAttempt
                    || table.dirtyCount.load(ordering: .relaxed) < eviction.nextAttemptDirty
            {
                // A little more than needed, so that not every load comes here.
                let excess = cleanResidentPages - budgetPages
                mark(min(excess + budgetPages / 16, Self.batchPages), &eviction)
            }
        }
    }

    /// See ``CheckpointingStorage/trim(toPages:)``.
    public func trim(toPages pageCount: Int) {
        space.withLock { $0.reclaim() }
        table.eviction.withLock { eviction in
            while finishBatch(&eviction), cleanResidentPages > pageCount {
                let before = cleanResidentPages
                mark(min(before - pageCount, Self.batchPages), &eviction)
                if eviction.batch.isEmpty, cleanResidentPages == before { return }
            }
        }
    }

    /// Gives the batch's memory back if no reader can be inside; whether the batch is empty now.
    private func finishBatch(_ eviction: inout Eviction) -> Bool {
        guard !eviction.batch.isEmpty else { return true }
        guard epochs.allEntered(since: eviction.epoch) else { return false }
        var runs: [PageAllocator.Run] = []
        var evicted = 0
        schedulePoint()
        for entry in eviction.batch
        where table.isBeingEvicted(entry.page) {
            runs.join(entry)
            evicted += entry.count
        }
        table.finishEviction(runs)
        eviction.batch.removeAll(keepingCapacity: true)
        evictions.wrappingAdd(UInt64(evicted), ordering: .relaxed)
        return true
    }

    /// Looks at the group of pages from `first`, where pages share memory. It stays this time when one of
    /// them is dirty, being read in, or was used lately: without that page the memory of the others stays
    /// too. The second chances of all of them are taken.
    ///
    /// - Parameter marked: grows by the pages whose memory went at once, as nothing was in them.
    /// - Returns: whether the hand passes the group.
    private func passGroup(_ first: Int, _ marked: inout Int) -> Bool {
        guard memory.groupSize > 1 else { return false }
        var isSpared = false
        var isEmpty = true
        for page in first..<first + memory.groupSize {
            switch table.state(page) {
            case PageState.hot:
                table.spare(page)
                isSpared = true
            case PageState.dirty, PageState.loading:
                isSpared = true
            case PageState.absent, PageState.free, PageState.stale:
                continue
            default: break
            }
            isEmpty = false
        }
        if isEmpty, table.dropEmptyGroup(first) { marked += memory.groupSize }
        return isSpared || isEmpty
    }

    /// Moves the hand on until the memory of `wanted` pages is marked or dropped, twice around at most:
    /// once to take the second chances away, once to use that. It goes by whole groups.
    private func mark(_ wanted: Int, _ eviction: inout Eviction) {
        let end = bounds.highestEnd.load(ordering: .acquiring)
        let groupMask = memory.groupSize - 1
        // No page but the first is at a multiple of that when each is a group.
        let groupStart = groupMask > 0 ? groupMask : Int.max
        var marked = 0
        var markedGroup = -1
        var steps = 0
        var stale: [PageAllocator.Run] = []
        while marked < wanted || eviction.hand & groupMask != 0, steps < 2 * end + 16 {
            if eviction.hand >= end { eviction.hand = 0 }
            let page = eviction.hand
            if page & groupStart == 0, passGroup(page, &marked) {
                eviction.hand += memory.groupSize
                steps += memory.groupSize
                continue
            }
            if page & 7 == 0, table.areEightAbsent(page) {
                eviction.hand += 8
                steps += 8
                continue
            }
            switch table.state(page) {
            case PageState.hot:
                table.spare(page)
            case PageState.cold:
                if table.beginEviction(page) {
                    // A checked page, and this thread's own until the lock is given back.
                    let count = table.runLength(page)
                    let run = PageAllocator.Run(page: page, count: count)
                    eviction.batch.append(run)
                    marked += memory.pagesBehind(run, after: &markedGroup)
                }
            case PageState.stale:
                // Nobody refers to a free page, so there is no reader to wait for.
                if table.beginDrop(page) {
                    let run = PageAllocator.Run(page: page, count: 1)
                    stale.join(run)
                    marked += memory.pagesBehind(run, after: &markedGroup)
                    if stale.count == Self.droppedRuns {
                        table.finishDrop(stale)
                        stale.removeAll(keepingCapacity: true)
                    }
                }
            default: break
            }
            eviction.hand += 1
            steps += 1
        }
        table.finishDrop(stale)
        eviction.nextAttempt = marked == 0 ? cleanResidentPages + max(64, 16 * memory.groupSize) : 0
        eviction.nextAttemptDirty =
            marked == 0 && memory.groupSize > 1 ? table.dirtyCount.load(ordering: .relaxed) : 0
        if !eviction.batch.isEmpty {
            // The hand may have passed the end: neighbours are found in page order.
            eviction.batch.sort { $0.page < $1.page }
            eviction.epoch = epochs.advance()
        }
    }
}

extension [PageAllocator.Run] {
    /// Adds a run to those that ascend, or to the last of them if it goes on from there.
    mutating func join(_ run: PageAllocator.Run) {
        if let last, last.page + last.count == run.page {
            self[count - 1].count += run.count
        } else {
            append(run)
        }
    }
}
