import StorageIO

/// Says what is wrong with a page in itself: the one judge, for pages that enter the cache (R7), for verification and
/// for salvage.
struct PageJudge: Sendable {
    /// The structure check for tree nodes.
    let structure: PageCheck

    /// What is wrong with a tree node.
    ///
    /// - Parameters:
    ///   - number: where it lies.
    ///   - newest: the newest transaction that can have written it.
    ///   - isDisplaced: whether the page may say that it is another one.
    func flaw(
        ofNode page: PageBytes, at number: PageNumber, newest: TransactionNumber,
        isDisplaced: Bool = false
    ) -> PageFlaw? {
        guard page.isIntact else { return Self.wrongChecksum(page) }
        guard page.number == number || isDisplaced else { return .number(found: page.number) }
        guard page.rawKind == PageKind.leaf.rawValue || page.rawKind == PageKind.inner.rawValue
        else { return .kind(found: page.rawKind) }
        guard page.birth <= newest else { return .birth(found: page.birth, newest: newest) }
        return structure(page).map { .structure($0) }
    }

    /// What is wrong with the header of an overflow run.
    ///
    /// - Parameters:
    ///   - number: where the run begins.
    ///   - byteCount: the length that it must have; nil for any.
    ///   - newest: the newest transaction that can have written it.
    ///   - pageLimit: no page of the run may lie at or beyond.
    static func flaw(
        ofRunHeader header: PageBytes, at number: PageNumber, byteCount: Int? = nil,
        newest: TransactionNumber, pageLimit: Int
    ) -> PageFlaw? {
        let stored = header.u32(OverflowLayout.headerChecksum)
        let computed = OverflowLayout.headerChecksum(of: header)
        guard stored == computed else { return .checksum(stored: stored, computed: computed) }
        guard header.number == number else { return .number(found: header.number) }
        guard header.rawKind == PageKind.overflow.rawValue else {
            return .kind(found: header.rawKind)
        }
        guard OverflowLayout.isConsistent(header) else {
            return .structure("the overflow header contradicts itself")
        }
        guard header.birth <= newest else { return .birth(found: header.birth, newest: newest) }
        let found = UInt64(header.u32(OverflowLayout.byteCount))
        if let byteCount, found != UInt64(byteCount) {
            return .length(found: found, expected: UInt64(byteCount))
        }
        guard Int(number) + Int(header.u32(OverflowLayout.pageCount)) <= pageLimit else {
            return .beyondEnd(pageCount: UInt64(pageLimit))
        }
        return nil
    }

    /// What is wrong with a run whose header is sound, given all of its bytes.
    static func flaw(ofRun bytes: ByteView, stored: UInt32) -> PageFlaw? {
        let computed = CRC32C.checksum(bytes.dropFirst(PageLayout.pageNumber))
        guard stored == computed else { return .checksum(stored: stored, computed: computed) }
        return nil
    }

    /// What is wrong with a page of the free list, but for its content.
    static func flaw(ofListPage page: PageBytes, at number: PageNumber) -> PageFlaw? {
        guard page.isIntact else { return wrongChecksum(page) }
        return page.number == number ? nil : .number(found: page.number)
    }

    private static func wrongChecksum(_ page: PageBytes) -> PageFlaw {
        .checksum(stored: page.u32(PageLayout.checksum), computed: page.computedChecksum)
    }
}

extension StorageError {
    /// The error that a page with a flaw is: `damaged`, or why it can't be read.
    init(_ flaw: PageFlaw, of page: PageNumber, path: String?) {
        if case .unreadable(let error) = flaw {
            self = error
        } else {
            self.init(
                .damaged, flaw.message, path: path, page: page,
                offset: UInt64(page) << UInt64(PageLayout.pageShift))
        }
    }
}

extension File {
    /// Checks an overflow run in the file, piece by piece.
    ///
    /// - Parameters:
    ///   - page: the first page of the run.
    ///   - byteCount: the length that it must have; nil for any.
    ///   - newest: the newest transaction that can have written it.
    ///   - pageLimit: no page of the run may lie at or beyond.
    ///   - pieces: where the pieces go to.
    /// - Returns: how many pages it has, and what is wrong.
    func flaw(
        ofRun page: PageNumber, byteCount: Int?, newest: TransactionNumber, pageLimit: Int,
        by pieces: PageBuffer
    ) -> (pageCount: Int, flaw: PageFlaw?) {
        let position = Int(page)
        if let flaw = flaw(readingInto: pieces, byteCount: PageLayout.pageSize, from: position) {
            return (1, flaw)
        }
        let header = pieces.page(0)
        if let flaw = PageJudge.flaw(
            ofRunHeader: header, at: page, byteCount: byteCount, newest: newest,
            pageLimit: pageLimit)
        {
            return (1, flaw)
        }
        let count = Int(header.u32(OverflowLayout.pageCount))
        let stored = header.u32(PageLayout.checksum)
        var rest = PageLayout.headerSize + Int(header.u32(OverflowLayout.byteCount))
        var checksum = CRC32C.checksum(
            header.bytes(0, count: min(rest, PageLayout.pageSize)).dropFirst(PageLayout.pageNumber))
        rest -= PageLayout.pageSize
        var next = position + 1
        while rest > 0 {
            let size = min(rest, pieces.pageCount << PageLayout.pageShift)
            if let flaw = flaw(readingInto: pieces, byteCount: size, from: next) {
                return (count, flaw)
            }
            checksum = CRC32C.checksum(pieces.bytes.prefix(size), seed: checksum)
            rest -= size
            next += pieces.pageCount
        }
        let isRight = stored == checksum
        return (count, isRight ? nil : .checksum(stored: stored, computed: checksum))
    }
}
