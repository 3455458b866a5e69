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
    private let judge: PageJudge
    private let pieces = PageBuffer(pageCount: 64)

    /// Reads the superblocks of `file`.
    ///
    /// - Parameters:
    ///   - file: an open file.
    ///   - check: the structure check for tree nodes.
    /// - Throws: `inputOutput` when not even the size is to be had.
    public init(_ file: Handle, check: @escaping PageCheck) throws(StorageError) {
        self.file = file
        judge = PageJudge(structure: check)
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
        let size = PageLayout.pageSize
        if let flaw = file.flaw(readingInto: buffer, byteCount: size, from: Int(page)) {
            return flaw
        }
        return judge.flaw(
            ofNode: buffer.page(0), at: page, newest: newest, isDisplaced: isDisplaced)
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
        file.flaw(
            ofRun: page, byteCount: byteCount, newest: newest, pageLimit: pageLimit, by: pieces)
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
        let stored = buffer.page(0).u32(PageLayout.checksum)
        return PageJudge.flaw(ofRun: buffer.bytes.prefix(size), stored: stored) == nil
            ? buffer : nil
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
