import StorageIO

/// The free list that a superblock leads to, as far as it could be read.
///
/// It is evidence only as a whole: a list with a fault may be another checkpoint's, and what such a
/// one calls free may be in use by now. So a list with a fault counts for nothing, whoever asks:
/// opening, verification or salvage.
public struct FreeListSurvey: Sendable {
    /// The free pages.
    private(set) var free = PageBitmap()
    /// The pages that hold the list.
    private(set) var chain = PageBitmap()
    /// What is wrong with the list; nil when it is whole.
    public private(set) var fault: Fault?

    /// A list of nothing.
    public init() {}

    /// What is wrong with a free list.
    public struct Fault: Sendable {
        /// The page of the list that is concerned.
        public var page: PageNumber
        /// What is wrong, as a sentence.
        public var message: String
        /// What should be there.
        public var expected: String?
        /// What is there.
        public var found: String?
        /// What is wrong with the page in itself, if that is it.
        public var flaw: PageFlaw?
        /// The transaction that wrote the page, where its checksum and number are right.
        public var birth: TransactionNumber?
    }

    /// Free pages listed; 0 unless the list is whole.
    public var freePageCount: Int { fault == nil ? free.count : 0 }

    /// Runs of free pages, ascending; none unless the list is whole.
    public var runs: [Range<Int>] {
        guard fault == nil else { return [] }
        var runs: [Range<Int>] = []
        free.forEachRun { start, count in runs.append(start..<start + count) }
        return runs
    }

    /// The pages that hold the list, ascending; none unless the list is whole.
    public var pages: [PageNumber] {
        fault == nil ? chain.members.map { PageNumber($0) } : []
    }

    /// Reads the list that `superblock` leads to, trusting nothing in it. A page that can't be read is
    /// a fault too.
    ///
    /// - Parameter filePages: how many pages the file has.
    init<Handle: File>(_ file: Handle, _ superblock: Superblock, filePages: Int) {
        let buffer = PageBuffer(pageCount: 1)
        var number = superblock.freeListHead
        var position: UInt64 = 2
        var listed: UInt64 = 0
        while number != 0 {
            let index = chain.count
            guard index < Int(superblock.freeListPageCount), number >= 2,
                number < superblock.pageCount, chain.insert(Int(number))
            else {
                fault = Fault(
                    page: number, message: "The free list does not end where it should.",
                    expected: "\(superblock.freeListPageCount) pages")
                return
            }
            if let flaw = file.flaw(readingPage: number, into: buffer) {
                fault = Fault(
                    page: number, message: "A page of the free list is damaged: \(flaw.message)",
                    expected: flaw.expected(of: number), found: flaw.found(of: number), flaw: flaw)
                return
            }
            let page = buffer.page(0)
            if let problem = FreeList.decode(
                page, number: number, index: index, superblock: superblock,
                filePages: filePages, position: &position, listed: &listed, free: &free)
            {
                fault = Fault(page: number, message: problem.description)
                if page.number == number { fault?.birth = page.birth }
                return
            }
            number = page.u32(FreeListLayout.next)
        }
        fault = disagreement(superblock, listed)
    }

    private func disagreement(_ superblock: Superblock, _ listed: UInt64) -> Fault? {
        guard chain.count == Int(superblock.freeListPageCount) else {
            return Fault(
                page: superblock.freeListHead,
                message: "The free list has another length than the superblock says.",
                expected: "\(superblock.freeListPageCount) pages", found: "\(chain.count) pages")
        }
        guard listed == UInt64(superblock.freePageCount) else {
            return Fault(
                page: superblock.freeListHead,
                message: "The free list has other pages than the superblock says.",
                expected: "\(superblock.freePageCount) free pages",
                found: "\(listed) free pages")
        }
        for page in chain.members where free.contains(page) {
            return Fault(page: PageNumber(page), message: "The free list contains itself.")
        }
        let root = Int(superblock.record.catalogRoot)
        guard root == 0 || !free.contains(root) && !chain.contains(root) else {
            return Fault(
                page: PageNumber(root), message: "The free list contains the catalog's root.")
        }
        return nil
    }
}

extension PageFile {
    /// Reads the free list that `superblock` leads to.
    public func surveyFreeList(_ superblock: Superblock) -> FreeListSurvey {
        FreeListSurvey(file, superblock, filePages: pageCount)
    }

    /// The runs of a page that is a sound page of any free list, and its birth; nil when it is none.
    /// What such a page lists was free in the version of its birth, and so is stale unless it is
    /// newer.
    public func freeListRuns(
        _ page: PageBytes, at number: PageNumber
    ) -> (runs: [Range<Int>], birth: TransactionNumber)? {
        guard page.rawKind == PageKind.freeList.rawValue, page.number == number,
            page.u32(FreeListLayout.entryCount) <= UInt32(FreeListLayout.capacity)
        else { return nil }
        var runs: [Range<Int>] = []
        var position: UInt64 = 2
        for entry in 0..<Int(page.u32(FreeListLayout.entryCount)) {
            let offset = FreeListLayout.entries + entry * FreeListLayout.entrySize
            let start = UInt64(page.u32(offset))
            let end = start + UInt64(page.u32(offset + 4))
            // Ascending, so that a page names each page once at most.
            guard start >= position, start < end else { return nil }
            position = end
            let kept = min(end, UInt64(pageCount))
            if start < kept { runs.append(Int(start)..<Int(kept)) }
        }
        return (runs, page.birth)
    }
}
