import StorageIO
import Synchronization

/// The states of a store's pages (``PageState`` has the diagram), and all that changes one.
///
/// Who may call what follows from the state that a page is in: what begins with an exchange is for any thread,
/// and one of them wins; what ends a state that one thread has put a page into is for that thread alone.
@safe final class PageTable: @unchecked Sendable {
    // Sendable: constant pointers; the states are atomics.
    /// The pages' memory.
    let memory: PageMemory
    private let states: UnsafeMutablePointer<Atomic<UInt8>>
    /// Pages in state `dirty`, and those inside of runs whose first page is.
    let dirtyCount = Atomic<Int>(0)
    /// What the evictor remembers. Under its lock the memory of marked pages goes, so a page is rescued under it.
    let eviction = Guarded<Eviction>(Eviction())

    /// States for the pages of `memory`: all absent.
    init(_ memory: PageMemory) {
        self.memory = memory
        unsafe states = memory.states
    }

    // MARK: Looking

    @inline(__always)
    func state(_ page: Int) -> UInt8 {
        unsafe states[page].load(ordering: .acquiring)
    }

    /// Whether none of the eight pages from `page`, a multiple of 8, is in memory.
    @inline(__always)
    func areEightAbsent(_ page: Int) -> Bool { memory.areEightAbsent(page) }

    /// How many pages the resident page or run takes.
    func runLength(_ page: Int) -> Int {
        let bytes = memory.page(page)
        guard bytes.rawKind == PageKind.overflow.rawValue else { return 1 }
        return max(1, Int(bytes.u32(OverflowLayout.pageCount)))
    }

    // MARK: Reading

    /// Says that a page is used: `cold` to `hot`. Returns false if it is not cold any more.
    @inline(__always)
    func touch(_ page: Int) -> Bool { exchange(page, from: PageState.cold, to: PageState.hot) }

    /// Lets this thread, and no other, read a page in: `absent` to `loading`. Returns false if it is not
    /// absent any more.
    func beginLoad(_ page: Int) -> Bool {
        exchange(page, from: PageState.absent, to: PageState.loading)
    }

    /// Takes a page of a run whose first page this thread reads in: `absent` to `interior`. Returns false if it
    /// is not absent any more.
    func beginLoadInside(_ page: Int) -> Bool {
        exchange(page, from: PageState.absent, to: PageState.interior)
    }

    /// Makes a page or run readable that this thread has read in and checked (R7): `loading` to `hot`.
    func finishLoad(_ run: PageAllocator.Run) {
        memory.addResident(run.page, count: run.count)
        set(run.page, PageState.hot)
    }

    /// Gives up a load: `loading`, and `interior` behind it, to `absent`.
    ///
    /// - Parameter run: the page, and as many behind it as were taken inside of a run.
    func abandonLoad(_ run: PageAllocator.Run) {
        // Counted first, since there may be memory behind them, and what goes is counted off.
        memory.addResident(run.page, count: run.count)
        drop(run, to: PageState.absent)
    }

    // MARK: Writing

    /// Puts a page or run that this thread has taken from the free ones into use: `dirty`, behind its first page
    /// `interior`.
    func claim(_ run: PageAllocator.Run) {
        for page in run.page + 1..<run.page + run.count { claim(page, PageState.interior) }
        claim(run.page, PageState.dirty)
        dirtyCount.wrappingAdd(run.count, ordering: .relaxed)
    }

    /// Puts a page that this thread has taken from the free ones into use: `dirty`.
    @inline(__always)
    func claim(_ page: Int) {
        claim(page, PageState.dirty)
        dirtyCount.wrappingAdd(1, ordering: .relaxed)
    }

    private func claim(_ page: Int, _ state: UInt8) {
        var spins = 0
        while true {
            let old = self.state(page)
            if old == PageState.loading {
                // The evictor is giving the page's memory back.
                System.pause(&spins)
            } else if old == PageState.evicting {
                rescue(page)
            } else if exchange(page, from: old, to: state) {
                if old <= PageState.free { memory.addResident(page, count: 1) }
                return
            }
        }
    }

    /// Readies a page of this thread's transaction for a change: `cold` or `hot`, as it was seen, to `dirty`.
    /// Returns false if it is in another state by now.
    @inline(__always)
    func makeDirty(_ page: Int, from seen: UInt8) -> Bool {
        guard exchange(page, from: seen, to: PageState.dirty) else { return false }
        dirtyCount.wrappingAdd(1, ordering: .relaxed)
        return true
    }

