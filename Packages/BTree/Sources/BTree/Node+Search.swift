import PageStore
import StorageIO

/// Where a key is in a node, or where it would be.
struct NodePosition {
    /// The first slot whose key is not below the one looked for.
    var index: Int
    /// Whether that slot holds the very key.
    var isMatch: Bool
}

extension ByteView {
    /// The first four bytes as a number that compares like them; missing ones count as zero.
    var head: UInt32 {
        if count >= 4 {
            return unsafe UInt32(bigEndian: start.loadUnaligned(as: UInt32.self))
        }
        var head: UInt32 = 0
        for index in 0..<count { head |= UInt32(self[index]) << UInt32(24 - 8 * index) }
        return head
    }
}

extension Node {
    /// The first slot from `start` on whose head is not below `head`.
    ///
    /// The one loop that every descent runs on every level. It touches the heads alone, which lie
    /// side by side.
    func lowerHead(_ head: UInt32, from start: Int) -> Int {
        let heads = page.bytes(headOffset(start), count: (count - start) * NodeLayout.headSize)
        // The search jumps, so the lines come all at once instead of one after the other.
        if heads.count > 224 { heads.prefetch() }
        return start + heads.lowerBound(head)
    }

    /// Starts to bring the cell of slot `index` near, with the bytes of a value of usual length: all at
    /// once, where to read one after the other would wait for each line.
    @inline(__always)
    func prefetchCell(_ index: Int) {
        page.bytes(cellOffset(index), count: 192).prefetch()
    }

    /// Finds `key` among the slots from `start` on, O(log n).
    ///
    /// Keys whose heads are equal are told apart by the bytes beyond the head, then by length. That
    /// is also right where zero padding makes the heads of a short key and of one with zero bytes
    /// equal: the shorter is then a prefix of the longer, and has no bytes beyond the head.
    func lowerBound(_ key: ByteView, from start: Int = 0) -> NodePosition {
        let prefixLength = self.prefixLength
        if prefixLength > 0 {
            let order = key.prefix(prefixLength).compare(to: prefix)
            if order != 0 {
                return NodePosition(index: order < 0 ? start : count, isMatch: false)
            }
        }
        let suffix = key.dropFirst(prefixLength)
        let head = suffix.head
        var low = lowerHead(head, from: start)
        guard low < count, self.head(low) == head else {
            return NodePosition(index: low, isMatch: false)
        }
        prefetchCell(low)
        var high = low + 1
        if high < count, self.head(high) == head {
            high = head == .max ? count : lowerHead(head + 1, from: high)
        }
        let rest = suffix.dropFirst(NodeLayout.headSize)
        while low < high {
            let middle = (low + high) >> 1
            var order = self.rest(middle).compareCommon(to: rest)
            if order == 0 { order = suffixLength(middle) - suffix.count }
            if order == 0 { return NodePosition(index: middle, isMatch: true) }
            if order < 0 { low = middle + 1 } else { high = middle }
        }
        return NodePosition(index: low, isMatch: false)
    }

    /// The child of an inner node that `key` belongs to: the last whose separator is not above it.
    func childIndex(_ key: ByteView) -> Int {
        let position = lowerBound(key, from: 1)
        return position.isMatch ? position.index : max(0, position.index - 1)
    }

    /// Whether `key` begins with this node's prefix.
    func sharesPrefix(_ key: ByteView) -> Bool {
        prefixLength == 0 || key.prefix(prefixLength).compare(to: prefix) == 0
    }

    /// Byte `position` of a key; the position must be below the key's length.
    private func keyByte(_ index: Int, _ position: Int) -> UInt8 {
        if position < prefixLength { return page.u8(prefixOffset + position) }
        let after = position - prefixLength
        if after < NodeLayout.headSize {
            return UInt8(truncatingIfNeeded: head(index) >> UInt32(24 - 8 * after))
        }
        let rest = self.rest(index)
        let place = after - NodeLayout.headSize
        return place < rest.count ? rest[place] : 0
    }

    /// Whether the first key of this node is below the first key of `other`.
    ///
    /// A scan asks this whenever it enters another leaf. On a sound tree it always holds; on a
    /// hostile one, where many parents share one leaf, it is what ends the scan.
    func begins(before other: Node) -> Bool {
        let length = keyLength(0)
        let otherLength = other.keyLength(0)
        for position in 0..<min(length, otherLength) {
            let byte = keyByte(0, position)
            let otherByte = other.keyByte(0, position)
            if byte != otherByte { return byte < otherByte }
        }
        return length < otherLength
    }
}

extension ByteView {
    /// Order by the bytes that both have; 0 when one begins with the other.
    func compareCommon(to other: ByteView) -> Int {
        let shared = min(count, other.count)
        return shared == 0 ? 0 : prefix(shared).compare(to: other.prefix(shared))
    }
}
