import PageStore

/// A set of pages of one file, one bit a page. Memory and time follow the members, not the file's size,
/// which a forged or sparse file may have for nothing: the bits of 32,768 pages lie together and are
/// there from the first member on.
struct PageSet {
    private static let chunkShift = 15
    private static let wordsOfChunk = 1 << (chunkShift - 6)

    /// The bits of each chunk of pages; empty where there is no member.
    private var chunks: [[UInt64]] = []
    /// Pages from here on are never in the set.
    let limit: Int

    /// An empty set of pages below `limit`.
    init(limit: Int) { self.limit = max(0, limit) }

    func contains(_ page: Int) -> Bool {
        page < limit && word(page >> 6) & (1 << UInt64(page & 63)) != 0
    }

    func contains(_ page: PageNumber) -> Bool { contains(Int(page)) }

    /// Adds a page; false when it was there already or lies beyond the limit.
    @discardableResult
    mutating func insert(_ page: Int) -> Bool {
        guard page < limit else { return false }
        let bit: UInt64 = 1 << UInt64(page & 63)
        let isNew = word(page >> 6) & bit == 0
        if isNew { add(bit, toWord: page >> 6) }
        return isNew
    }

    mutating func remove(_ page: Int) {
        guard contains(page) else { return }
        chunks[page >> Self.chunkShift][page >> 6 & (Self.wordsOfChunk - 1)] &=
            ~(1 << UInt64(page & 63))
    }

    /// Adds pages; those beyond the limit are left out.
    mutating func insert(_ pages: Range<Int>) {
        var page = pages.lowerBound
        let end = min(pages.upperBound, limit)
        while page < end {
            let next = min((page | 63) + 1, end)
            add(~0 << UInt64(page & 63) & ~0 >> UInt64(63 - (next - 1) & 63), toWord: page >> 6)
            page = next
        }
    }

    /// Calls `body` with the runs of pages from 2 to the limit that are in neither of two sets.
    static func forEachGap(
        _ first: PageSet, _ second: PageSet, _ body: (Range<Int>) -> Void
    ) {
        let end = min(first.limit, second.limit)
        let membersEnd = max(first.chunks.count, second.chunks.count) << chunkShift
        var start: Int?
        var page = 2
        while page < end {
            let isEmpty = first.hasNoMember(near: page) && second.hasNoMember(near: page)
            let bits = (first.word(page >> 6) | second.word(page >> 6)) >> UInt64(page & 63)
            let next: Int
            if page >= membersEnd {
                next = end
            } else if isEmpty {
                next = (page >> chunkShift + 1) << chunkShift
            } else {
                let same = bits & 1 == 0 ? bits : ~bits
                let length = same.trailingZeroBitCount
                next = min(page + length, (page | 63) + 1)
            }
            if bits & 1 == 0 {
                if start == nil { start = page }
            } else if let begin = start {
                body(begin..<page)
                start = nil
            }
            page = next
        }
        if let start { body(start..<end) }
    }

    private func hasNoMember(near page: Int) -> Bool {
        let chunk = page >> Self.chunkShift
        return chunk >= chunks.count || chunks[chunk].isEmpty
    }

    private func word(_ index: Int) -> UInt64 {
        let chunk = index / Self.wordsOfChunk
        guard chunk < chunks.count, !chunks[chunk].isEmpty else { return 0 }
        return chunks[chunk][index & (Self.wordsOfChunk - 1)]
    }

    private mutating func add(_ bits: UInt64, toWord index: Int) {
        let chunk = index / Self.wordsOfChunk
        while chunks.count <= chunk { chunks.append([]) }
        if chunks[chunk].isEmpty {
            chunks[chunk] = [UInt64](repeating: 0, count: Self.wordsOfChunk)
        }
        chunks[chunk][index & (Self.wordsOfChunk - 1)] |= bits
    }
}
