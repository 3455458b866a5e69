import StorageIO

/// The free list as far as it could be read.
public struct FreeListSurvey: Sendable {
    /// Runs of free pages, ascending.
    public internal(set) var runs: [Range<Int>] = []
    /// The pages that hold the list and are sound.
    public internal(set) var pages: [PageNumber] = []
    /// Where reading broke off, and what is wrong there.
    public internal(set) var fault: Fault?
    /// A list of nothing.
    public init() {}

    /// Free pages listed.
    public var freePageCount: Int { runs.reduce(0) { $0 + $1.count } }

    /// What is wrong with a free list.
    public struct Fault: Sendable {
        /// The page of the list; 0 when the fault is none of a page.
        public var page: PageNumber
        /// What is wrong, as a sentence.
        public var message: String
        /// What should be there.
        public var expected: String?
        /// What is there.
        public var found: String?
    }
}

extension PageFile {
    /// Reads the free list that `superblock` leads to, as far as it is sound.
    public func surveyFreeList(_ superblock: Superblock) -> FreeListSurvey {
        var survey = FreeListSurvey()
        var free = PageBitmap()
        var chain = PageBitmap()
        let buffer = PageBuffer(pageCount: 1)
        var number = superblock.freeListHead
        var position = 2
        while number != 0 {
            let index = survey.pages.count
            guard index < Int(superblock.freeListPageCount), number >= 2,
                number < superblock.pageCount, Int(number) < pageCount, chain.insert(Int(number))
            else {
                survey.fault = FreeListSurvey.Fault(
                    page: number, message: "The free list does not end where it should.",
                    expected: "\(superblock.freeListPageCount) pages")
                break
            }
            if let flaw = read(number, into: buffer) {
                survey.fault = FreeListSurvey.Fault(
                    page: number, message: "A page of the free list is damaged: \(flaw.message)",
                    expected: flaw.expected(of: number), found: flaw.found(of: number))
                break
            }
            var runs = PageBitmap()
            if let problem = FreeList.decode(
                buffer.page(0), number: number, index: index, superblock: superblock,
                position: &position, free: &runs)
            {
                survey.fault = FreeListSurvey.Fault(page: number, message: problem.description)
                break
            }
            free.formUnion(runs)
            survey.pages.append(number)
            number = buffer.page(0).u32(FreeListLayout.next)
        }
        free.forEachRun { start, count in survey.runs.append(start..<start + count) }
        if survey.fault == nil { survey.fault = disagreement(survey, superblock, free, chain) }
        return survey
    }

    private func disagreement(
        _ survey: FreeListSurvey, _ superblock: Superblock, _ free: PageBitmap, _ chain: PageBitmap
    ) -> FreeListSurvey.Fault? {
        guard survey.pages.count == Int(superblock.freeListPageCount) else {
            return FreeListSurvey.Fault(
                page: superblock.freeListHead,
                message: "The free list has another length than the superblock says.",
                expected: "\(superblock.freeListPageCount) pages",
                found: "\(survey.pages.count) pages")
        }
        guard free.count == Int(superblock.freePageCount) else {
            return FreeListSurvey.Fault(
                page: superblock.freeListHead,
                message: "The free list has other pages than the superblock says.",
                expected: "\(superblock.freePageCount) free pages",
                found: "\(free.count) free pages")
        }
        for page in survey.pages where free.contains(Int(page)) {
            return FreeListSurvey.Fault(page: page, message: "The free list contains itself.")
        }
        let root = Int(superblock.record.catalogRoot)
        guard root == 0 || !free.contains(root) && !chain.contains(root) else {
            return FreeListSurvey.Fault(
                page: PageNumber(root), message: "The free list contains the catalog's root.")
        }
        return nil
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
        for entry in 0..<Int(page.u32(FreeListLayout.entryCount)) {
            let offset = FreeListLayout.entries + entry * FreeListLayout.entrySize
            let start = Int(page.u32(offset))
            let end = min(start + Int(page.u32(offset + 4)), pageCount)
            if start >= 2, start < end { runs.append(start..<end) }
        }
        return (runs, page.birth)
    }
}
