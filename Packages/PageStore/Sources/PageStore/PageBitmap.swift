/// A set of page numbers, one bit a page, with summaries: bit *i* of level *k + 1* says whether word
/// *i* of level *k* has a bit set. So the next member from anywhere is found in O(log64 n), however
/// sparse the set is. Grows with the largest member.
struct PageBitmap {
    private var levels: [[UInt64]] = [[0]]
    /// How many pages are in the set.
    private(set) var count = 0

    init() {}

    var isEmpty: Bool { count == 0 }

    func contains(_ page: Int) -> Bool {
        let word = page >> 6
        return word < levels[0].count && levels[0][word] & (1 << UInt64(page & 63)) != 0
    }

    /// Adds a page; false when it was there.
    @discardableResult
    mutating func insert(_ page: Int) -> Bool {
        reserve(page + 1)
        let word = page >> 6
        let old = levels[0][word]
        let new = old | 1 << UInt64(page & 63)
        guard new != old else { return false }
        levels[0][word] = new
        count += 1
        if old == 0 { markNonzero(word) }
        return true
    }

    /// Takes a page out; false when it was not there.
    @discardableResult
    mutating func remove(_ page: Int) -> Bool {
        let word = page >> 6
        guard word < levels[0].count else { return false }
        let old = levels[0][word]
        let new = old & ~(1 << UInt64(page & 63))
        guard new != old else { return false }
        levels[0][word] = new
        count -= 1
        if new == 0 { markZero(word) }
        return true
    }

    mutating func insert(_ pages: Range<Int>) {
        guard !pages.isEmpty else { return }
        reserve(pages.upperBound)
        forEachWord(of: pages) { bitmap, word, mask in
            let old = bitmap.levels[0][word]
            bitmap.levels[0][word] = old | mask
            bitmap.count += (mask & ~old).nonzeroBitCount
            if old == 0 { bitmap.markNonzero(word) }
        }
    }

    mutating func remove(_ pages: Range<Int>) {
        let inside = pages.clamped(to: 0..<levels[0].count << 6)
        guard !inside.isEmpty else { return }
        forEachWord(of: inside) { bitmap, word, mask in
            let old = bitmap.levels[0][word]
            guard old & mask != 0 else { return }
            bitmap.levels[0][word] = old & ~mask
            bitmap.count -= (mask & old).nonzeroBitCount
            if old & ~mask == 0 { bitmap.markZero(word) }
        }
    }

    /// Adds all members of `other`. O(members / 64 and more where they are sparse).
    mutating func formUnion(_ other: PageBitmap) {
        other.forEachRun { start, length in insert(start..<start + length) }
    }

    /// Empties the set in O(members), keeping its room.
    mutating func removeAll() {
        var position = 0
        while let page = next(from: position) {
            let word = page >> 6
            levels[0][word] = 0
            markZero(word)
            position = (word + 1) << 6
        }
        count = 0
    }

    /// The first member from `start` on.
    func next(from start: Int) -> Int? {
        var position = start
        var level = 0
        while level < levels.count {
            let word = position >> 6
            guard word < levels[level].count else { return nil }
            let bits = levels[level][word] & (~0 << UInt64(position & 63))
            if bits != 0 {
                var found = word << 6 + bits.trailingZeroBitCount
                while level > 0 {
                    level -= 1
                    found = found << 6 + levels[level][found].trailingZeroBitCount
                }
                return found
            }
            position = word + 1
            level += 1
        }
        return nil
    }

    /// The first number from `start` on that is not a member.
    func endOfRun(from start: Int) -> Int {
        var word = start >> 6
        guard word < levels[0].count else { return start }
        var gaps = ~levels[0][word] & (~0 << UInt64(start & 63))
        while gaps == 0 {
            word += 1
            guard word < levels[0].count else { return word << 6 }
            gaps = ~levels[0][word]
        }
        return word << 6 + gaps.trailingZeroBitCount
    }

    /// The first run of consecutive members from `start` on.
    func nextRun(from start: Int) -> Range<Int>? {
        guard let first = next(from: start) else { return nil }
        return first..<endOfRun(from: first)
    }

    /// Calls `body` with the start and length of each run, ascending.
    func forEachRun(_ body: (Int, Int) -> Void) {
        var position = 0
        while let run = nextRun(from: position) {
            body(run.lowerBound, run.count)
            position = run.upperBound
        }
    }

    /// How many runs of consecutive members there are.
    var runCount: Int {
        var runs = 0
        forEachRun { _, _ in runs += 1 }
        return runs
    }

    /// All members, ascending.
    var members: [Int] {
        var members: [Int] = []
        forEachRun { start, count in members.append(contentsOf: start..<start + count) }
        return members
    }

    /// Where the run of members that ends just before `end` starts; `end` when there is none.
    func startOfRun(endingAt end: Int) -> Int {
        var start = end
        while start > 0 {
            if start & 63 == 0, start >> 6 <= levels[0].count, levels[0][start >> 6 - 1] == ~0 {
                start -= 64
            } else if contains(start - 1) {
                start -= 1
            } else {
                break
            }
        }
        return start
    }

    // MARK: Inside

    private mutating func reserve(_ capacity: Int) {
        let words = (capacity + 63) >> 6
        guard words > levels[0].count else { return }
        // Doubling keeps growth page by page linear over all.
        var needed = max(words, levels[0].count * 2)
        var level = 0
        while true {
            if level == levels.count {
                levels.append([levels[level - 1][0] != 0 ? 1 : 0])
            }
            levels[level].append(
                contentsOf: repeatElement(0, count: max(0, needed - levels[level].count)))
            if levels[level].count == 1 && level == levels.count - 1 { break }
            needed = (levels[level].count + 63) >> 6
            level += 1
        }
    }

    private mutating func markNonzero(_ word: Int) {
        var position = word
        var level = 1
        while level < levels.count {
            let old = levels[level][position >> 6]
            levels[level][position >> 6] = old | 1 << UInt64(position & 63)
            if old != 0 { return }
            position >>= 6
            level += 1
        }
    }

    private mutating func markZero(_ word: Int) {
        var position = word
        var level = 1
        while level < levels.count {
            let new = levels[level][position >> 6] & ~(1 << UInt64(position & 63))
            levels[level][position >> 6] = new
            if new != 0 { return }
            position >>= 6
            level += 1
        }
    }

    private mutating func forEachWord(
        of pages: Range<Int>, _ body: (inout PageBitmap, Int, UInt64) -> Void
    ) {
        let last = (pages.upperBound - 1) >> 6
        for word in pages.lowerBound >> 6...last {
            var mask = ~UInt64(0)
            if word == pages.lowerBound >> 6 { mask &= ~0 << UInt64(pages.lowerBound & 63) }
            if word == last { mask &= ~0 >> UInt64(63 - (pages.upperBound - 1) & 63) }
            body(&self, word, mask)
        }
    }
}
