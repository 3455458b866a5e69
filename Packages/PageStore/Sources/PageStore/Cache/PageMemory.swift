import StorageIO
import Synchronization

/// The memory of a store's pages: page *p* at `base + p * 4096` of one reserved range, room for a state byte
/// each in another (see `PageTable`). Both are opened in chunks as pages come into use; the state of a page beyond can be read.
///
/// Where the system's pages are larger, several pages of the database share one and form a *group*: memory
/// comes and goes by groups, so ``residentCount`` counts the pages of all groups that have any.
@safe final class PageMemory: @unchecked Sendable {
    // Sendable: constant pointers; the states are atomics, and who may touch a page's bytes follows
    // from its state (see PageState).
    private static let chunkPages = 16384

    private let pages: AddressSpace
    private let stateBytes: AddressSpace
    /// The pages' states, which `PageTable` alone changes.
    let states: UnsafeMutablePointer<Atomic<UInt8>>
    let groups: PageGroups
    private let openLock = Lock()
    private let openedPages = Atomic<Int>(0)

    /// How many pages there is room for.
    let pageLimit: Int
    /// Whether that is less than what was asked for, since the system has no more address space.
    let isLimitedBySystem: Bool
    /// The readers' view.
    let window: PageWindow
    /// How many pages the system has memory for, whatever their state.
    let residentCount = Atomic<Int>(0)
    /// How many pages share a page of the system's memory: a power of two, 1 on most machines.
    var groupSize: Int { groups.size }

    /// Up to this page, large pages of memory are wished for. Guarded by `openLock`.
    private var largePagesEnd = 0
    private let largePagesLimit: Int
    /// The least cache for which large pages are wished for: below, every page of memory counts.
    private static let largePagesLeastBudget = 256 << 20
    /// How many pages come into memory before large ones are wished for. The system clears all of a large
    /// page when the first byte of it is touched (some 50 µs), which would be most of what opening a
    /// database and reading one entry takes.
    private static let largePagesLeastResident = 16
    private static let pagesOfLargePage = AddressSpace.largePageSize >> PageLayout.pageShift
    /// The end of the pages that wait for that. Guarded by `openLock`.
    private var largePagesAwaited = 0

    /// Reserves room for a file of `sizeLimit` bytes, or for less where the system has no such range
    /// of addresses left.
    ///
    /// - Parameters:
    ///   - cacheBudget: bytes that may be resident. As long as the whole file fits into it,
    ///     and it is not small, large pages of memory are wished for: a large page behind a single
    ///     resident one can then not take more than the budget (R8).
    ///   - fileByteCount: bytes that the file has now; there is room for twice that at least.
    /// - Throws: `invalidArgument`, `outOfMemory`.
    init(
        sizeLimit: Int, cacheBudget: Int, fileByteCount: UInt64 = 0
    ) throws(StorageError) {
        largePagesLimit =
            cacheBudget >= Self.largePagesLeastBudget ? cacheBudget >> PageLayout.pageShift : 0
        let wanted = min(sizeLimit >> PageLayout.pageShift, Int(clamping: PageNumber.max))
        guard wanted >= 4 else {
            throw StorageError(
                .invalidArgument, "The maximum file size is below four pages of 4096 bytes.")
        }
        let reservation = try PageReservation.reserve(
            wanted, atLeast: Int(clamping: fileByteCount >> UInt64(PageLayout.pageShift - 1)))
        pageLimit = reservation.pageLimit
        isLimitedBySystem = reservation.pageLimit < wanted
        pages = reservation.pages
        stateBytes = reservation.stateBytes
        groups = reservation.groups
        // Zeroed memory is a valid array of atomics in state `absent`.
        unsafe states = stateBytes.start.bindMemory(
            to: Atomic<UInt8>.self, capacity: stateBytes.byteCount)
        unsafe window = PageWindow(
            base: pages.start, states: states, pageLimit: PageNumber(pageLimit))
    }

    /// Makes the memory of all pages below `end` accessible.
    func open(through end: Int) throws(StorageError) {
        guard end > openedPages.load(ordering: .acquiring) else { return }
        openLock.acquire()
        defer { openLock.release() }
        let opened = openedPages.load(ordering: .acquiring)
        guard end > opened else { return }
        let chunk = PageMemory.chunkPages
        let target = min((end + chunk - 1) / chunk * chunk, pageLimit)
        // First what says that there is nothing in the pages.
        try stateBytes.open(at: opened, byteCount: target - opened)
        try groups.open(opened..<target)
        try pages.open(
            at: opened << PageLayout.pageShift,
            byteCount: (target - opened) << PageLayout.pageShift)
        wishForLargePages(opened..<target)
        openedPages.store(target, ordering: .releasing)
    }

