import StorageIO
import Synchronization

/// Pages in memory alone: the second implementation of the seam, for tests and for databases that
/// need no file. Nothing is loaded or evicted, and a checkpoint is bookkeeping only.
@safe public final class InMemoryPageStore: FilelessStorage, @unchecked Sendable {
    // Sendable: all parts are safe by themselves, but for `purpose` and the numbers of transactions, which
    // belong to the writing thread.
    let memory: PageMemory
    private let table: PageTable
    let space: Guarded<InMemorySpace>
    private let isClosed = Atomic<Bool>(false)
    /// What the next pages are for.
    private var purpose = SpacePurpose.growth

    /// See ``PageReading/window``.
    public let window: PageWindow
    /// See ``TransactionalStorage/versions``.
    public let versions: VersionRegistry
    /// See ``PageWriting/transaction``.
    public private(set) var transaction: TransactionNumber {
        get { transactionNumber.load(ordering: .relaxed) }
        set { transactionNumber.store(newValue, ordering: .relaxed) }
    }
    /// See ``PageWriting/firstTransaction``.
    public private(set) var firstTransaction: TransactionNumber {
        get { firstTransactionNumber.load(ordering: .relaxed) }
        set { firstTransactionNumber.store(newValue, ordering: .relaxed) }
    }
    // Each access of a plain variable would be checked for exclusivity at run time.
    private let transactionNumber = Atomic<TransactionNumber>(0)
    /// Above every birth while no transaction runs.
    private let firstTransactionNumber = Atomic<TransactionNumber>(.max)

    /// An empty store.
    ///
    /// - Throws: `outOfMemory` when there is no room for it in the address space.
    public init(options: PageStoreOptions = PageStoreOptions()) throws(StorageError) {
        memory = try PageMemory(
            sizeLimit: options.sizeLimit, cacheBudget: options.cacheBudget)
        table = PageTable(memory)
        window = memory.window
        let space = InMemorySpace(table)
        versions = space.versions
        self.space = Guarded(space)
    }

    // MARK: Reading

    /// See ``PageReading/load(_:)``.
    public func load(_ page: PageNumber) throws(StorageError) {
        if isClosed.load(ordering: .relaxed) { throw closedError() }
        guard page >= 2, page < window.pageLimit else { throw PageProblem.beyondEnd(page) }
        switch table.state(Int(page)) {
        case PageState.hot...: return
        case PageState.interior: throw PageProblem.insideRun(page)
        case PageState.absent: throw PageProblem.beyondEnd(page)
        default: throw PageProblem.free(page)
        }
    }

    // Nothing is ever evicted, so a read has nothing to keep.
    /// See ``PageReading/beginRead()``.
    public func beginRead() -> ReadToken { ReadToken(slot: 0) }
    /// See ``PageReading/endRead(_:)``.
    public func endRead(_ token: ReadToken) {}

    /// See ``PageReading/overflow(_:byteCount:)``.
    public func overflow(_ page: PageNumber, byteCount: Int) throws(StorageError) -> ByteView {
        try load(page)
        let header = memory.page(Int(page))
        guard header.rawKind == PageKind.overflow.rawValue,
            Int(header.u32(OverflowLayout.byteCount)) == byteCount
        else { throw PageProblem.noRun(page) }
        return memory.bytes(Int(page), byteCount: PageLayout.headerSize + byteCount)
            .dropFirst(PageLayout.headerSize)
    }

    // MARK: Writing

    /// See ``PageWriting/allocate()``.
    public func allocate() throws(StorageError) -> PageNumber {
        PageNumber(try allocateRun(1))
    }

    /// See ``PageWriting/makeWritable(_:)``.
    public func makeWritable(_ page: PageNumber) throws(StorageError) {
        try load(page)
        guard memory.page(Int(page)).birth >= firstTransaction else {
            throw PageProblem.notBornNow(page)
        }
    }

    /// See ``PageWriting/copy(_:)``.
    public func copy(_ page: PageNumber) throws(StorageError) -> PageNumber {
        // Born behind the innermost savepoint: it can be changed where it is.
        if space.withLock({
            !$0.allocator.savepoints.isEmpty && $0.allocator.isFresh(Int(page))
        }) {
            return page
        }
        return try copyByParts(page)
    }

    /// See ``PageWriting/retire(_:birth:)``.
    public func retire(_ page: PageNumber, birth: TransactionNumber) throws(StorageError) {
        try retire(page, count: 1, birth: birth)
    }

    /// See ``PageWriting/allocateOverflow(_:)``.
    public func allocateOverflow(_ value: ByteView) throws(StorageError) -> PageNumber {
        guard value.count <= OverflowLayout.maximumByteCount else {
            throw PageProblem.valueTooLong()
        }
        let count = OverflowLayout.pageCount(byteCount: value.count)
        let start = try allocateRun(count)
        let header = memory.page(start)
        OverflowLayout.writeHeader(
            header, number: PageNumber(start), birth: transaction, byteCount: value.count)
        unsafe UnsafeMutableRawBufferPointer(
            rebasing: memory.buffer(start, byteCount: PageLayout.headerSize + value.count)[
                PageLayout.headerSize...]
        ).copyMemory(from: value.buffer)
        return PageNumber(start)
    }

    /// See ``PageWriting/retireOverflow(_:byteCount:)``.
    public func retireOverflow(_ page: PageNumber, byteCount: Int) throws(StorageError) {
        _ = try overflow(page, byteCount: byteCount)
        try retire(
            page, count: OverflowLayout.pageCount(byteCount: byteCount),
            birth: memory.page(Int(page)).birth)
    }

