import StorageIO

/// A data file read page by page, without being opened as a store: for verification and salvage of
/// files that nothing can be taken for granted in.
///
/// It never writes and takes no lock. Every read goes to the file, and every page is checked like one
/// that enters the cache (R7), but what is wrong comes back as a ``PageFlaw`` and is no error: the
/// caller goes on with the next page. Not for use by several threads at once.
public final class PageFile<Handle: File> {
    /// The file.
    public let file: Handle
    /// Its size in bytes.
    public let byteCount: UInt64
    /// The pages that the file has in full.
    public let pageCount: Int
    /// What the two superblock slots are, and which counts.
    public let choice: SuperblockChoice
    private let check: PageCheck
    private let pieces = PageBuffer(pageCount: 64)

    /// Reads the superblocks of `file`.
    ///
    /// - Parameters:
    ///   - file: an open file.
    ///   - check: the structure check for tree nodes.
    /// - Throws: `inputOutput` when not even the size is to be had.
    public init(_ file: Handle, check: @escaping PageCheck) throws(StorageError) {
        self.file = file
        self.check = check
        byteCount = try file.size()
        pageCount = Int(min(byteCount >> UInt64(PageLayout.pageShift), UInt64(PageNumber.max)))
        let buffers = [PageBuffer(pageCount: 1), PageBuffer(pageCount: 1)]
        var slots: [Superblock.Slot] = []
        for (slot, buffer) in buffers.enumerated() {
            // The rest of a cut file stays zero.
            let flaw = file.flaw(
                readingInto: buffer, byteCount: PageLayout.pageSize, from: slot)
            if case .unreadable = flaw {
                slots.append(.damaged)
            } else {
                slots.append(Superblock.decode(buffer.page(0), slot: PageNumber(slot)))
            }
        }
        choice = SuperblockChoice(slots) { buffers[$0].page(0).isIntact }
    }

    /// Reads a page into the first of `buffer`, and checks nothing but its checksum.
    public func read(_ page: PageNumber, into buffer: PageBuffer) -> PageFlaw? {
        file.flaw(readingPage: page, into: buffer)
    }

    /// Reads a tree node into the first page of `buffer` and checks all that can be told from it
    /// alone.
    ///
    /// - Parameters:
    ///   - page: the page to read.
    ///   - newest: the newest transaction that can have written it.
    ///   - buffer: where the page goes to.
    ///   - isDisplaced: whether the page may say that it is another one.
    public func readNode(
        _ page: PageNumber, newest: TransactionNumber, isDisplaced: Bool = false,
        into buffer: PageBuffer
    ) -> PageFlaw? {
        if let flaw = read(page, into: buffer) { return flaw }
        let bytes = buffer.page(0)
        if !isDisplaced, bytes.number != page { return .number(found: bytes.number) }
        guard bytes.rawKind == PageKind.leaf.rawValue || bytes.rawKind == PageKind.inner.rawValue
        else { return .kind(found: bytes.rawKind) }
        guard bytes.birth <= newest else { return .birth(found: bytes.birth, newest: newest) }
        return check(bytes).map { .structure($0) }
    }

    /// The transaction that wrote a page of any kind; nil unless the page is whole and says that it is
    /// this one. An overflow run by its first page.
    public func birthOfSoundPage(_ page: PageNumber) -> TransactionNumber? {
        let buffer = PageBuffer(pageCount: 1)
        let flaw = read(page, into: buffer)
        guard buffer.page(0).number == page else { return nil }
        if buffer.page(0).rawKind == PageKind.overflow.rawValue {
            let run = checkRun(page, byteCount: nil, newest: .max, pageLimit: pageCount)
            return run.flaw == nil ? buffer.page(0).birth : nil
        }
        return flaw == nil ? buffer.page(0).birth : nil
    }

