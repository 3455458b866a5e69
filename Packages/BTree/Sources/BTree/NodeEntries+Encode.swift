import PageStore
import StorageIO

// Sizes, the choice of a split point, and writing a part of the list to a page.
extension NodeEntries {
    /// The first entry of a node written from `range` whose key is stored (N4).
    private func firstKey(_ range: Range<Int>) -> Int {
        isLeaf ? range.lowerBound : range.lowerBound + 1
    }

    /// The prefix that a node of these entries factors out: the longest, but none for a single
    /// key, which would gain nothing.
    private func prefix(_ range: Range<Int>) -> ByteView {
        let first = firstKey(range)
        guard first < range.upperBound - 1 else { return key(range.lowerBound).prefix(0) }
        let key = self.key(first)
        return key.prefix(key.commonPrefixLength(with: self.key(range.upperBound - 1)))
    }

    /// The length of that prefix.
    func commonPrefixLength(_ range: Range<Int>) -> Int { prefix(range).count }

    /// Bytes that an entry takes in a node whose prefix has `prefixLength` bytes.
    @inline(__always)
    func size(_ index: Int, prefixLength: Int, isFirst: Bool) -> Int {
        let entry = list[index]
        let slot =
            NodeLayout.headSize + (isLeaf ? NodeLayout.leafTailSize : NodeLayout.innerTailSize)
        let rest =
            isFirst && !isLeaf
            ? 0 : max(0, Int(entry.keyLength) - prefixLength - NodeLayout.headSize)
        return slot + Int(entry.cellBytes) + rest
    }

    private func size(_ range: Range<Int>, prefixLength: Int) -> Int {
        var total = prefixLength
        for index in range {
            total += size(
                index, prefixLength: prefixLength, isFirst: index == range.lowerBound)
        }
        return total
    }

    /// Bytes that a part of the list takes in a node of its own, of ``NodeLayout/capacity``.
    func encodedSize(_ range: Range<Int>) -> Int {
        size(range, prefixLength: prefix(range).count)
    }

    var encodedSize: Int { encodedSize(0..<count) }

    /// Whether everything fits in one node.
    var fitsOneNode: Bool { encodedSize <= NodeLayout.capacity }

    // MARK: Splitting

    /// Where the next key of a sorted load would go; it decides how a full node is split.
    enum Edge {
        /// Keys arrive in ascending order: leave the left node full.
        case ascending
        /// Keys arrive in descending order: leave the right node full.
        case descending
        /// No order: halve.
        case none
    }

    /// The entry that a split lets the right node begin with, or nil when there is none that makes
    /// both sides fit, which a sound tree never has: no entry takes more than half a page.
    func splitPoint(_ edge: Edge) -> Int? {
        let all = 0..<count
        let margin = self.margin(all)
        switch edge {
        case .ascending where count >= 2 * margin && fits(count - margin):
            return count - margin
        case .descending where count >= 2 * margin && fits(margin):
            return margin
        default: return splitPoint(all)
        }
    }

    /// The entry that the second node begins with when a part of the list is spread evenly over
    /// two nodes or more; nil when there is none that makes the first node fit, and, of two, both.
    ///
    /// Among the points near the even one the one with the shortest separator wins, which keeps
    /// inner nodes wide ("Prefix B-trees", Bayer and Unterauer, 1977).
    func splitPoint(_ range: Range<Int>, into nodeCount: Int = 2) -> Int? {
        let margin = self.margin(range)
        guard range.count >= nodeCount * margin else { return nil }
        let points =
            range.lowerBound + margin...range.upperBound - (nodeCount - 1) * margin
        let prefixLength = prefix(range).count
        var total = 0
        var largest = 0
        for index in range {
            let size = size(
                index, prefixLength: prefixLength, isFirst: index == range.lowerBound)
            total += size
            largest = max(largest, size)
        }
        let share = total / nodeCount
        // Wide enough to hold more than one point also where entries are big.
        let window = max(share / 10, largest * 3 / 4)
        if let point = bestPoint(
            range, points, prefixLength, total, nodeCount, share: share, window: window)
        {
            return point
        }
        // No point near the even one will do: then the most even one that does.
        return bestPoint(range, points, prefixLength, total, nodeCount, share: share, window: nil)
    }

