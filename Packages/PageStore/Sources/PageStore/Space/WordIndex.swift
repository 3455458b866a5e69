/// A set of numbers, one bit each, with summaries: bit *i* of level *k + 1* says whether word *i* of
/// level *k* has a bit set. So the next member from anywhere is found in O(log64 n), however sparse the
/// set is. Grows with the largest member.
///
/// The words of all levels lie in one array, level 0 first. Level 0 has `1 << shift` of them, each
/// level a 64th of the one below, and the last level one.
struct WordIndex {
    private var words: [UInt64] = [0]
    private var shift = 0
    /// Words of level 0.
    private var wordCount: Int { 1 << shift }

    /// Words of the level above one of `size` words.
    private static func sizeAbove(_ size: Int) -> Int { max(1, size >> 6) }

    /// Adds a number.
    mutating func insert(_ number: Int) {
        let word = number >> 6
        if word >= wordCount { grow(toHold: word) }
        let old = words[word]
        words[word] = old | 1 << UInt64(number & 63)
        if old == 0 { markNonzero(word) }
    }

    /// Takes a number out that is in the set.
    mutating func remove(_ number: Int) {
        let word = number >> 6
        words[word] &= ~(1 << UInt64(number & 63))
        if words[word] == 0 { markZero(word) }
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

    /// How many bytes of memory the set takes.
    var byteCount: Int { 8 * words.count }

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
