/// What the searches for free runs have found out, so that the next one need not look at the same runs
/// again: for lengths of each class, below which page no run of that length starts.
///
/// Up to 16 pages each length is a class of its own, above that each quarter of a power of two: so a
/// search remembers what those for other lengths looked at, and no class has lengths that differ
/// by more than a quarter.
struct RunSearch {
    /// No free run of `length` pages or more starts below `limit`.
    private struct Class {
        var length: Int
        var limit: Int
    }

    /// Each class is that of its index, up to the highest that anything is known of.
    private var classes: [Class] = []
    /// The lowest page that has become part of a longer run since the classes were last brought up to date.
    private var lowestFreed = Int.max
    /// How many runs all searches have looked at.
    private(set) var visitCount: UInt64 = 0

    /// The class of a length of at least 1.
    private static func index(of length: Int) -> Int {
        guard length > 16 else { return length - 1 }
        let power = Int.bitWidth - 1 - length.leadingZeroBitCount
        return 16 + (power - 4) * 4 + (length >> (power - 2)) & 3
    }

    /// The lowest run of `count` pages in `free`.
    mutating func firstRun(of count: Int, in free: PageBitmap) -> Range<Int>? {
        settle()
        let own = Self.index(of: count)
        var position = 0
        for known in classes.prefix(own + 1) where known.length <= count {
            position = max(position, known.limit)
        }
        while let run = free.nextRun(from: position) {
            visitCount += 1
            if run.count >= count {
                note(count, limit: run.lowerBound)
                return run
            }
            position = run.upperBound
        }
        note(count, limit: Int.max)
        return nil
    }

    /// Notes that no run of `length` pages starts below `limit`.
    private mutating func note(_ length: Int, limit: Int) {
        let own = Self.index(of: length)
        while classes.count <= own { classes.append(Class(length: Int.max, limit: 0)) }
        if length <= classes[own].length || limit > classes[own].limit {
            classes[own] = Class(length: length, limit: limit)
        }
    }

    /// Whether anything is known that changes when `page` becomes part of a longer free run.
    func isAffected(by page: Int) -> Bool { page < lowestFreed && !classes.isEmpty }

    /// Notes that pages from this one on have become free and made a free run longer.
    mutating func noteFreed(_ page: Int) { lowestFreed = min(lowestFreed, page) }

    /// A run that now holds the page and is long enough has `length` pages from here on.
    private mutating func settle() {
        guard lowestFreed != Int.max else { return }
        for index in classes.indices
        where classes[index].limit > lowestFreed - classes[index].length {
            classes[index].limit = max(0, lowestFreed - classes[index].length + 1)
        }
        lowestFreed = Int.max
    }
}
