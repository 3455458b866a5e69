import StorageIO

/// Which pages are free, which are waiting to be free, and which are dirty: the bookkeeping behind
/// both stores, without any file or memory of its own.
///
/// Guarded by its store's space lock, all of it. Every page below `end` is in exactly one of: the
/// superblocks (0 and 1), `free`, `pending`, `chain` and `newChain`, or in use by some version.
struct PageAllocator {
    /// A run of pages that a transaction replaced, with its lifetime `birth ..< death`.
    struct Retired {
        var page: PageNumber
        var count: UInt32
        var birth: TransactionNumber
        var death: TransactionNumber
    }

    /// A run of pages.
    struct Run {
        var page: Int
        var count: Int
    }

    /// What one held version keeps from use.
    struct Bucket {
        var version: TransactionNumber
        var entries: [Retired]
        var pageCount: Int
    }

    /// Page numbers from here on do not exist.
    var end = 2
    /// Free for use.
    var free = PageBitmap()
    /// Born in the running transaction.
    var born = PageBitmap()
    /// Retired, but not free yet; those of the running transaction too.
    var pending = PageBitmap()
    /// Pages of the durable free list.
    var chain = PageBitmap()
    /// Pages of the free list that a running checkpoint writes.
    var newChain = PageBitmap()
    /// Newer than the file, first pages of runs only; all but those in `frozen`.
    var dirty = PageBitmap()
    /// What a running checkpoint has still to write. Its bytes don't change, and it is not freed.
    var frozen = PageBitmap()

    /// The running transaction; 0 when none is.
    var running: TransactionNumber = 0
    /// The highest number that the running transaction stands for; see ``extend(to:)``.
    private var last: TransactionNumber = 0
    /// The newest committed transaction.
    var head: TransactionNumber = 0
    /// The newest version that readers get.
    var published: TransactionNumber = 0

    /// What the running transaction retired.
    var retired: [Retired] = []
    /// Committed retirements by death, ascending, that are not published yet.
    var waiting: [Retired] = []
    private var waitingStart = 0
    /// Published retirements, each under the oldest held version that sees it.
    private(set) var buckets: [Bucket] = []
    /// Reusable, but frozen when they became so.
    private var afterCheckpoint: [Retired] = []
    /// No free run of `length` pages or more starts below `limit`.
    private var searched = (length: Int.max, limit: 0)

    // MARK: Allocation

    /// Takes the lowest free page.
    mutating func takeFree() -> Int? {
        guard let page = free.next(from: 0) else { return nil }
        free.remove(page)
        return page
    }

    /// Takes the lowest free run of `count` pages.
    mutating func takeFreeRun(_ count: Int) -> Int? {
        guard free.count >= count else { return nil }
        var position = count >= searched.length ? searched.limit : 0
        while let run = free.nextRun(from: position) {
            if run.count >= count {
                note(searched: count, limit: run.lowerBound)
                free.remove(run.lowerBound..<run.lowerBound + count)
                return run.lowerBound
            }
            position = run.upperBound
        }
        note(searched: count, limit: end)
        return nil
    }

    private mutating func note(searched length: Int, limit: Int) {
        if length <= searched.length || limit > searched.limit { searched = (length, limit) }
    }

    /// The free pages just below `end`: growing by `count` pages may start with these.
    func freeTail() -> Int { free.startOfRun(endingAt: end) }

    mutating func makeFree(_ page: Int, _ count: Int) {
        free.insert(page..<page + count)
        // A run that now holds this page and is long enough has `length` pages from here on.
        if searched.limit > 0 {
            searched.limit = max(0, min(searched.limit, page - searched.length + 1))
        }
    }

    // MARK: Transactions

    mutating func begin(_ number: TransactionNumber) throws(StorageError) {
        guard running == 0 else { throw PageProblem.transactionRunning() }
        try requireNext(number)
        running = number
        last = number
    }

    private func requireNext(_ number: TransactionNumber) throws(StorageError) {
        guard number > head else {
            throw StorageError(
                .invalidArgument, "The transaction number does not follow the last one.")
        }
    }

    /// Lets the running transaction stand for those up to `number` as well.
    mutating func extend(to number: TransactionNumber) throws(StorageError) {
        guard running != 0 else { throw PageProblem.noTransaction() }
        guard number >= last else {
            throw StorageError(
                .invalidArgument, "The transaction stands for later ones than this already.")
        }
        last = number
    }

    /// Ends the transaction; its retirements get their death.
    mutating func commit() throws(StorageError) {
        guard running != 0 else { throw PageProblem.noTransaction() }
        waiting.append(contentsOf: retired)
        retired.removeAll(keepingCapacity: true)
        born.removeAll()
        head = last
        running = 0
    }

    /// Notes a transaction that took and retired nothing.
    mutating func commitInPlace(_ number: TransactionNumber) throws(StorageError) {
        guard running == 0 else { throw PageProblem.transactionRunning() }
        try requireNext(number)
        head = number
    }

    /// Notes that readers get no older version any more.
    mutating func publish(_ version: TransactionNumber) throws(StorageError) {
        guard version <= head else {
            throw StorageError(
                .invalidArgument, "A version can be published only after its commit.")
        }
        published = max(published, version)
    }

