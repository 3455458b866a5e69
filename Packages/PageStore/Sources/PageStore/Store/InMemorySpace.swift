import StorageIO
import Synchronization

/// The space of an ``InMemoryPageStore``. It is reached through the store's `Guarded` alone.
struct InMemorySpace: ~Copyable {
    private let table: PageTable
    /// The versions that snapshots hold.
    let versions = VersionRegistry()
    var allocator = PageAllocator()
    /// The last checkpoint.
    private(set) var record = CheckpointRecord()
    /// The one that was begun.
    private var pendingRecord: CheckpointRecord?

    init(_ table: PageTable) { self.table = table }

    private var pageLimit: Int { table.memory.pageLimit }

    /// Takes `count` consecutive pages for the running transaction.
    mutating func takeRun(_ count: Int, for purpose: SpacePurpose) throws(StorageError) -> Int {
        guard allocator.running != 0 else { throw PageProblem.noTransaction() }
        try keepReserve(besides: count, for: purpose)
        var start = takeFree(count)
        if start == nil {
            reclaim()
            start = takeFree(count)
        }
        if start == nil { start = try grow(count) }
        guard let start else { preconditionFailure("growing gave no page") }
        allocator.noteBorn(start..<start + count)
        table.claim(PageAllocator.Run(page: start, count: count))
        return start
    }

    private mutating func takeFree(_ count: Int) -> Int? {
        count == 1 ? allocator.takeFree() : allocator.takeFreeRun(count)
    }

    private mutating func grow(_ count: Int) throws(StorageError) -> Int {
        let start = allocator.freeTail()
        guard start + count <= pageLimit else { throw PageProblem.fileTooLarge(table.memory) }
        try table.memory.open(through: start + count)
        allocator.free.remove(start..<allocator.end)
        allocator.end = start + count
        return start
    }

    /// Makes sure that what is kept for deletes is still there when `count` pages are taken.
    private mutating func keepReserve(
        besides count: Int, for purpose: SpacePurpose
    ) throws(StorageError) {
        let reserve = SpaceReserve(count: allocator.end, limit: pageLimit)
        guard pagesAtHand < count + reserve.pageCount else { return }
        reclaim()
        guard pagesAtHand >= count + reserve.kept(for: purpose) else {
            throw PageProblem.fileTooLarge(table.memory)
        }
    }

    /// Pages that are free, and those up to the limit.
    private var pagesAtHand: Int { allocator.free.count + pageLimit - allocator.end }

    /// Retires a run for the running transaction.
    mutating func retire(
        _ page: PageNumber, count: Int, birth: TransactionNumber
    ) throws(StorageError) {
        if try allocator.retire(page, count: count, birth: birth) {
            free([PageAllocator.Run(page: Int(page), count: count)])
        }
    }

    /// Gives back pages that the running transaction took; nothing, if it has ended.
    mutating func giveBack(_ run: PageAllocator.Run) {
        let pages = run.page..<run.page + run.count
        guard pages.allSatisfy({ allocator.born.contains($0) }) else { return }
        allocator.forgetBorn(pages)
        allocator.makeFree(run.page, run.count)
        free([run])
    }

    /// Notes that runs have become free. Long ones give their memory back; single pages are soon used again.
    func free(_ runs: [PageAllocator.Run]) {
        for run in runs {
            table.free(run)
            if run.count >= 16 { table.drop(run) }
        }
    }

    private mutating func reclaim() {
        guard allocator.hasReclaimable else { return }
        // `published` was set before the slots are read; see VersionRegistry.
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        free(allocator.reclaim(held: versions.held()))
    }

    // MARK: Transactions

    mutating func begin(_ number: TransactionNumber) throws(StorageError) {
        try allocator.begin(number)
        if allocator.isReclaimDue { reclaim() }
    }

    mutating func commit() throws(StorageError) {
        while let freed = allocator.releaseSavepoint() { free(freed) }
        try allocator.commit()
        if allocator.isCommitChecked { checkInvariants() }
    }

    /// Returns false if no transaction was running.
    mutating func abort() -> Bool {
        guard let freed = allocator.abort() else { return false }
        free(freed)
        checkInvariants()
        return true
    }

    /// Ends a savepoint by `end`.
    ///
    /// - Returns: the running transaction, if that has no savepoint any more.
    mutating func endSavepoint(
        _ end: (inout PageAllocator) -> [PageAllocator.Run]?
    ) -> TransactionNumber? {
        free(end(&allocator) ?? [])
        return allocator.savepoints.isEmpty && allocator.running != 0 ? allocator.running : nil
    }

    // MARK: Checkpoints

    mutating func beginCheckpoint(_ record: CheckpointRecord) throws(StorageError) {
        guard record.transaction == allocator.head, allocator.running == 0 else {
            throw PageProblem.notNewest()
        }
        guard pendingRecord == nil else {
            throw StorageError(.busy, "A checkpoint is already running.")
        }
        pendingRecord = record
    }

    mutating func finishCheckpoint() throws(StorageError) {
        guard let next = pendingRecord else {
            throw StorageError(.invalidArgument, "No checkpoint was begun.")
        }
        record = next
        pendingRecord = nil
        cutFreeEnd()
    }

    mutating func cutFreeEnd() {
        reclaim()
        allocator.cut(to: allocator.usedEnd)
        checkInvariants()
    }

    /// Stops the process if one of P1 to P6 does not hold, where that is looked at (``InvariantChecks``).
    private func checkInvariants() {
        if InvariantChecks.areOn, let brokenInvariant = allocator.brokenInvariant {
            InvariantChecks.stop(brokenInvariant)
        }
    }
}
