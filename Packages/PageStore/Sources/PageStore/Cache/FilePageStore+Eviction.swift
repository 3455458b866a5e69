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
        memory.residentCount.load(ordering: .relaxed) - dirtyPages.load(ordering: .relaxed)
    }

    /// The most pages that are marked at a time.
    private static var batchPages: Int { 256 }
    /// The most runs of free pages that are dropped at a time: whoever takes one of them waits for that.
    private static var droppedRuns: Int { 64 }

    /// Evicts when more clean pages are resident than the budget allows. Never waits: where a
    /// reader may still be inside a marked page, the batch stays for a later call.
    func evictIfNeeded() {
        guard cleanResidentPages > budgetPages, evictionLock.tryAcquire() else { return }
        defer { evictionLock.release() }
        while finishBatch(), cleanResidentPages > budgetPages,
            cleanResidentPages >= eviction.nextAttempt
                || dirtyPages.load(ordering: .relaxed) < eviction.nextAttemptDirty
        {
            // A little more than needed, so that not every load comes here.
            let excess = cleanResidentPages - budgetPages
            mark(min(excess + budgetPages / 16, Self.batchPages))
        }
    }

    /// See ``CheckpointedStorage/trim(toPages:)``.
    public func trim(toPages pageCount: Int) {
        space.withLock { reclaim() }
        evictionLock.acquire()
        defer { evictionLock.release() }
        while finishBatch(), cleanResidentPages > pageCount {
            let before = cleanResidentPages
            mark(min(before - pageCount, Self.batchPages))
            if eviction.batch.isEmpty, cleanResidentPages == before { return }
        }
    }

    /// Gives the batch's memory back if no reader can be inside; whether the batch is empty now.
    private func finishBatch() -> Bool {
        guard !eviction.batch.isEmpty else { return true }
        guard epochs.allEntered(since: eviction.epoch) else { return false }
        var runs: [PageAllocator.Run] = []
        var evicted = 0
        schedulePoint()
        for entry in eviction.batch
        where memory.state(entry.page) == PageState.evicting {  // else it was rescued
            Self.join(entry, to: &runs)
            evicted += entry.count
        }
        memory.drop(runs, to: PageState.absent)
        eviction.batch.removeAll(keepingCapacity: true)
        evictions.wrappingAdd(UInt64(evicted), ordering: .relaxed)
        return true
    }

    /// Adds a run to those that ascend, or to the last of them when it goes on from there.
    private static func join(_ run: PageAllocator.Run, to runs: inout [PageAllocator.Run]) {
        if let last = runs.last, last.page + last.count == run.page {
            runs[runs.count - 1].count += run.count
        } else {
            runs.append(run)
        }
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
            switch memory.state(page) {
            case PageState.hot:
                _ = memory.exchangeState(page, from: PageState.hot, to: PageState.cold)
                isSpared = true
            case PageState.dirty, PageState.loading:
                isSpared = true
            case PageState.absent, PageState.free, PageState.stale:
                continue
            default: break
            }
            isEmpty = false
        }
        if isEmpty, memory.dropEmptyGroup(first) { marked += memory.groupSize }
        return isSpared || isEmpty
    }

    /// Moves the hand on until the memory of `wanted` pages is marked or dropped, twice around at most:
    /// once to take the second chances away, once to use that. It goes by whole groups.
    private func mark(_ wanted: Int) {
        let end = highestEnd.load(ordering: .acquiring)
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
            if page & 7 == 0, memory.areEightAbsent(page) {
                eviction.hand += 8
                steps += 8
                continue
            }
            switch memory.state(page) {
            case PageState.hot:
                _ = memory.exchangeState(page, from: PageState.hot, to: PageState.cold)
            case PageState.cold:
                if memory.exchangeState(page, from: PageState.cold, to: PageState.evicting) {
                    // A checked page, and this thread's own until the lock is given back.
                    let count = runLength(page)
                    let run = PageAllocator.Run(page: page, count: count)
                    eviction.batch.append(run)
                    marked += memory.pagesBehind(run, after: &markedGroup)
                }
            case PageState.stale:
                // Nobody refers to a free page, so there is no reader to wait for.
                if memory.exchangeState(page, from: PageState.stale, to: PageState.loading) {
                    let run = PageAllocator.Run(page: page, count: 1)
                    Self.join(run, to: &stale)
                    marked += memory.pagesBehind(run, after: &markedGroup)
                    if stale.count == Self.droppedRuns {
                        memory.drop(stale, to: PageState.free)
                        stale.removeAll(keepingCapacity: true)
                    }
                }
            default: break
            }
            eviction.hand += 1
            steps += 1
        }
        memory.drop(stale, to: PageState.free)
        eviction.nextAttempt = marked == 0 ? cleanResidentPages + max(64, 16 * memory.groupSize) : 0
        eviction.nextAttemptDirty =
            marked == 0 && memory.groupSize > 1 ? dirtyPages.load(ordering: .relaxed) : 0
        if !eviction.batch.isEmpty {
            // The hand may have passed the end: neighbours are found in page order.
            eviction.batch.sort { $0.page < $1.page }
            eviction.epoch = epochs.advance()
        }
    }

    /// Takes a page back from the batch, for whoever needs it now.
    func rescue(_ page: Int) {
        evictionLock.acquire()
        defer { evictionLock.release() }
        _ = memory.exchangeState(page, from: PageState.evicting, to: PageState.hot)
    }

    /// How many pages the resident page or run takes.
    func runLength(_ page: Int) -> Int {
        let bytes = memory.page(page)
        guard bytes.rawKind == PageKind.overflow.rawValue else { return 1 }
        return max(1, Int(bytes.u32(OverflowLayout.pageCount)))
    }
}