    /// Checks an overflow run, piece by piece.
    ///
    /// - Parameters:
    ///   - page: the first page of the run.
    ///   - byteCount: the length that it must have; nil for any.
    ///   - newest: the newest transaction that can have written it.
    ///   - pageLimit: no page of the run may lie at or beyond.
    /// - Returns: how many pages it has, or what is wrong.
    public func checkRun(
        _ page: PageNumber, byteCount: Int?, newest: TransactionNumber, pageLimit: Int
    ) -> (pageCount: Int, flaw: PageFlaw?) {
        let position = Int(page)
        if let flaw = readBytes(position, PageLayout.pageSize, into: pieces) { return (1, flaw) }
        let header = pieces.page(0)
        if let flaw = headerFlaw(header, page, byteCount, newest, pageLimit) { return (1, flaw) }
        let count = Int(header.u32(OverflowLayout.pageCount))
        let stored = header.u32(PageLayout.checksum)
        var rest = PageLayout.headerSize + Int(header.u32(OverflowLayout.byteCount))
        var checksum = CRC32C.checksum(
            header.bytes(0, count: min(rest, PageLayout.pageSize)).dropFirst(PageLayout.pageNumber))
        rest -= PageLayout.pageSize
        var next = position + 1
        while rest > 0 {
            let size = min(rest, pieces.pageCount << PageLayout.pageShift)
            if let flaw = readBytes(next, size, into: pieces) { return (count, flaw) }
            checksum = CRC32C.checksum(pieces.bytes.prefix(size), seed: checksum)
            rest -= size
            next += pieces.pageCount
        }
        let isRight = stored == checksum
        return (count, isRight ? nil : .checksum(stored: stored, computed: checksum))
    }

    /// The value of an overflow run, in memory of its own.
    ///
    /// - Returns: a buffer with the run, whose value lies behind the page header; nil when the run
    ///   is not sound.
    public func readRun(
        _ page: PageNumber, byteCount: Int, newest: TransactionNumber, pageLimit: Int
    ) -> PageBuffer? {
        // Before any memory is taken for a length that a hostile file claims.
        guard checkRun(page, byteCount: byteCount, newest: newest, pageLimit: pageLimit).flaw == nil
        else { return nil }
        let buffer = PageBuffer(pageCount: OverflowLayout.pageCount(byteCount: byteCount))
        let size = PageLayout.headerSize + byteCount
        guard readBytes(Int(page), size, into: buffer) == nil else { return nil }
        let checksum = CRC32C.checksum(buffer.bytes.prefix(size).dropFirst(PageLayout.pageNumber))
        return checksum == buffer.page(0).u32(PageLayout.checksum) ? buffer : nil
    }

    private func headerFlaw(
        _ header: PageBytes, _ page: PageNumber, _ byteCount: Int?, _ newest: TransactionNumber,
        _ pageLimit: Int
    ) -> PageFlaw? {
        let stored = header.u32(OverflowLayout.headerChecksum)
        let computed = OverflowLayout.headerChecksum(of: header)
        guard stored == computed else { return .checksum(stored: stored, computed: computed) }
        guard header.number == page else { return .number(found: header.number) }
        guard header.rawKind == PageKind.overflow.rawValue else {
            return .kind(found: header.rawKind)
        }
        if let problem = OverflowLayout.problem(header, number: page) { return .structure(problem) }
        guard header.birth <= newest else {
            return .birth(found: header.birth, newest: newest)
        }
        let found = UInt64(header.u32(OverflowLayout.byteCount))
        if let byteCount, found != UInt64(byteCount) {
            return .length(found: found, expected: UInt64(byteCount))
        }
        guard Int(page) + Int(header.u32(OverflowLayout.pageCount)) <= pageLimit else {
            return .beyondEnd(pageCount: UInt64(pageLimit))
        }
        return nil
    }

    private func readBytes(_ page: Int, _ count: Int, into buffer: PageBuffer) -> PageFlaw? {
        file.flaw(readingInto: buffer, byteCount: count, from: page)
    }
}

extension File {
    /// Reads `byteCount` bytes from where page `page` starts into the beginning of `buffer`; what is
    /// wrong with them, if the file does not have them.
    func flaw(readingInto buffer: PageBuffer, byteCount: Int, from page: Int) -> PageFlaw? {
        do throws(StorageError) {
            let offset = UInt64(page) << UInt64(PageLayout.pageShift)
            let read = try unsafe read(into: buffer.buffer(byteCount: byteCount), at: offset)
            return read == byteCount ? nil : .cut(byteCount: try size())
        } catch {
            return .unreadable(error)
        }
    }

    /// Reads a page that has a checksum of its own into the first of `buffer`; what is wrong with it.
    func flaw(readingPage page: PageNumber, into buffer: PageBuffer) -> PageFlaw? {
        if let flaw = flaw(readingInto: buffer, byteCount: PageLayout.pageSize, from: Int(page)) {
            return flaw
        }
        let stored = buffer.page(0).u32(PageLayout.checksum)
        let computed = buffer.page(0).computedChecksum
        return stored == computed ? nil : .checksum(stored: stored, computed: computed)
    }
}