    /// Notes that the file has a page or run as it is: `dirty` to `cold`. Under the space lock: a page that is
    /// freed meanwhile must not come back.
    func markWritten(_ run: PageAllocator.Run) {
        dirtyCount.wrappingSubtract(run.count, ordering: .relaxed)
        set(run.page, PageState.cold)
    }

    /// Makes a page `absent` that this thread has taken from the free ones and writes to the file alone, so that
    /// it is read from there.
    func passBy(_ page: Int) {
        var spins = 0
        while true {
            let old = state(page)
            if old == PageState.loading {
                System.pause(&spins)
            } else if old == PageState.evicting {
                rescue(page)
            } else if old <= PageState.free {
                if exchange(page, from: old, to: PageState.absent) { return }
            } else if exchange(page, from: old, to: PageState.loading) {
                drop(PageAllocator.Run(page: page, count: 1), to: PageState.absent)
                return
            }
        }
    }

    /// Notes that pages have become free: they are dirty no more, and not to be read. Under the space lock: nobody
    /// has taken them yet.
    func free(_ run: PageAllocator.Run) {
        var spins = 0
        var page = run.page
        while page < run.page + run.count {
            let old = state(page)
            switch old {
            case PageState.free, PageState.stale:
                page += 1
            case PageState.loading:
                System.pause(&spins)
            case PageState.evicting:
                rescue(page)
            default:
                // The length is in the page; after the change the evictor may take it.
                let dirtyCount = old == PageState.dirty ? runLength(page) : 0
                let new = old == PageState.absent ? PageState.free : PageState.stale
                if exchange(page, from: old, to: new) {
                    self.dirtyCount.wrappingSubtract(dirtyCount, ordering: .relaxed)
                    page += 1
                }
            }
        }
    }

    /// Marks pages free that nobody has looked at yet: before the store is anyone's but the opener's.
    func beginFree(_ page: Int, count: Int) {
        precondition(page >= 0 && count >= 0 && page + count <= memory.pageLimit)
        unsafe UnsafeMutableRawPointer(states + page).initializeMemory(
            as: UInt8.self, repeating: PageState.free, count: count)
    }

    // MARK: Eviction

    /// Takes a page's second chance: `hot` to `cold`.
    @inline(__always)
    func spare(_ page: Int) { _ = exchange(page, from: PageState.hot, to: PageState.cold) }

    /// Marks a page, or a run by its first page, whose memory is to go: `cold` to `evicting`. Readers that come
    /// from now on take it back. Under the lock of ``eviction``. Returns false if it is not cold any more.
    func beginEviction(_ page: Int) -> Bool {
        exchange(page, from: PageState.cold, to: PageState.evicting)
    }

    /// Whether a page that was marked still is: else it was rescued. Under the lock of ``eviction``.
    func isBeingEvicted(_ page: Int) -> Bool { state(page) == PageState.evicting }

    /// Takes marked pages and runs out of memory, when no reader can be inside: `evicting` to `absent`. Under the
    /// lock of ``eviction`` since ``isBeingEvicted(_:)`` said that they are.
    func finishEviction(_ runs: [PageAllocator.Run]) {
        drop(runs, to: PageState.absent)
    }

    /// Takes a page back that was marked, for whoever needs it now: `evicting` to `hot`.
    func rescue(_ page: Int) {
        eviction.withLock { _ in
            _ = exchange(page, from: PageState.evicting, to: PageState.hot)
        }
    }

    /// Lets this thread give the memory of a free page back: `stale` to `loading`. Nobody refers to it, so there is
    /// no reader to wait for. Returns false if it is not stale any more.
    func beginDrop(_ page: Int) -> Bool {
        exchange(page, from: PageState.stale, to: PageState.loading)
    }

    /// Takes free pages out of memory that this thread has begun with: `loading` to `free`.
    func finishDrop(_ runs: [PageAllocator.Run]) { drop(runs, to: PageState.free) }

    /// Takes free pages out of memory at once: for a store without an evictor that would do it later.
    func drop(_ run: PageAllocator.Run) {
        var dropped: [PageAllocator.Run] = []
        for page in run.page..<run.page + run.count where beginDrop(page) {
            dropped.join(PageAllocator.Run(page: page, count: 1))
        }
        finishDrop(dropped)
    }

