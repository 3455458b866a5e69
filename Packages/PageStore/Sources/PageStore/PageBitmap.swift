/// A set of page numbers, one bit a page, with summaries: bit *i* of level *k + 1* says whether word
/// *i* of level *k* has a bit set. So the next member from anywhere is found in O(log64 n), however
/// sparse the set is. Grows with the largest member.
///
/// The words of all levels lie in one array, level 0 first. Level 0 has `1 << shift` of them, each
/// level a 64th of the one below, and the last level one.
struct PageBitmap {
    private var words: [UInt64] = [0]
    private var shift = 0
    /// How many pages are in the set.
    private(set) var count = 0

    init() {}

    var isEmpty: Bool { count == 0 }

    /// Words of level 0.
    private var wordCount: Int { 1 << shift }

    /// Words of the level above one of `size` words.
    private static func sizeAbove(_ size: Int) -> Int { max(1, size >> 6) }

    func contains(_ page: Int) -> Bool {
        let word = page >> 6
        return word < wordCount && words[word] & (1 << UInt64(page & 63)) != 0
    }

    /// Adds a page; false when it was there.
    @discardableResult
    mutating func insert(_ page: Int) -> Bool {
        let word = page >> 6
        if word >= wordCount { grow(toHold: word) }
        let old = words[word]
        let new = old | 1 << UInt64(page & 63)
        guard new != old else { return false }
        words[word] = new
        count += 1
        if old == 0 { markNonzero(word) }
        return true
    }

    /// Takes a page out; false when it was not there.
    @discardableResult
    mutating func remove(_ page: Int) -> Bool {
        let word = page >> 6
        guard word < wordCount else { return false }
        let old = words[word]
        let new = old & ~(1 << UInt64(page & 63))
        guard new != old else { return false }
        words[word] = new
        count -= 1
        if new == 0 { markZero(word) }
        return true
    }

    mutating func insert(_ pages: Range<Int>) {
        guard !pages.isEmpty else { return }
        let last = (pages.upperBound - 1) >> 6
        if last >= wordCount { grow(toHold: last) }
        for word in pages.lowerBound >> 6...last {
            let mask = Self.mask(of: pages, in: word)
            let old = words[word]
            words[word] = old | mask
            count += (mask & ~old).nonzeroBitCount
            if old == 0 { markNonzero(word) }
        }
    }

    mutating func remove(_ pages: Range<Int>) {
        let inside = pages.clamped(to: 0..<wordCount << 6)
        guard !inside.isEmpty else { return }
        for word in inside.lowerBound >> 6...(inside.upperBound - 1) >> 6 {
            let mask = Self.mask(of: inside, in: word)
            let old = words[word]
            guard old & mask != 0 else { continue }
            words[word] = old & ~mask
            count -= (mask & old).nonzeroBitCount
            if old & ~mask == 0 { markZero(word) }
        }
    }

    /// The bits of `pages` in a word of level 0 that has any.
    private static func mask(of pages: Range<Int>, in word: Int) -> UInt64 {
        let last = pages.upperBound - 1
        var mask = ~UInt64(0)
        if word == pages.lowerBound >> 6 { mask &= ~0 << UInt64(pages.lowerBound & 63) }
        if word == last >> 6 { mask &= ~0 >> UInt64(63 - last & 63) }
        return mask
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
            words[word] = 0
            markZero(word)
            position = (word + 1) << 6
        }
        count = 0
    }

    /// The first member from `start` on.
    func next(from start: Int) -> Int? {
        var position = start
        var base = 0
        var size = wordCount
        var level = 0
        while true {
            let word = position >> 6
            guard word < size else { return nil }
            let bits = words[base + word] & (~0 << UInt64(position & 63))
            if bits != 0 {
                var found = word << 6 + bits.trailingZeroBitCount
                while level > 0 {
                    level -= 1
                    // Only the last level has another size, and it is not below any.
                    base -= 1 << (shift - 6 * level)
                    found = found << 6 + words[base + found].trailingZeroBitCount
                }
                return found
            }
            guard size > 1 else { return nil }
            position = word + 1
            base += size
            size = Self.sizeAbove(size)
            level += 1
        }
    }

    /// The first number from `start` on that is not a member.
    func endOfRun(from start: Int) -> Int {
        var word = start >> 6
        guard word < wordCount else { return start }
        var gaps = ~words[word] & (~0 << UInt64(start & 63))
        while gaps == 0 {
            word += 1
            guard word < wordCount else { return word << 6 }
            gaps = ~words[word]
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
            if start & 63 == 0, start >> 6 <= wordCount, words[start >> 6 - 1] == ~0 {
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

    /// Makes room for a word of level 0. At least doubles, which keeps growth page by page linear over
    /// all.
    private mutating func grow(toHold word: Int) {
        var newShift = shift
        while word >= 1 << newShift { newShift += 1 }
        var total = 1 << newShift
        var size = total
        while size > 1 {
            size = Self.sizeAbove(size)
            total += size
        }
        var grown = [UInt64](repeating: 0, count: total)
        var (from, oldSize) = (0, wordCount)
        var (to, newSize) = (0, 1 << newShift)
        for index in 0..<oldSize { grown[to + index] = words[from + index] }
        while newSize > 1 {
            let isOldLast = oldSize == 1
            let isAnyBelow = grown[to] != 0
            to += newSize
            newSize = Self.sizeAbove(newSize)
            if isOldLast {
                // All that was there lies below the first word.
                grown[to] = isAnyBelow ? 1 : 0
                continue
            }
            from += oldSize
            oldSize = Self.sizeAbove(oldSize)
            for index in 0..<oldSize { grown[to + index] = words[from + index] }
        }
        words = grown
        shift = newShift
    }

    private mutating func markNonzero(_ word: Int) {
        var position = word
        var base = 0
        var size = wordCount
        while size > 1 {
            base += size
            size = Self.sizeAbove(size)
            let index = base + position >> 6
            let old = words[index]
            words[index] = old | 1 << UInt64(position & 63)
            if old != 0 { return }
            position >>= 6
        }
    }

    private mutating func markZero(_ word: Int) {
        var position = word
        var base = 0
        var size = wordCount
        while size > 1 {
            base += size
            size = Self.sizeAbove(size)
            let index = base + position >> 6
            words[index] &= ~(1 << UInt64(position & 63))
            if words[index] != 0 { return }
            position >>= 6
        }
    }
}
