import StorageIO
import Synchronization

/// The space of a store's file: which pages are free, how far the file goes, what it says durably. It is
/// reached through the store's `Guarded` alone, so each method runs under that lock, named `space`.
///
/// R1: a page number is handed out only when it is in `allocator.free`, and it gets there only when no held
/// version sees it; the durable checkpoint is a held version. So nothing that the durable superblock
/// reaches is ever written to.
struct FileSpace: ~Copyable {
    /// Of any kind: a generic type would be looked up at each use. It is asked for only when the file grows or shrinks.
    let file: any File
    /// Where pages that become free are marked so.
    let table: PageTable
    /// The versions that snapshots hold.
    let versions = VersionRegistry()
    /// Where a failed write is noted.
    let poison = Poison()
    /// What readers know.
    let bounds: SpaceBounds
    /// Whether the file is never written to.
    let isReadOnly: Bool
    /// Pages that were holes when the file was opened, where nearly all were. Such a file was not written by
    /// this engine: its pages need no reserve, however many a forged superblock claims.
    let holePages: Int

    var allocator = PageAllocator()
    /// What the file says durably.
    var superblock: Superblock
    /// The slot that `superblock` is in.
    var durableSlot: Int
    /// The checkpoint between its two halves, if one runs.
    var runningCheckpoint: RunningCheckpoint?
    /// Pages that the file has room for without growing.
    var filePages: Int

    /// The space of a file as its superblock and free list say.
    ///
    /// - Parameter list: a whole list.
    init(
        _ file: any File, _ table: PageTable, superblock: Superblock, durableSlot: Int,
        list: FreeListSurvey, filePages: Int, holePages: Int, isReadOnly: Bool
    ) {
        self.file = file
        self.table = table
        self.isReadOnly = isReadOnly
        self.holePages = holePages
        self.superblock = superblock
        self.durableSlot = durableSlot
        self.filePages = filePages
        bounds = SpaceBounds(superblock)
        allocator.end = Int(superblock.pageCount)
        allocator.head = superblock.record.transaction
        allocator.published = superblock.record.transaction
        allocator.free = list.free
        allocator.chain = list.chain
        // Every reference to a free page is an error.
        for pages in [list.free, list.chain] {
            pages.forEachRun { table.beginFree($0, count: $1) }
        }
    }

    /// How many pages there can be.
    var pageLimit: Int { table.memory.pageLimit }

    // MARK: Taking

    /// Takes `count` consecutive pages for the running transaction.
    mutating func takeRun(
        _ count: Int, for purpose: SpacePurpose
    ) throws(StorageError) -> Int {
        guard allocator.running != 0 else { throw PageProblem.noTransaction(path: file.path) }
        let start = try take(count, for: purpose)
        allocator.noteBorn(start..<start + count)
        return start
    }

    /// Takes the lowest free pages for the running transaction, or new ones.
    ///
    /// - Parameter count: the most to take, at least 1.
    mutating func takeRun(
        upTo count: Int, for purpose: SpacePurpose
    ) throws(StorageError) -> Range<Int> {
        guard allocator.running != 0 else { throw PageProblem.noTransaction(path: file.path) }
        let free = allocator.free.nextRun(from: 0)?.count ?? count
        var length = max(1, min(count, free))
        let start: Int
        do throws(StorageError) {
            start = try take(length, for: purpose)
        } catch {
            // What is left may be enough for one.
            guard error.isOutOfSpace, length > 1 else { throw error }
            length = 1
            start = try take(1, for: purpose)
        }
        allocator.noteBorn(start..<start + length)
        return start..<start + length
    }

    /// Takes a page that will be dirty, and retires the one that it takes the place of.
    mutating func takePage(
        inPlaceOf page: PageNumber, birth: TransactionNumber, for purpose: SpacePurpose
    ) throws(StorageError) -> Int {
        guard allocator.running != 0 else { throw PageProblem.noTransaction(path: file.path) }
        let new = try take(1, for: purpose)
        allocator.noteBorn(new..<new + 1)
        try retire(page, count: 1, birth: birth)
        allocator.dirty.insert(new)
        return new
    }