    /// Under `openLock`, of pages that were just opened.
    private func wishForLargePages(_ opened: Range<Int>) {
        if opened.upperBound <= largePagesLimit {
            if residentCount.load(ordering: .relaxed) < Self.largePagesLeastResident {
                largePagesAwaited = opened.upperBound
            } else {
                preferLargePages(true, opened)
                largePagesEnd = opened.upperBound
            }
        } else {
            // Pages will come and go: from now on each by itself.
            if largePagesEnd > 0 { preferLargePages(false, 0..<largePagesEnd) }
            largePagesEnd = 0
            largePagesAwaited = 0
        }
    }

    /// Once enough pages are in memory: those that came before lie in small pages, which become large ones.
    private func wishForAwaitedLargePages() {
        openLock.acquire()
        defer { openLock.release() }
        guard largePagesAwaited > 0 else { return }
        preferLargePages(true, 0..<largePagesAwaited)
        for first in stride(from: 0, to: largePagesAwaited, by: Self.pagesOfLargePage)
        where isAnyPresent(first..<min(first + Self.pagesOfLargePage, largePagesAwaited)) {
            pages.gatherIntoLargePage(at: first << PageLayout.pageShift)
        }
        largePagesEnd = max(largePagesEnd, largePagesAwaited)
        largePagesAwaited = 0
    }

    /// Whether one of the pages is in memory; bounds are multiples of 8.
    private func isAnyPresent(_ range: Range<Int>) -> Bool {
        stride(from: range.lowerBound, to: range.upperBound, by: 8).contains {
            !areEightAbsent($0)
        }
    }

    private func preferLargePages(_ large: Bool, _ range: Range<Int>) {
        pages.preferLargePages(
            large, at: range.lowerBound << PageLayout.pageShift,
            byteCount: range.count << PageLayout.pageShift)
    }

    /// Whether none of the eight pages from `page`, a multiple of 8, is in memory.
    @inline(__always)
    func areEightAbsent(_ page: Int) -> Bool {
        // One atomic load over eight atomics: the hand passes eight pages at the price of one, and
        // looks at each by itself when any is there. The mask drops the bit of state `free`.
        unsafe UnsafeMutableRawPointer(states + page).assumingMemoryBound(to: Atomic<UInt64>.self)
            .pointee.load(ordering: .relaxed) & 0xFEFE_FEFE_FEFE_FEFE == 0
    }

    /// The page's place.
    @inline(__always)
    func page(_ page: Int) -> PageBytes { window.address(PageNumber(page)) }

    /// `byteCount` bytes from the start of `page`; may reach over several pages.
    func bytes(_ page: Int, byteCount: Int) -> ByteView {
        unsafe ByteView(
            start: UnsafeRawPointer(pages.start + page << PageLayout.pageShift), count: byteCount)
    }

    /// The same, to be written.
    @unsafe
    func buffer(_ page: Int, byteCount: Int) -> UnsafeMutableRawBufferPointer {
        unsafe UnsafeMutableRawBufferPointer(
            start: pages.start + page << PageLayout.pageShift, count: byteCount)
    }

    // MARK: Memory that comes and goes

    /// Counts the memory of `count` pages from `page`, which this thread has put into a state in which no
    /// other may give it back.
    @inline(__always)
    func addResident(_ page: Int, count: Int) {
        let added = groups.size == 1 ? count : groups.mark(page, count: count)
        let (before, after) = residentCount.wrappingAdd(added, ordering: .relaxed)
        if before < Self.largePagesLeastResident, after >= Self.largePagesLeastResident,
            largePagesLimit > 0
        {
            wishForAwaitedLargePages()
        }
    }

    /// Gives the memory of runs back, where a page is a group: nobody but this thread can touch them.
    func discard(_ runs: [PageAllocator.Run]) {
        pages.discard(
            runs.map {
                $0.page << PageLayout.pageShift..<($0.page + $0.count) << PageLayout.pageShift
            })
    }

    /// The same for one run.
    func discard(_ run: PageAllocator.Run) {
        pages.discard(
            at: run.page << PageLayout.pageShift, byteCount: run.count << PageLayout.pageShift)
    }

    /// Counts the memory of pages off that was given back.
    func removeResident(_ count: Int) {
        residentCount.wrappingSubtract(count, ordering: .relaxed)
    }

    /// How many pages' memory may go when a run does: its own pages, or all of its groups but the one that
    /// was counted last.
    func pagesBehind(_ run: PageAllocator.Run, after lastGroup: inout Int) -> Int {
        guard groups.size > 1 else { return run.count }
        let covered = groups.covering(run)
        let counted = covered.count - (covered.lowerBound == lastGroup ? 1 : 0)
        lastGroup = covered.upperBound
        return counted * groups.size
    }
}