    /// Of the points within `window` bytes of the even one, the one with the shortest separator; of all
    /// points without a window, the most even one. Only points that make both sides fit count.
    private func bestPoint(
        _ range: Range<Int>, _ points: ClosedRange<Int>, _ prefixLength: Int, _ total: Int,
        _ nodeCount: Int, share: Int, window: Int?
    ) -> Int? {
        var best: Int?
        var bestCost = Int.max
        var left = 0
        for point in range {
            let distance = abs(left - share)
            if distance <= window ?? .max, points.contains(point) {
                let length = window == nil ? 0 : separatorLength(point)
                let cost = length * PageLayout.pageSize + distance
                if cost < bestCost, fits(range.lowerBound..<point, left),
                    nodeCount > 2 || fits(point..<range.upperBound, total - left)
                {
                    best = point
                    bestCost = cost
                }
            } else if left > share, best != nil {
                break
            }
            left += size(point, prefixLength: prefixLength, isFirst: point == range.lowerBound)
        }
        return best
    }

    /// How many entries each side of a split has at least: no inner node has a single child.
    private func margin(_ range: Range<Int>) -> Int { isLeaf || range.count < 4 ? 1 : 2 }

    private func separatorLength(_ point: Int) -> Int {
        isLeaf
            ? key(point - 1).commonPrefixLength(with: key(point)) + 1
            : Int(list[point].keyLength)
    }

    private func fits(_ point: Int) -> Bool {
        encodedSize(0..<point) <= NodeLayout.capacity
            && encodedSize(point..<count) <= NodeLayout.capacity
    }

    /// Whether a part of the list fits in a node of its own, when its entries take `size` bytes
    /// behind a prefix that is no longer than theirs.
    private func fits(_ range: Range<Int>, _ size: Int) -> Bool {
        // Their own prefix makes them no larger, and is itself no longer than the last key.
        size + Int(list[range.upperBound - 1].keyLength) <= NodeLayout.capacity
            || encodedSize(range) <= NodeLayout.capacity
    }

    // MARK: Writing

    /// Writes a part of the list over a page whose header has number and birth already.
    ///
    /// - Throws: `damaged` when the entries don't fit or aren't in order, as only those of a hostile
    ///   page can be.
    func write(_ range: Range<Int>, to page: PageBytes) throws(StorageError) {
        guard !range.isEmpty, encodedSize(range) <= NodeLayout.capacity else {
            throw unordered(page)
        }
        let prefix = self.prefix(range)
        let slots = NodeSlots(isLeaf: isLeaf, count: range.count)
        var cell = PageLayout.pageSize - prefix.count
        page.copy(prefix, to: cell)
        for index in range {
            let slot = index - range.lowerBound
            let hasKey = isLeaf || slot > 0
            let key = hasKey ? self.key(index) : self.key(index).prefix(0)
            guard !hasKey || prefix.count == 0 || key.prefix(prefix.count).compare(to: prefix) == 0
            else {
                throw unordered(page)
            }
            let suffix = hasKey ? key.dropFirst(prefix.count) : key
            let rest = suffix.dropFirst(NodeLayout.headSize)
            if isLeaf, let bytes = keyAndValue(index, keyBytes: rest.count) {
                cell -= NodeLayout.inlineFieldSize + bytes.count
                page.store(
                    UInt16(truncatingIfNeeded: bytes.count - rest.count), at: cell)
                page.copy(bytes, to: cell + NodeLayout.inlineFieldSize)
            } else if isLeaf {
                let value = self.value(index)
                cell -= value.cellBytes + rest.count
                page.writeCell(at: cell, rest: rest, value: value)
            } else {
                cell -= NodeLayout.countFieldSize + rest.count
                page.store(list[index].number, at: cell)
                page.copy(rest, to: cell + NodeLayout.countFieldSize)
                page.store(list[index].link, at: slots.tail(slot))
            }
            slots.store(suffix, cell: cell, at: slot, in: page)
        }
        slots.finish(page, level: level, prefixLength: prefix.count, cellStart: cell)
    }

    private func unordered(_ page: PageBytes) -> StorageError {
        StorageError(
            .damaged, "The entries of a tree node are not in order; verify the database.",
            page: page.number)
    }
}
