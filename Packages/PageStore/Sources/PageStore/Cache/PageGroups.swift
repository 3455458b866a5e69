import StorageIO
import Synchronization

/// Which pages of the database share a page of the system's memory, and which of these groups have memory.
/// Where the system's pages have 4096 bytes, a group is one page, and nothing is noted.
@safe struct PageGroups {
    /// How many pages a group has: a power of two.
    let size: Int
    private let shift: Int
    /// A byte for each group; nil where a group is one page.
    private let marks: AddressSpace?

    /// Groups of all pages below `pageLimit`.
    ///
    /// - Throws: `outOfMemory`.
    init(pageLimit: Int) throws(StorageError) {
        size = max(1, AddressSpace.pageSize >> PageLayout.pageShift)
        shift = size.trailingZeroBitCount
        if size == 1 {
            marks = nil
        } else {
            let marks = try AddressSpace(byteCount: pageLimit >> shift + 1)
            try marks.openToRead()
            self.marks = marks
        }
    }

    /// Lets pages be marked.
    ///
    /// - Throws: `outOfMemory`.
    func open(_ pages: Range<Int>) throws(StorageError) {
        let opened = covering(PageAllocator.Run(page: pages.lowerBound, count: pages.count))
        try marks?.open(at: opened.lowerBound, byteCount: opened.count)
    }

    /// The groups that a run has pages in.
    func covering(_ run: PageAllocator.Run) -> ClosedRange<Int> {
        run.page >> shift...(run.page + run.count - 1) >> shift
    }

    /// The pages of a group; the last ones may lie beyond the page limit.
    func pages(_ group: Int) -> Range<Int> { group << shift..<(group + 1) << shift }

    /// Notes that `count` pages from `page` have memory.
    ///
    /// - Returns: how many pages there are in the groups that had none.
    func mark(_ page: Int, count: Int) -> Int {
        var added = 0
        for group in covering(PageAllocator.Run(page: page, count: count))
        where unsafe byte(group).pointee.exchange(1, ordering: .relaxed) == 0 {
            added += size
        }
        return added
    }

    /// Whether the group of a page has memory.
    func isMarked(_ page: Int) -> Bool {
        unsafe byte(page >> shift).pointee.load(ordering: .relaxed) != 0
    }

    /// Notes that a group has no memory; returns whether it had.
    func unmark(_ group: Int) -> Bool {
        unsafe byte(group).pointee.exchange(0, ordering: .relaxed) == 1
    }

    private func byte(_ group: Int) -> UnsafeMutablePointer<Atomic<UInt8>> {
        guard let marks else { preconditionFailure("groups of one page are not marked") }
        return unsafe (marks.start + group).assumingMemoryBound(to: Atomic<UInt8>.self)
    }
}
