/// A set of page numbers, one bit a page. The next member from anywhere is found in O(log64 n), however
/// sparse the set is.
///
/// The bits of 4,096 pages lie together in a chunk, and a chunk is there from its first member on. So
/// memory follows the members; beyond that it takes about 20 bytes for each chunk up to the highest member.
struct PageBitmap {
    private static let wordsOfChunk = 64

    /// The words of the chunks that are there, in the order in which they came. The first chunk stands in
    /// for all that are not: it stays zero.
    private var words = [UInt64](repeating: 0, count: wordsOfChunk)
    /// Where each chunk's words begin in `words`.
    private var places: [UInt32] = []
    /// The words that have a bit set, by their number in the file.
    private var occupied = WordIndex()
    /// No word below has a bit set: most of what is asked for is the lowest member.
    private var lowest = Int.max
    /// How many pages are in the set.
    private(set) var count = 0

    init() {}

    var isEmpty: Bool { count == 0 }

    /// Words that there is a place for, in a chunk that is there or not.
    private var wordCount: Int { places.count << 6 }

    /// Where word `word`, below `wordCount`, lies in `words`.
    private func place(_ word: Int) -> Int { Int(places[word >> 6]) + word & 63 }

    /// The same, to be written to.
    @inline(__always)
    private mutating func placeToWrite(_ word: Int) -> Int {
        let chunk = word >> 6
        if chunk >= places.count || places[chunk] == 0 { addChunk(chunk) }
        return place(word)
    }

    private mutating func addChunk(_ chunk: Int) {
        if chunk >= places.count {
            places.append(contentsOf: repeatElement(0, count: chunk + 1 - places.count))
        }
        places[chunk] = UInt32(words.count)
        words.append(contentsOf: repeatElement(0, count: Self.wordsOfChunk))
    }

    @inline(__always)
    func contains(_ page: Int) -> Bool {
        let word = page >> 6
        return word < wordCount && words[place(word)] & (1 << UInt64(page & 63)) != 0
    }

    /// Adds a page; false when it was there.
    @discardableResult
    mutating func insert(_ page: Int) -> Bool {
        let word = page >> 6
        let place = placeToWrite(word)
        let old = words[place]
        let new = old | 1 << UInt64(page & 63)
        guard new != old else { return false }
        words[place] = new
        count += 1
        if old == 0 { noteOccupied(word) }
        return true
    }

    private mutating func noteOccupied(_ word: Int) {
        occupied.insert(word)
        lowest = min(lowest, word)
    }

    /// Takes a page out; false when it was not there.
    @discardableResult
    mutating func remove(_ page: Int) -> Bool {
        let word = page >> 6
        guard word < wordCount else { return false }
        let place = place(word)
        let old = words[place]
        let new = old & ~(1 << UInt64(page & 63))
        guard new != old else { return false }
        words[place] = new
        count -= 1
        if new == 0 { occupied.remove(word) }
        return true
    }

    mutating func insert(_ pages: Range<Int>) {
        guard pages.count > 1 else {
            if let page = pages.first { insert(page) }
            return
        }
        for word in pages.lowerBound >> 6...(pages.upperBound - 1) >> 6 {
            let mask = Self.mask(of: pages, in: word)
            let place = placeToWrite(word)
            let old = words[place]
            words[place] = old | mask
            count += (mask & ~old).nonzeroBitCount
            if old == 0 { noteOccupied(word) }
        }
    }

    mutating func remove(_ pages: Range<Int>) {
        guard pages.count > 1 else {
            if let page = pages.first { remove(page) }
            return
        }
        let inside = pages.clamped(to: 0..<wordCount << 6)
        guard !inside.isEmpty else { return }
        let last = (inside.upperBound - 1) >> 6
        var next = inside.lowerBound >> 6
        while let word = occupied.next(from: next), word <= last {
            let mask = Self.mask(of: inside, in: word)
            let place = place(word)
            let old = words[place]
            words[place] = old & ~mask
            count -= (mask & old).nonzeroBitCount
            if old & ~mask == 0 { occupied.remove(word) }
            next = word + 1
        }
    }

    /// The bits of `pages` in a word that has any.
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
        var word = lowest
        while count > 0 {
            // Members lie together mostly, so the index is asked only where the next word has none.
            if word >= wordCount || words[place(word)] == 0 {
                guard let later = occupied.next(from: word) else { break }
                word = later
            }
            let place = place(word)
            count -= words[place].nonzeroBitCount
            words[place] = 0
            occupied.remove(word)
            word += 1
        }
        lowest = .max
    }

    /// Takes the lowest member out.
    mutating func popFirst() -> Int? {
        guard let page = next(from: 0) else { return nil }
        lowest = page >> 6
        remove(page)
        return page
    }

    /// The first member from `start` on.
    func next(from start: Int) -> Int? {
        guard count > 0 else { return nil }
        let start = max(start, lowest << 6)
        let word = start >> 6
        guard word < wordCount else { return nil }
        let bits = words[place(word)] & (~0 << UInt64(start & 63))
        if bits != 0 { return word << 6 + bits.trailingZeroBitCount }
        guard let later = occupied.next(from: word + 1) else { return nil }
        return later << 6 + words[place(later)].trailingZeroBitCount
    }

    /// The first number from `start` on that is not a member.
    func endOfRun(from start: Int) -> Int {
        var word = start >> 6
        guard word < wordCount else { return start }
        var gaps = ~words[place(word)] & (~0 << UInt64(start & 63))
        while gaps == 0 {
            word += 1
            guard word < wordCount else { return word << 6 }
            gaps = ~words[place(word)]
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
            if start & 63 == 0, start >> 6 <= wordCount, words[place(start >> 6 - 1)] == ~0 {
                start -= 64
            } else if contains(start - 1) {
                start -= 1
            } else {
                break
            }
        }
        return start
    }

    /// How many bytes of memory the set takes, about.
    var byteCount: Int { 8 * words.count + 4 * places.count + occupied.byteCount }
}
