import StorageIO

/// A set of keys as ranges, with keys between them, in order.
///
/// There are at most ``limit`` of them. When there are more, half of the gaps are closed, the narrowest first: those between
/// keys that begin with the most bytes in common. So the set is bounded, and has every key that was put
/// into it, and maybe others.
struct KeyRangeSet: Sendable, Equatable {
    private(set) var ranges: [KeyRange] = []

    /// The most ranges.
    static var limit: Int { 256 }

    /// An empty set.
    init() {}

    /// The keys in a range.
    init(_ range: KeyRange) { insert(range) }

    var isEmpty: Bool { ranges.isEmpty }

    /// Whether it has every key.
    var isAll: Bool { ranges.first == .all }

    /// Adds a key. O(ranges) at most, and nothing is copied if it is there already.
    mutating func insert(_ key: ByteView) {
        let index = firstRange { upper in withByteView(of: upper) { $0.compare(to: key) <= 0 } }
        if index < ranges.count {
            let lower = ranges[index].lowerBound
            guard
                lower.map({ lower in withByteView(of: lower) { key.compare(to: $0) < 0 } }) ?? false
            else { return }
        }
        let bytes = key.array
        insert(KeyRange(from: bytes, upTo: bytes + [0]))
    }

    /// Adds the keys in a range. O(ranges) at most.
    mutating func insert(_ range: KeyRange) {
        guard !range.isEmpty else { return }
        // Those that it meets, also at an edge, become one with it.
        let first = firstRange { upper in
            range.lowerBound.map { upper.lexicographicallyPrecedes($0) } ?? false
        }
        var end = first
        var joined = range
        while end < ranges.count, !Self.ends(joined.upperBound, before: ranges[end].lowerBound) {
            joined = Self.hull(joined, ranges[end])
            end += 1
        }
        ranges.replaceSubrange(first..<end, with: CollectionOfOne(joined))
        if ranges.count > Self.limit { widen() }
    }

    /// Adds the keys of another set.
    mutating func formUnion(_ other: KeyRangeSet) {
        for range in other.ranges { insert(range) }
    }

    /// Whether a key is in both. O(m log n) for the fewer ranges m.
    func intersects(_ other: KeyRangeSet) -> Bool {
        guard ranges.count >= other.ranges.count else { return other.intersects(self) }
        return other.ranges.contains { range in
            let index = firstRange { upper in
                range.lowerBound.map { !$0.lexicographicallyPrecedes(upper) } ?? false
            }
            guard index < ranges.count else { return false }
            guard let lower = ranges[index].lowerBound, let upper = range.upperBound else {
                return true
            }
            return lower.lexicographicallyPrecedes(upper)
        }
    }

    /// The index of the first range whose upper bound `isBefore` does not hold for.
    private func firstRange(_ isBefore: ([UInt8]) -> Bool) -> Int {
        var (low, high) = (0, ranges.count)
        while low < high {
            let middle = (low + high) / 2
            if let upper = ranges[middle].upperBound, isBefore(upper) {
                low = middle + 1
            } else {
                high = middle
            }
        }
        return low
    }

    /// Whether keys lie between the end of a range and the beginning of another one.
    private static func ends(_ upper: [UInt8]?, before lower: [UInt8]?) -> Bool {
        guard let upper, let lower else { return false }
        return upper.lexicographicallyPrecedes(lower)
    }

    /// The keys from the first of two ranges that meet to the last.
    private static func hull(_ left: KeyRange, _ right: KeyRange) -> KeyRange {
        var hull = left
        if let lower = left.lowerBound {
            let isFirst = right.lowerBound?.lexicographicallyPrecedes(lower) ?? true
            if isFirst { hull.lowerBound = right.lowerBound }
        }
        if let upper = left.upperBound {
            let isLast = right.upperBound.map(upper.lexicographicallyPrecedes) ?? true
            if isLast { hull.upperBound = right.upperBound }
        }
        return hull
    }

    /// Closes half of the gaps.
    private mutating func widen() {
        let gaps = (1..<ranges.count).map { index in
            (index: index, width: Self.commonLength(ranges[index - 1], ranges[index]))
        }.sorted { $0.width > $1.width }
        var isClosed = [Bool](repeating: false, count: ranges.count)
        for gap in gaps.prefix(gaps.count / 2) { isClosed[gap.index] = true }
        var kept: [KeyRange] = []
        for (index, range) in ranges.enumerated() {
            if isClosed[index] {
                kept[kept.count - 1].upperBound = range.upperBound
            } else {
                kept.append(range)
            }
        }
        ranges = kept
    }

    /// How many bytes the end of a range and the beginning of the next one have in common.
    private static func commonLength(_ left: KeyRange, _ right: KeyRange) -> Int {
        guard let upper = left.upperBound, let lower = right.lowerBound else { return 0 }
        return zip(upper, lower).prefix { $0 == $1 }.count
    }
}
