import StorageIO

/// Which pages are free, which are waiting to be free, and which are dirty: the bookkeeping behind
/// both stores, without any file or memory of its own. It is part of the state inside of their locks.
///
/// Invariants, which `brokenInvariant` checks (``InvariantChecks``):
/// - P1: A page from 2 up to `end` is in at most one of `free`, `pending`, `chain` and `newChain`; one that is in
///   none of them is in use by some version. No other page is in any of them.
/// - P2: What is born in the running transaction is in use, and so is what it set aside behind a savepoint, which is
///   not in `born` meanwhile. While none runs, nothing is born or retired, and there is no savepoint.
/// - P3: A dirty page is in use or pending, and in only one of `dirty` and `frozen`.
/// - P4: A pending page is in exactly one retired run, and such a run is pending as a whole.
/// - P5: A run is retired after it was born. It is the running transaction's; or it waits for its publication, in
///   the order of the deaths; or a held version sees it, the oldest one that does; or it waits for the checkpoint
///   that it is frozen by.
/// - P6: Published version, head and running transaction come in this order.
///
/// `FileSpace` has two more:
/// - P7: The durable list has as many pages as the superblock says. While no checkpoint runs nothing is frozen, and no
///   page is taken for a list.
/// - P8: The file has all pages of its space, unless it is only read; readers know where that ends.
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
    /// The savepoints of the running transaction, the innermost last.
    var savepoints: [Savepoint] = []
    /// Committed retirements by death, ascending, that are not published yet.
    var waiting: [Retired] = []
    private(set) var waitingStart = 0
    /// Published retirements, each under the oldest held version that sees it.
    private(set) var buckets: [Bucket] = []
    /// The newest transaction at the last ``reclaim(held:)``, and how many versions were held then.
    private var lastReclaim: TransactionNumber = 0
    private var lastHeldCount = 0
    /// How many held versions, buckets and retired runs all reclaiming has looked at.
    private(set) var reclaimVisitCount: UInt64 = 0
    /// Reusable, but frozen when they became so.
    private(set) var afterCheckpoint: [Retired] = []
    /// What is known about the runs in `free`.
    private(set) var search = RunSearch()

    // MARK: Allocation

    /// Takes the lowest free page.
    mutating func takeFree() -> Int? {
        free.popFirst()
    }

    /// Takes the lowest free run of `count` pages.
    mutating func takeFreeRun(_ count: Int) -> Int? {
        guard free.count >= count, let run = search.firstRun(of: count, in: free) else {
            return nil
        }
        free.remove(run.lowerBound..<run.lowerBound + count)
        return run.lowerBound
    }

    /// The free pages just below `end`: growing by `count` pages may start with these.
    func freeTail() -> Int { free.startOfRun(endingAt: end) }

    @inline(__always)
    mutating func makeFree(_ page: Int, _ count: Int) {
        free.insert(page..<page + count)
        guard search.isAffected(by: page) else { return }
        // No search is for a single page, so one whose neighbors are in use changes nothing.
        if count > 1 || free.contains(page - 1) || free.contains(page + 1) {
            search.noteFreed(page)
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
        precondition(savepoints.isEmpty, "a savepoint is open")
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
        dropSavepoints()
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
    /// - Returns: whether it is free at once, having been born in this transaction, and behind its savepoints.
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
                !newChain.contains(each), each == start || born.contains(each) == isBorn
            else {
                throw StorageError(
                    .damaged, "A page to be replaced is free already.", page: PageNumber(each))
            }
        }
        if isBorn, setAside(start, count) { return false }
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

    /// Whether ``reclaim(held:)`` is worth its cost now. It looks at every held version; so with many of
    /// them it waits for some transactions, in proportion, unless pages are needed.
    var isReclaimDue: Bool {
        hasReclaimable && head - lastReclaim >= UInt64(lastHeldCount) / Self.heldPerTransaction
    }

    /// How many held versions a transaction may look at for being sure to free what it can.
    private static var heldPerTransaction: UInt64 { 64 }

    /// Frees what no held version sees.
    ///
    /// - Parameter held: all held versions, ascending, read after `published` was.
    /// - Returns: the freed runs.
    mutating func reclaim(held: [TransactionNumber]) -> [Run] {
        lastReclaim = head
        lastHeldCount = held.count
        reclaimVisitCount += UInt64(held.count + buckets.count)
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
        if !buckets.isEmpty { releaseBuckets(held, &freed) }
        return freed
    }

    /// Looks again at the entries of versions that are held no more, and only at those, so that a long
    /// reader costs nothing here. Both lists ascend: O(held versions + buckets + entries looked at).
    private mutating func releaseBuckets(_ held: [TransactionNumber], _ freed: inout [Run]) {
        var kept = 0
        var position = 0
        var released: [Retired] = []
        for index in buckets.indices {
            let version = buckets[index].version
            while position < held.count, held[position] < version { position += 1 }
            if position < held.count, held[position] == version {
                if kept < index { buckets.swapAt(kept, index) }
                kept += 1
            } else {
                released.append(contentsOf: buckets[index].entries)
            }
        }
        guard kept < buckets.count else { return }
        buckets.removeLast(buckets.count - kept)
        // An entry whose oldest holder went moves to a younger one's bucket.
        for entry in released { place(entry, held, &freed) }
    }

    private mutating func place(
        _ entry: Retired, _ held: [TransactionNumber], _ freed: inout [Run]
    ) {
        reclaimVisitCount += 1
        let holder = held.firstIndex(notBelow: entry.birth)
        if holder < held.count, held[holder] < entry.death {
            add(entry, toBucketOf: held[holder])
        } else if let page = frozen.next(from: Int(entry.page)),
            page < Int(entry.page) + Int(entry.count)
        {
            afterCheckpoint.append(entry)
        } else {
            let start = Int(entry.page)
            pending.remove(start..<start + Int(entry.count))
            dirty.remove(start)
            // A hostile file may claim that a run reaches over pages that are dirty by themselves.
            if entry.count > 1 { dirty.remove(start + 1..<start + Int(entry.count)) }
            makeFree(start, Int(entry.count))
            freed.append(Run(page: start, count: Int(entry.count)))
        }
    }

    private mutating func add(_ entry: Retired, toBucketOf version: TransactionNumber) {
        var (low, high) = (0, buckets.count)
        // Most go to the newest one.
        if let last = buckets.last, last.version < version { low = high }
        while low < high {
            let middle = (low + high) / 2
            if buckets[middle].version < version { low = middle + 1 } else { high = middle }
        }
        if low == buckets.count || buckets[low].version != version {
            buckets.insert(Bucket(version: version, entries: [], pageCount: 0), at: low)
        }
        buckets[low].entries.append(entry)
        buckets[low].pageCount += Int(entry.count)
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
