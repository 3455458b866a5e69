import StorageIO

/// What changing a tree needs of the store of its pages.
///
/// One transaction at a time, by one thread at a time. A page born before it is never
/// changed (shadow paging): the tree copies it to a newly allocated page and retires the old one.
/// Pages born in the transaction are changed in place, each after ``makeWritable(_:)``. Outside of
/// transactions dirty pages are changed that no version sees which anybody can still get; see
/// ``TransactionalStorage/commitInPlace(_:)``. A change
/// opens a read around itself like any other operation: the transaction alone keeps only dirty
/// pages in memory, and it may be far larger than the cache.
public protocol PageWriting: PageReading {
    /// The number of the write transaction that is running.
    var transaction: TransactionNumber { get }

    /// The lowest birth that a page of the running transaction can have: ``transaction``, unless it
    /// stands for several. Behind a savepoint (``TransactionalStorage/addSavepoint()``), and while none runs, a
    /// number above every birth: then no page counts as born in the transaction, so none is changed where it
    /// is, unless ``copy(_:)`` says so. While none runs it is the highest number there is.
    var firstTransaction: TransactionNumber { get }

    /// A new page for the running transaction, in memory, dirty, with undefined content: write its
    /// header (birth = ``transaction``) before anything else.
    ///
    /// - Throws: `diskFull`, `fileTooLarge`, `outOfMemory`, `poisoned`, `closed`; `invalidArgument` when no
    ///   transaction runs.
    func allocate() throws(StorageError) -> PageNumber

    /// Readies a page born in the running transaction for a change in place: loads it if it was
    /// written out early and evicted, and marks it dirty.
    ///
    /// - Throws: `invalidArgument` for a page born before the transaction, and for every page while
    ///   none runs; what ``PageReading/load(_:)`` throws.
    func makeWritable(_ page: PageNumber) throws(StorageError)

    /// Says that the running transaction replaced a page. Born in it, the page is free at once;
    /// else it is kept until no version that can see it is held (its lifetime is
    /// `birth ..< transaction`).
    ///
    /// - Throws: `damaged` when the page is free already or out of range; `invalidArgument` when no
    ///   transaction runs.
    func retire(_ page: PageNumber, birth: TransactionNumber) throws(StorageError)

    /// A copy of a page in the place of the page itself, for the running transaction: what
    /// ``allocate()``, copying all bytes and ``retire(_:birth:)`` do. Number and birth are the copy's own.
    ///
    /// - Parameter page: born before ``firstTransaction``, and in memory: the caller found it in its open read.
    /// - Returns: the copy; the page itself, readied for a change in place, when it was born behind the innermost
    ///   savepoint.
    /// - Throws: what the two throw; the transaction can then only be aborted.
    func copy(_ page: PageNumber) throws(StorageError) -> PageNumber

    /// Takes consecutive pages for ``fill(_:from:)``, the lowest that are free. Those that are not filled
    /// in the end are given back by ``retire(_:birth:)``.
    ///
    /// - Parameter count: the most to take, at least 1.
    /// - Returns: at least one page.
    /// - Throws: as ``allocate()``.
    func allocateRun(upTo count: Int) throws(StorageError) -> Range<PageNumber>

    /// Gives such pages their content, all of it but the checksums, which it sets: for what is written
    /// once and in order, and not looked at soon. It may go straight to the medium.
    ///
    /// - Parameters:
    ///   - pages: of those that ``allocateRun(upTo:)`` gave, filled for the first time.
    ///   - buffer: a page for each, with a header: its number, birth = ``transaction``.
    /// - Throws: `invalidArgument` for other pages; `diskFull`, `inputOutput`, `poisoned`. The transaction
    ///   can then only be aborted.
    func fill(_ pages: Range<PageNumber>, from buffer: PageBuffer) throws(StorageError)

    /// Stores a big value in a run of consecutive pages.
    ///
    /// - Parameter value: at most 2^30 bytes.
    /// - Returns: the first page of the run.
    /// - Throws: as ``allocate()``; `valueTooLong`.
    func allocateOverflow(_ value: ByteView) throws(StorageError) -> PageNumber

    /// Takes an overflow run for a value that comes in portions. Until it is finished it is nobody's, and goes with
    /// the transaction, and behind a savepoint with that.
    ///
    /// - Parameter byteCount: the value's length, at most 2^30.
    /// - Throws: as ``allocate()``; `valueTooLong`. Nothing has changed then.
    func beginRun(byteCount: Int) throws(StorageError) -> RunDraft

    /// Writes the next bytes of such a value. They take no place in the cache.
    ///
    /// - Throws: `invalidArgument` for more than are missing; `diskFull`, `inputOutput`, `poisoned`. The run can then
    ///   only be abandoned.
    func write(_ bytes: ByteView, to draft: RunDraft) throws(StorageError)

    /// Ends a run whose bytes are all there.
    ///
    /// - Returns: its first page. From here on it is like one of ``allocateOverflow(_:)``.
    /// - Throws: `invalidArgument` while bytes are missing; as ``write(_:to:)``.
    func finishRun(_ draft: RunDraft) throws(StorageError) -> PageNumber

    /// Gives the pages of a run back that is not to be finished. In the transaction that it was begun in.
    func abandonRun(_ draft: RunDraft)

    /// Retires all pages of an overflow run.
    ///
    /// - Throws: as ``retire(_:birth:)``; what loading the run throws.
    func retireOverflow(_ page: PageNumber, byteCount: Int) throws(StorageError)
}

extension PageWriting {
    /// ``transaction``, for stores whose transactions stand for one each, and which see to it themselves
    /// that nothing is changed outside of one.
    public var firstTransaction: TransactionNumber { transaction }

    /// See the requirement; by the other two.
    public func copy(_ page: PageNumber) throws(StorageError) -> PageNumber {
        try copyByParts(page)
    }

    func copyByParts(_ page: PageNumber) throws(StorageError) -> PageNumber {
        let old = window.address(page)
        let number = try allocate()
        let new = window.address(number)
        new.copyAll(of: old)
        new.store(number, at: PageLayout.pageNumber)
        new.store(transaction, at: PageLayout.birth)
        try retire(page, birth: old.birth)
        return number
    }

    /// See the requirement; one page at a time.
    public func allocateRun(upTo count: Int) throws(StorageError) -> Range<PageNumber> {
        let page = try allocate()
        return page..<page + 1
    }

    /// See the requirement; in memory.
    public func fill(
        _ pages: Range<PageNumber>, from buffer: PageBuffer
    ) throws(StorageError) {
        for (index, page) in pages.enumerated() {
            try makeWritable(page)
            window.address(page).copyAll(of: buffer.page(index))
        }
    }
}
