import PageStore
import StorageIO

/// Gathers finished nodes and hands them to a store side by side (``PageWriting/fill(_:from:)``), past
/// its cache.
final class PageRunWriter<Store: PageStorage> {
    // Used by the writing thread alone.
    private let store: Store
    private let longestRun: Int
    /// Grows with the runs: most trees are small.
    private var buffer = PageBuffer(pageCount: 1)
    /// The pages of the nodes in the buffer, and how many of these there are.
    private var run: Range<PageNumber> = 0..<0
    private var filledCount = 0
    private var totalCount = 0

    /// - Parameter longestRun: the most nodes that are gathered.
    init(store: Store, longestRun: Int) {
        self.store = store
        self.longestRun = longestRun
    }

    /// The place of the next node, zero but for number, birth and kind, which has to be finished before the
    /// next call.
    ///
    /// - Throws: `diskFull`, `fileTooLarge`, `inputOutput`.
    func next(_ kind: PageKind) throws(StorageError) -> (number: PageNumber, page: PageBytes) {
        if filledCount == run.count {
            try flush()
            // A small tree takes no more than it needs by far.
            run = try store.allocateRun(upTo: min(max(1, totalCount), longestRun))
            if run.count > buffer.pageCount { buffer = PageBuffer(pageCount: run.count) }
        }
        let number = run.lowerBound + PageNumber(filledCount)
        let page = buffer.page(filledCount)
        // What the page before held is no business of the file's.
        page.zero(0, count: PageLayout.pageSize)
        page.writeHeader(number: number, birth: store.transaction, kind: kind)
        filledCount += 1
        totalCount += 1
        return (number, page)
    }

    /// Hands the gathered nodes over, and gives the pages back that none of them took.
    func flush() throws(StorageError) {
        let end = run.lowerBound + PageNumber(filledCount)
        if filledCount > 0 { try store.fill(run.lowerBound..<end, from: buffer) }
        for page in end..<run.upperBound {
            try store.retire(page, birth: store.transaction)
        }
        run = 0..<0
        filledCount = 0
    }
}