    // MARK: The bytes

    @inline(__always)
    private func set(_ page: Int, _ state: UInt8) {
        schedulePoint()
        unsafe states[page].store(state, ordering: .releasing)
    }

    /// Changes the state if it is `from`. Returns whether it did.
    @inline(__always)
    private func exchange(_ page: Int, from: UInt8, to: UInt8) -> Bool {
        schedulePoint()
        return unsafe states[page].compareExchange(
            expected: from, desired: to, ordering: .acquiringAndReleasing
        ).exchanged
    }

    // MARK: Memory that goes

    /// Takes pages out of memory that nobody but this thread can touch: they get `state`, `absent` or
    /// `free`, and their memory goes back to the system, in whole groups.
    private func drop(_ run: PageAllocator.Run, to state: UInt8) {
        if memory.groupSize == 1 {
            memory.discard(run)
            memory.removeResident(run.count)
            set(run, state)
        } else {
            set(run, state)
            dropGroups([run])
        }
    }

    /// Takes many runs of pages out of memory, each as the call for one run does.
    private func drop(_ runs: [PageAllocator.Run], to state: UInt8) {
        guard !runs.isEmpty else { return }
        if memory.groupSize == 1 {
            memory.discard(runs)
            for run in runs {
                memory.removeResident(run.count)
                set(run, state)
            }
        } else {
            for run in runs { set(run, state) }
            dropGroups(runs)
        }
    }

    private func set(_ run: PageAllocator.Run, _ state: UInt8) {
        // Downwards: the first page of a run is the one that a loader starts with.
        for page in stride(from: run.page + run.count - 1, through: run.page, by: -1) {
            set(page, state)
        }
    }

    /// The most groups that are dropped at a time: whoever takes a page of one of them waits for that.
    private static let droppedGroups = 64

    /// Gives back the memory of those groups with pages of these runs in which no page is left.
    private func dropGroups(_ runs: [PageAllocator.Run]) {
        var taken: [Int] = []
        var states: [UInt8] = []
        var last = -1
        for run in runs {
            for group in memory.groups.covering(run) where group != last {
                last = group
                if take(group, states: &states) { taken.append(group) }
                if taken.count == Self.droppedGroups { drop(&taken, &states) }
            }
        }
        drop(&taken, &states)
    }

    /// Gives back the memory of the group that begins with page `first` if it has any and nothing is in it.
    /// Returns false if not. Two threads that empty a group at once may each leave that to the other.
    func dropEmptyGroup(_ first: Int) -> Bool {
        guard memory.groups.isMarked(first) else { return false }
        var states: [UInt8] = []
        var taken = memory.groups.covering(PageAllocator.Run(page: first, count: 1)).map { $0 }
        guard take(taken[0], states: &states) else { return false }
        drop(&taken, &states)
        return true
    }

    private static func isEmpty(_ state: UInt8) -> Bool {
        // A free page that is in memory holds nothing that anyone refers to.
        state <= PageState.free || state == PageState.stale
    }

    /// Puts all pages of a group into state `loading`, so that none of them comes into memory, and adds the
    /// states that they had; or does nothing when something is in one of them.
    private func take(_ group: Int, states: inout [UInt8]) -> Bool {
        let range = memory.groups.pages(group)
        guard range.allSatisfy({ Self.isEmpty(state($0)) }) else { return false }
        for page in range {
            let old = state(page)
            if Self.isEmpty(old), exchange(page, from: old, to: PageState.loading) {
                states.append(old)
                continue
            }
            for earlier in (range.lowerBound..<page).reversed() {
                set(earlier, states.removeLast())
            }
            return false
        }
        return true
    }

    /// Gives back the memory of groups that were taken, and lets go of them.
    private func drop(_ taken: inout [Int], _ states: inout [UInt8]) {
        guard !taken.isEmpty else { return }
        memory.discard(
            taken.map { group in
                let range = memory.groups.pages(group)
                return PageAllocator.Run(page: range.lowerBound, count: range.count)
            })
        for group in taken.reversed() {
            if memory.groups.unmark(group) { memory.removeResident(memory.groupSize) }
            for page in memory.groups.pages(group).reversed() {
                let old = states.removeLast()
                set(page, old == PageState.stale ? PageState.free : old)
            }
        }
        taken.removeAll(keepingCapacity: true)
    }
}
