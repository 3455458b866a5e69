import PageStore

/// A set of pages of one file, one bit a page.
struct PageSet {
    private var words: [UInt64]
    /// Pages from here on are never in the set.
    let limit: Int

    /// An empty set of pages below `limit`.
    init(limit: Int) {
        self.limit = max(0, limit)
        words = [UInt64](repeating: 0, count: (self.limit + 63) / 64)
    }

    func contains(_ page: Int) -> Bool {
        page < limit && words[page >> 6] & (1 << UInt64(page & 63)) != 0
    }

    func contains(_ page: PageNumber) -> Bool { contains(Int(page)) }

    /// Adds a page; false when it was there already or lies beyond the limit.
    @discardableResult
    mutating func insert(_ page: Int) -> Bool {
        guard page < limit else { return false }
        let bit: UInt64 = 1 << UInt64(page & 63)
        defer { words[page >> 6] |= bit }
        return words[page >> 6] & bit == 0
    }

    mutating func remove(_ page: Int) {
        guard page < limit else { return }
        words[page >> 6] &= ~(1 << UInt64(page & 63))
    }

    mutating func insert(_ pages: Range<Int>) {
        for page in pages.clamped(to: 0..<limit) { insert(page) }
    }
}
