import StorageIO
import Synchronization

/// The memory of a store's pages: page *p* at `base + p * 4096` of one reserved range, a state byte
/// each in another. Page memory is opened in chunks as pages come into use.
@safe final class PageMemory: @unchecked Sendable {
    // Sendable: constant pointers; the states are atomics, and who may touch a page's bytes follows
    // from its state (see PageState).
    private static let chunkPages = 16384

    private let pages: AddressSpace
    private let stateBytes: AddressSpace
    private let states: UnsafeMutablePointer<Atomic<UInt8>>
    private let openLock = Lock()
    private let openedPages = Atomic<Int>(0)

    /// How many pages there is room for.
    let pageLimit: Int
    /// The readers' view.
    let window: PageWindow
    /// Pages in memory, whatever their state.
    let residentCount = Atomic<Int>(0)

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

    /// Reserves room for a file of `maximumFileSize` bytes.
    ///
    /// - Parameter cacheBudget: bytes that may be resident. As long as the whole file fits into it,
    ///   and it is not small, large pages of memory are wished for: a large page behind a single
    ///   resident one can then not take more than the budget (R8).
    init(maximumFileSize: Int, cacheBudget: Int) throws(StorageError) {
        largePagesLimit =
            cacheBudget >= Self.largePagesLeastBudget ? cacheBudget >> PageLayout.pageShift : 0
        let limit = min(maximumFileSize >> PageLayout.pageShift, Int(PageNumber.max))
        guard limit >= 4 else {
            throw StorageError(
                .invalidArgument, "The maximum file size is below four pages of 4096 bytes.")
        }
        pageLimit = limit
        pages = try AddressSpace(byteCount: limit << PageLayout.pageShift)
        let stateByteCount = (limit + PageLayout.pageSize) & ~(PageLayout.pageSize - 1)
        stateBytes = try AddressSpace(byteCount: stateByteCount)
        // All at once: untouched state bytes cost no memory, and the window must never meet a
        // closed one.
        try stateBytes.open(at: 0, byteCount: stateByteCount)
        // Zeroed memory is a valid array of atomics in state `absent`.
        unsafe states = stateBytes.start.bindMemory(to: Atomic<UInt8>.self, capacity: limit)
        unsafe window = PageWindow(
            base: pages.start, states: states, pageLimit: PageNumber(limit))
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

    @inline(__always)
    func state(_ page: Int) -> UInt8 {
        unsafe states[page].load(ordering: .acquiring)
    }

    @inline(__always)
    func setState(_ page: Int, _ state: UInt8) {
        schedulePoint()
        unsafe states[page].store(state, ordering: .releasing)
    }

    /// Changes the state if it is `from`; whether it did.
    @inline(__always)
    func exchangeState(_ page: Int, from: UInt8, to: UInt8) -> Bool {
        schedulePoint()
        return unsafe states[page].compareExchange(
            expected: from, desired: to, ordering: .acquiringAndReleasing
        ).exchanged
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

    /// Gives the memory of `count` pages back to the system.
    func discard(_ page: Int, count: Int) {
        pages.discard(
            at: page << PageLayout.pageShift, byteCount: count << PageLayout.pageShift)
    }

    /// The same for many runs of pages.
    func discard(_ runs: [PageAllocator.Run]) {
        pages.discard(
            runs.map {
                $0.page << PageLayout.pageShift..<($0.page + $0.count) << PageLayout.pageShift
            })
    }

    /// Counts pages that came into memory.
    @inline(__always)
    func addResident(_ pages: Int) {
        let (before, after) = residentCount.wrappingAdd(pages, ordering: .relaxed)
        if before < Self.largePagesLeastResident, after >= Self.largePagesLeastResident,
            largePagesLimit > 0
        {
            wishForAwaitedLargePages()
        }
    }
}
