import BTree
import StorageIO

// What the counts in the tree make cheap: any entry by its place.
extension TableReading where Self: ~Copyable {
    /// Returns entries that were chosen at random, each subset of that size as likely as any other.
    ///
    /// ```swift
    /// var generator = SystemRandomNumberGenerator()
    /// let some = try users.randomSample(count: 100, using: &generator)
    /// ```
    ///
    /// - Parameters:
    ///   - count: how many entries are wanted.
    ///   - range: the keys to choose from: a Swift range, `.prefix(…)`, `.all`.
    ///   - generator: where chance comes from. The same numbers choose the same places.
    /// - Returns: different entries in the order of keys, all from one version: `count` of them, or all, if there are
    ///   fewer.
    /// - Throws: `invalidArgument` for a negative count; `damaged` with the page, `inputOutput`, `closed`,
    ///   `undecodable`.
    /// - Complexity: O(count × log n).
    public func randomSample(
        count: Int, in range: KeyInterval<Key> = .all,
        using generator: inout some RandomNumberGenerator
    ) throws(StorageError) -> [(key: Key, value: Value)] {
        guard count >= 0 else {
            throw StorageError(.invalidArgument, "A sample has no negative number of entries.")
        }
        let range = range.keyRange
        return try source.read { tree throws(StorageError) in
            let places = try tree.places(of: range)
            var cursor = tree.makeCursor()
            var sample: [(key: Key, value: Value)] = []
            for place in places.randomSample(count: count, using: &generator) {
                guard try cursor.seek(index: place) else { continue }
                let entry = try cursor.withEntry { key, value throws(StorageError) in
                    try key.withBytes { key throws(StorageError) in
                        try value.withBytes { value throws(StorageError) in
                            (try Key(keyBytes: key), try Value(storedBytes: value))
                        }
                    }
                }
                if let entry { sample.append((key: entry.0, value: entry.1)) }
            }
            return sample
        }
    }

    /// Returns entries in a range of Swift's that were chosen at random; see ``randomSample(count:in:using:)``.
    public func randomSample(
        count: Int, in range: some KeyRangeExpression<Key>,
        using generator: inout some RandomNumberGenerator
    ) throws(StorageError) -> [(key: Key, value: Value)] {
        try randomSample(count: count, in: range.interval, using: &generator)
    }

    /// Splits a range into ranges with about as many entries each, for scans side by side.
    ///
    /// ```swift
    /// let users = try database.snapshot()[.users]
    /// for part in try users.split(into: 4) { group.addTask { try users.forEach(in: part) { … } } }
    /// ```
    ///
    /// - Parameters:
    ///   - pieces: how many ranges are wanted, at least 1.
    ///   - range: the keys to split: a Swift range, `.prefix(…)`, `.all`.
    /// - Returns: ranges that follow each other and together are `range`. Their counts differ by 1 at most. There are
    ///   fewer than `pieces` if there are fewer entries, but one at least.
    /// - Throws: `invalidArgument` for less than one piece; `damaged` with the page, `inputOutput`, `closed`,
    ///   `undecodable`.
    /// - Complexity: O(pieces × log n).
    public func split(
        into pieces: Int, in range: KeyInterval<Key> = .all
    ) throws(StorageError) -> [KeyInterval<Key>] {
        guard pieces > 0 else {
            throw StorageError(.invalidArgument, "A range is split into one piece at least.")
        }
        let whole = range.keyRange
        let edges = try source.read { tree throws(StorageError) in
            let places = try tree.places(of: whole)
            var cursor = tree.makeCursor()
            var edges: [Key] = []
            for piece in places.pieces(pieces).dropFirst() {
                guard try cursor.seek(index: piece) else { continue }
                let edge = try cursor.key.withBytes { key throws(StorageError) in
                    try Key(keyBytes: key)
                }
                edges.append(edge)
            }
            return edges
        }
        var ranges: [KeyInterval<Key>] = []
        var rest = (whole: whole, part: range.keyRange(of: .part))
        for edge in edges {
            let (whole, part) = (edge.keyBytes(of: .whole), edge.keyBytes(of: .part))
            ranges.append(
                KeyInterval(
                    whole: KeyRange(from: rest.whole.lowerBound, upTo: whole),
                    part: KeyRange(from: rest.part.lowerBound, upTo: part)))
            rest.whole.lowerBound = whole
            rest.part.lowerBound = part
        }
        return ranges + [KeyInterval(whole: rest.whole, part: rest.part)]
    }

    /// Splits a range of Swift's into ranges with about as many entries each; see ``split(into:in:)``.
    public func split(
        into pieces: Int, in range: some KeyRangeExpression<Key>
    ) throws(StorageError) -> [KeyInterval<Key>] {
        try split(into: pieces, in: range.interval)
    }
}

extension BPlusTree {
    /// The places of the entries in `range`. O(log n) pages.
    func places(of range: KeyRange) throws(StorageError) -> Range<UInt64> {
        guard !range.isEmpty else { return 0..<0 }
        return try range.withBounds { from, to throws(StorageError) in
            let start: UInt64
            if let from { start = try rank(from) } else { start = 0 }
            let end: UInt64
            if let to { end = try rank(to) } else { end = count }
            return start..<max(start, end)
        }
    }
}

extension Range<UInt64> {
    /// Returns different numbers of the range in ascending order, by Floyd's algorithm (Bentley and Floyd, "A sample of
    /// brilliance", CACM 30(9), 1987): one random number for each.
    func randomSample(
        count: Int, using generator: inout some RandomNumberGenerator
    ) -> [UInt64] {
        let size = upperBound - lowerBound
        let count = UInt64(count)
        guard count < size else { return Array(self) }
        var chosen: Set<UInt64> = []
        for last in size - count..<size {
            let candidate = UInt64.random(in: 0...last, using: &generator)
            if !chosen.insert(candidate).inserted { chosen.insert(last) }
        }
        return chosen.map { lowerBound + $0 }.sorted()
    }

    /// The first numbers of `count` pieces whose sizes differ by 1 at most; of fewer, where the range has fewer numbers.
    func pieces(_ count: Int) -> [UInt64] {
        let size = upperBound - lowerBound
        let count = Swift.min(UInt64(count), size)
        guard count > 0 else { return [] }
        let (length, longer) = size.quotientAndRemainder(dividingBy: count)
        return (0..<count).map { lowerBound + $0 * length + Swift.min($0, longer) }
    }
}