    /// Ends the transaction; what was born in it is free.
    ///
    /// - Returns: the freed runs; nil when no transaction was running.
    mutating func abort() -> [Run]? {
        guard running != 0 else { return nil }
        for entry in retired {
            pending.remove(Int(entry.page)..<Int(entry.page) + Int(entry.count))
        }
        retired.removeAll(keepingCapacity: true)
        var freed: [Run] = []
        born.forEachRun { start, length in freed.append(Run(page: start, count: length)) }
        for run in freed {
            makeFree(run.page, run.count)
            dirty.remove(run.page..<run.page + run.count)
        }
        born.removeAll()
        running = 0
        return freed
    }

    /// Retires a run for the running transaction.
    ///
    /// - Returns: whether it is free at once, having been born in this transaction.
    mutating func retire(
        _ page: PageNumber, count: Int, birth: TransactionNumber
    ) throws(StorageError) -> Bool {
        guard running != 0 else { throw PageProblem.noTransaction() }
        let start = Int(page)
        guard start >= 2, start + count <= end else {
            throw StorageError(
                .damaged, "A page to be replaced lies outside the file.", page: page)
        }
        let isBorn = born.contains(start)
        guard isBorn == (birth >= running), birth <= last else {
            throw StorageError(
                .damaged, "A page to be replaced has an impossible birth.", page: page)
        }
        for each in start..<start + count {
            guard !free.contains(each), !pending.contains(each), !chain.contains(each),
                !newChain.contains(each), born.contains(each) == isBorn
            else {
                throw StorageError(
                    .damaged, "A page to be replaced is free already.", page: PageNumber(each))
            }
        }
        if isBorn {
            born.remove(start..<start + count)
            dirty.remove(start)
            makeFree(start, count)
            return true
        }
        pending.insert(start..<start + count)
        retired.append(
            Retired(page: page, count: UInt32(count), birth: birth, death: running))
        return false
    }

    // MARK: Reclaiming

    /// Whether ``reclaim(held:)`` could free anything.
    var hasReclaimable: Bool {
        waitingStart < waiting.count && waiting[waitingStart].death <= published
            || !buckets.isEmpty
    }

    /// Frees what no held version sees.
    ///
    /// - Parameter held: all held versions, ascending, read after `published` was.
    /// - Returns: the freed runs.
    mutating func reclaim(held: [TransactionNumber]) -> [Run] {
        var freed: [Run] = []
        while waitingStart < waiting.count, waiting[waitingStart].death <= published {
            place(waiting[waitingStart], held, &freed)
            waitingStart += 1
        }
        if waitingStart == waiting.count {
            waiting.removeAll(keepingCapacity: waiting.count < 4096)
            waitingStart = 0
        } else if waitingStart > 4096, waitingStart > waiting.count / 2 {
            waiting.removeFirst(waitingStart)
            waitingStart = 0
        }
        // Only the entries of a version that is held no more are looked at again, so a long reader
        // costs nothing here.
        var index = 0
        while index < buckets.count {
            if held.contains(buckets[index].version) {
                index += 1
                continue
            }
            let entries = buckets.remove(at: index).entries
            // An entry whose oldest holder went moves to a younger one's bucket, further on.
            for entry in entries { place(entry, held, &freed) }
        }
        return freed
    }

    private mutating func place(
        _ entry: Retired, _ held: [TransactionNumber], _ freed: inout [Run]
    ) {
        if let version = held.first(where: { $0 >= entry.birth }), version < entry.death {
            var index = buckets.count
            while index > 0, buckets[index - 1].version >= version { index -= 1 }
            if index == buckets.count || buckets[index].version != version {
                buckets.insert(Bucket(version: version, entries: [], pageCount: 0), at: index)
            }
            buckets[index].entries.append(entry)
            buckets[index].pageCount += Int(entry.count)
        } else if frozen.contains(Int(entry.page)) {
            afterCheckpoint.append(entry)
        } else {
            let start = Int(entry.page)
            pending.remove(start..<start + Int(entry.count))
            dirty.remove(start)
            makeFree(start, Int(entry.count))
            freed.append(Run(page: start, count: Int(entry.count)))
        }
    }

    /// Hands all dirty pages to a checkpoint.
    mutating func freeze() {
        precondition(frozen.isEmpty, "a checkpoint is still being written")
        swap(&frozen, &dirty)
    }

    /// Takes back what the checkpoint has not written.
    mutating func unfreeze() {
        dirty.formUnion(frozen)
        frozen.removeAll()
    }

    /// Frees what became reusable while it was frozen. Call when `frozen` is empty again.
    mutating func releaseFrozen() -> [Run] {
        var freed: [Run] = []
        let entries = afterCheckpoint
        afterCheckpoint = []
        for entry in entries { place(entry, [], &freed) }
        return freed
    }

    /// One past the highest page that is not free.
    var usedEnd: Int { max(2, free.startOfRun(endingAt: end)) }

    /// Takes the free pages from `newEnd` on out of existence.
    mutating func cut(to newEnd: Int) {
        free.remove(newEnd..<max(newEnd, end))
        end = newEnd
    }
}

extension PageAllocator {
    /// Fills in what the allocator knows.
    func describe(into statistics: inout PageStoreStatistics) {
        statistics.pageCount = end
        statistics.freePages = free.count
        statistics.freeListPages = chain.count
        statistics.pendingPages = pending.count
        statistics.pinnedPages = buckets.map {
            PageStoreStatistics.PinnedPages(version: $0.version, pageCount: $0.pageCount)
        }
    }
}
