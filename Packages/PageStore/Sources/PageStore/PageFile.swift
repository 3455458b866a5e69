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
    /// What the two superblock slots are.
    public let slots: [Superblock.Slot]
    private let check: PageCheck
    private let pieces = PageBuffer(pageCount: 64)

    /// Reads the superblocks of `file`.
    ///
    /// - Parameter check: the structure check for tree nodes.
    /// - Throws: `inputOutput` when not even the size is to be had.
    public init(_ file: Handle, check: @escaping PageCheck) throws(StorageError) {
        self.file = file
        self.check = check
        byteCount = try file.size()
        pageCount = Int(min(byteCount >> UInt64(PageLayout.pageShift), UInt64(PageNumber.max)))
        var slots: [Superblock.Slot] = []
        for slot in 0..<2 {
            let buffer = PageBuffer(pageCount: 1)
            do throws(StorageError) {
                // The rest of a cut file stays zero.
                _ = try unsafe file.read(
                    into: buffer.buffer(byteCount: PageLayout.pageSize),
                    at: UInt64(slot) << UInt64(PageLayout.pageShift))
                slots.append(Superblock.decode(buffer.page(0), slot: PageNumber(slot)))
            } catch {
                slots.append(.damaged)
            }
        }
        self.slots = slots
    }

    /// Reads a page into the first of `buffer`, and checks nothing but its checksum.
    public func read(_ page: PageNumber, into buffer: PageBuffer) -> PageFlaw? {
        if let flaw = readBytes(Int(page), PageLayout.pageSize, into: buffer) { return flaw }
        return checksumFlaw(buffer.page(0))
    }

    /// Reads a tree node into the first page of `buffer` and checks all that can be told from it
    /// alone.
    ///
    /// - Parameters:
    ///   - newest: the newest transaction that can have written it.
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

    /// Checks an overflow run, piece by piece.
    ///
    /// - Parameters:
    ///   - byteCount: the length that it must have; nil for any.
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

    private func checksumFlaw(_ page: PageBytes) -> PageFlaw? {
        let stored = page.u32(PageLayout.checksum)
        let computed = page.computedChecksum
        return stored == computed ? nil : .checksum(stored: stored, computed: computed)
    }

    private func readBytes(_ page: Int, _ count: Int, into buffer: PageBuffer) -> PageFlaw? {
        do throws(StorageError) {
            let read = try unsafe file.read(
                into: buffer.buffer(byteCount: count),
                at: UInt64(page) << UInt64(PageLayout.pageShift))
            return read == count ? nil : .cut(byteCount: byteCount)
        } catch {
            return .unreadable(error)
        }
    }
}