    /// Takes the lowest free pages, or new ones at the end.
    mutating func take(
        _ count: Int, for purpose: SpacePurpose
    ) throws(StorageError) -> Int {
        try keepReserve(besides: count, for: purpose)
        if let start = takeFree(count) { return start }
        if allocator.end + count > filePages {
            reclaim()
            if let start = takeFree(count) { return start }
        }
        do throws(StorageError) {
            return try grow(count)
        } catch {
            // There may be pages enough, but not side by side.
            if error.isOutOfSpace { noteShort() }
            throw error
        }
    }

    private mutating func takeFree(_ count: Int) -> Int? {
        count == 1 ? allocator.takeFree() : allocator.takeFreeRun(count)
    }

    /// Extends the space by `count` pages, less what is free just below its end.
    private mutating func grow(_ count: Int) throws(StorageError) -> Int {
        let start = allocator.freeTail()
        let end = start + count
        guard end <= pageLimit else {
            throw PageProblem.fileTooLarge(table.memory, path: file.path)
        }
        try table.memory.open(through: end)
        if end > filePages, !isReadOnly { try extendFile(through: end) }
        allocator.free.remove(start..<allocator.end)
        setEnd(end)
        return start
    }

    mutating func setEnd(_ end: Int) {
        allocator.end = end
        bounds.end.store(end, ordering: .releasing)
        if end > bounds.highestEnd.load(ordering: .relaxed) {
            bounds.highestEnd.store(end, ordering: .releasing)
        }
    }

    /// Takes the free pages at the end out of the space.
    ///
    /// - Returns: the new end.
    mutating func cutFreeTail() -> Int {
        let end = allocator.usedEnd
        allocator.cut(to: end)
        setEnd(end)
        return end
    }

    // MARK: Pages that are replaced

    /// Retires a run for the running transaction.
    mutating func retire(
        _ page: PageNumber, count: Int, birth: TransactionNumber
    ) throws(StorageError) {
        let isFree: Bool
        do throws(StorageError) {
            isFree = try allocator.retire(page, count: count, birth: birth)
        } catch {
            throw located(error)
        }
        if isFree { table.free(PageAllocator.Run(page: Int(page), count: count)) }
    }

    /// Gives a run back that was taken for the running transaction, and that nothing refers to.
    mutating func giveBack(_ run: PageAllocator.Run) {
        let pages = run.page..<run.page + run.count
        allocator.forgetBorn(pages)
        allocator.dirty.remove(pages)
        allocator.makeFree(run.page, run.count)
        table.free(run)
    }

    /// Frees what no held version sees.
    mutating func reclaim() {
        guard allocator.hasReclaimable else { return }
        // `published` is read before the slots are; see VersionRegistry.
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        var held = versions.held()
        held.insertInOrder(superblock.record.transaction)
        if let runningCheckpoint {
            held.insertInOrder(runningCheckpoint.superblock.record.transaction)
        }
        for run in allocator.reclaim(held: held) { table.free(run) }
    }

    // MARK: Looking

    /// Whether a page that says that it was born in transaction `birth` can be right: one that claims to be of
    /// the running transaction, or of the next one, without being it would be changed in place although
    /// older versions see it (R1).
    func canBeBorn(_ page: Int, in birth: TransactionNumber) -> Bool {
        birth <= allocator.head || allocator.running != 0 && allocator.born.contains(page)
    }

    /// Whether all of these pages are the running transaction's.
    func areBorn(_ pages: Range<Int>) -> Bool {
        pages.allSatisfy { allocator.born.contains($0) }
    }

    /// An error of what has no file of its own, with this one's path.
    func located(_ error: StorageError) -> StorageError {
        var error = error
        error.path = file.path
        return error
    }
}