    func allocateRun(_ count: Int) throws(StorageError) -> Int {
        if isClosed.load(ordering: .relaxed) { throw closedError() }
        let start = try space.withLock { space throws(StorageError) in
            try space.takeRun(count, for: purpose)
        }
        let header = memory.page(start)
        header.zero(0, count: PageLayout.headerSize)
        header.store(PageNumber(start), at: PageLayout.pageNumber)
        header.store(transaction, at: PageLayout.birth)
        return start
    }

    private func retire(
        _ page: PageNumber, count: Int, birth: TransactionNumber
    ) throws(StorageError) {
        try space.withLock { space throws(StorageError) in
            try space.retire(page, count: count, birth: birth)
        }
    }

    // MARK: Transactions

    /// See ``TransactionalStorage/beginTransaction(_:)``.
    public func beginTransaction(_ number: TransactionNumber) throws(StorageError) {
        if isClosed.load(ordering: .relaxed) { throw closedError() }
        try space.withLock { space throws(StorageError) in try space.begin(number) }
        transaction = number
        firstTransaction = number
        purpose = .growth
    }

    /// See ``TransactionalStorage/extendTransaction(to:)``.
    public func extendTransaction(to number: TransactionNumber) throws(StorageError) {
        try space.withLock { space throws(StorageError) in try space.allocator.extend(to: number) }
        transaction = number
    }

    /// See ``TransactionalStorage/commitTransaction()``.
    public func commitTransaction() throws(StorageError) {
        try space.withLock { space throws(StorageError) in try space.commit() }
        firstTransaction = .max
    }

    /// See ``TransactionalStorage/commitInPlace(_:)``.
    public func commitInPlace(_ number: TransactionNumber) throws(StorageError) {
        try space.withLock { space throws(StorageError) in
            try space.allocator.commitInPlace(number)
        }
        transaction = number
    }

    /// See ``TransactionalStorage/abortTransaction()``.
    @discardableResult
    public func abortTransaction() -> Bool {
        guard space.withLock({ $0.abort() }) else { return false }
        firstTransaction = .max
        return true
    }

    // MARK: Savepoints

    /// See ``TransactionalStorage/addSavepoint()``.
    public func addSavepoint() throws(StorageError) {
        try space.withLock { space throws(StorageError) in try space.allocator.addSavepoint() }
        // Above every birth; but a transaction runs.
        firstTransaction = .max - 1
    }

    /// See ``TransactionalStorage/releaseSavepoint()``.
    public func releaseSavepoint() {
        endSavepoint { allocator in allocator.releaseSavepoint() }
    }

    /// See ``TransactionalStorage/rollBackSavepoint()``.
    public func rollBackSavepoint() {
        endSavepoint { allocator in allocator.rollBackSavepoint() }
    }

    private func endSavepoint(_ end: (inout PageAllocator) -> [PageAllocator.Run]?) {
        if let running = space.withLock({ $0.endSavepoint(end) }) { firstTransaction = running }
    }

    /// See ``TransactionalStorage/publish(_:)``.
    public func publish(_ transaction: TransactionNumber) throws(StorageError) {
        try space.withLock { space throws(StorageError) in
            try space.allocator.publish(transaction)
        }
    }

    // MARK: Checkpoints

    /// See ``CheckpointingStorage/beginCheckpoint(_:)``.
    public func beginCheckpoint(_ record: CheckpointRecord) throws(StorageError) {
        if isClosed.load(ordering: .relaxed) { throw closedError() }
        try space.withLock { space throws(StorageError) in try space.beginCheckpoint(record) }
    }

    /// See ``CheckpointingStorage/finishCheckpoint()``.
    public func finishCheckpoint() throws(StorageError) {
        if isClosed.load(ordering: .relaxed) { throw closedError() }
        try space.withLock { space throws(StorageError) in try space.finishCheckpoint() }
    }

    /// See ``TransactionalStorage/setPurpose(_:)``.
    public func setPurpose(_ purpose: SpacePurpose) { self.purpose = purpose }

    /// See ``CheckpointingStorage/cutFreeEnd()``.
    public func cutFreeEnd() throws(StorageError) {
        space.withLock { $0.cutFreeEnd() }
    }

    /// See ``CheckpointingStorage/checkpoint``.
    public var checkpoint: CheckpointRecord { space.withLock { $0.record } }

    /// See ``CheckpointingStorage/pressure``.
    public var pressure: Pressure {
        Pressure(
            dirtyPages: 0, residentPages: memory.residentCount.load(ordering: .relaxed),
            dirtyPageBudget: .max)
    }

    // MARK: Looking inside

    /// See ``StoreInspection/statistics``.
    public var statistics: PageStoreStatistics {
        var statistics = PageStoreStatistics()
        space.withLock { $0.allocator.describe(into: &statistics) }
        statistics.residentPages = memory.residentCount.load(ordering: .relaxed)
        return statistics
    }

    /// See ``StoreInspection/pageCount``.
    public var pageCount: Int { space.withLock { $0.allocator.end } }

    /// See ``StoreInspection/forEachFreeRun(_:)``.
    public func forEachFreeRun(_ body: (PageNumber, Int) -> Void) {
        space.withLock { $0.allocator.free.forEachRun { body(PageNumber($0), $1) } }
    }

    /// See ``StoreInspection/forEachPendingRun(_:)``.
    public func forEachPendingRun(_ body: (PageNumber, Int) -> Void) {
        space.withLock { $0.allocator.pending.forEachRun { body(PageNumber($0), $1) } }
    }

    /// See ``CheckpointingStorage/close()``.
    public func close() { isClosed.store(true, ordering: .relaxed) }

    private func closedError() -> StorageError {
        StorageError(.closed, "The page store is closed.")
    }
}
