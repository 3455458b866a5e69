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
    func size(_ index: Int, prefixLength: Int, isFirst: Bool) -> Int {
        let entry = list[index]
        let rest =
            isFirst && !isLeaf
            ? 0 : max(0, entry.keyLength - prefixLength - NodeLayout.headSize)
        guard isLeaf else { return NodeLayout.innerOverhead + rest }
        let slot = NodeLayout.headSize + NodeLayout.leafTailSize + rest
        return entry.isOverflow
            ? slot + NodeLayout.overflowFieldSize
            : slot + NodeLayout.inlineFieldSize + entry.valueLength
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
    ///
    /// Among the points near the middle the one with the shortest separator wins, which keeps inner
    /// nodes wide ("Prefix B-trees", Bayer and Unterauer, 1977).
    func splitPoint(_ edge: Edge) -> Int? {
        let margin = isLeaf || count < 4 ? 1 : 2
        guard count >= 2 * margin else { return nil }
        let points = margin...(count - margin)
        switch edge {
        case .ascending where fits(points.upperBound): return points.upperBound
        case .descending where fits(points.lowerBound): return points.lowerBound
        default: break
        }
        let prefixLength = prefix(0..<count).count
        let half = (size(0..<count, prefixLength: prefixLength) - prefixLength) / 2
        // Wide enough to hold more than one point also where entries are big.
        let largest = (0..<count).reduce(0) {
            max($0, size($1, prefixLength: prefixLength, isFirst: $1 == 0))
        }
        let window = max(half / 10, largest * 3 / 4)
        var best: Int?
        var bestCost = Int.max
        var left = 0
        for point in 0..<count {
            if points.contains(point) {
                // Near the middle the separator's length decides, elsewhere the balance.
                let imbalance = abs(left - half)
                let length =
                    imbalance <= window
                    ? separatorLength(point) : TreeLimits.maximumKeyLength + 1
                let cost = length * PageLayout.pageSize + imbalance
                if cost < bestCost, fits(point) {
                    best = point
                    bestCost = cost
                }
            }
            left += size(point, prefixLength: prefixLength, isFirst: point == 0)
        }
        return best
    }

    private func separatorLength(_ point: Int) -> Int {
        isLeaf
            ? key(point - 1).commonPrefixLength(with: key(point)) + 1 : list[point].keyLength
    }

    private func fits(_ point: Int) -> Bool {
        encodedSize(0..<point) <= NodeLayout.capacity
            && encodedSize(point..<count) <= NodeLayout.capacity
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
        let tailSize = isLeaf ? NodeLayout.leafTailSize : NodeLayout.innerTailSize
        let tails = NodeLayout.heads + range.count * NodeLayout.headSize
        let slotsEnd = tails + range.count * tailSize
        var cell = PageLayout.pageSize
        var prefixOffset = 0
        if prefix.count > 0 {
            cell -= prefix.count
            prefixOffset = cell
            page.copy(prefix, to: cell)
        }
        for index in range {
            let slot = index - range.lowerBound
            let hasKey = isLeaf || slot > 0
            let key = hasKey ? self.key(index) : self.key(index).prefix(0)
            guard !hasKey || key.prefix(prefix.count).compare(to: prefix) == 0 else {
                throw unordered(page)
            }
            let suffix = hasKey ? key.dropFirst(prefix.count) : key
            let rest = suffix.dropFirst(NodeLayout.headSize)
            let tail = tails + slot * tailSize
            if isLeaf {
                let value = self.value(index)
                cell -= value.cellBytes + rest.count
                page.writeCell(at: cell, rest: rest, value: value)
            } else {
                cell -= NodeLayout.countFieldSize + rest.count
                page.store(list[index].number, at: cell)
                page.copy(rest, to: cell + NodeLayout.countFieldSize)
                page.store(list[index].link, at: tail)
            }
            page.store(suffix.head, at: NodeLayout.heads + slot * NodeLayout.headSize)
            page.store(UInt16(truncatingIfNeeded: cell), at: tail + tailSize - 4)
            page.store(UInt16(truncatingIfNeeded: suffix.count), at: tail + tailSize - 2)
        }
        page.zero(slotsEnd, count: cell - slotsEnd)
        page.store((isLeaf ? PageKind.leaf : PageKind.inner).rawValue, at: PageLayout.kind)
        page.store(UInt8(truncatingIfNeeded: level), at: PageLayout.level)
        page.store(UInt16(truncatingIfNeeded: range.count), at: NodeLayout.slotCount)
        page.store(UInt16(truncatingIfNeeded: cell), at: NodeLayout.cellStart)
        page.store(0 as UInt16, at: NodeLayout.garbageBytes)
        page.store(UInt16(truncatingIfNeeded: prefix.count), at: NodeLayout.prefixLength)
        page.store(UInt16(truncatingIfNeeded: prefixOffset), at: NodeLayout.prefixOffset)
        page.store(0 as UInt32, at: NodeLayout.reserved)
    }

    private func unordered(_ page: PageBytes) -> StorageError {
        StorageError(
            .damaged, "The entries of a tree node are not in order; verify the database.",
            page: page.number)
    }
}
