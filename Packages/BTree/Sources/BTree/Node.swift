import PageStore
import StorageIO

/// A page read as a tree node.
///
/// It names the fields of the format (`Docs/NodeFormat.md`) and adds nothing: two words, passed by
/// value. Invariants of a sound node, which ``NodeCheck`` holds every page to that comes from disk
/// and every edit keeps:
///
/// - N1 There is at least one slot; slots end at or before the heap begins.
/// - N2 Prefix and cells lie in the heap, and their sizes and the garbage add up to the heap's size,
///   so a node written anew with the same prefix always fits.
/// - N3 Heads never descend, and the bytes of a head beyond a short key are zero.
/// - N4 Slot 0 of an inner node stands for minus infinity: no key, head 0, no part in the prefix.
struct Node {
    let page: PageBytes

    init(_ page: PageBytes) { self.page = page }

    @inline(__always)
    var isLeaf: Bool { page.rawKind == PageKind.leaf.rawValue }
    var level: Int { Int(page.level) }

    /// How many slots; never more than a page can hold, whatever it says.
    @inline(__always)
    var count: Int { min(Int(page.u16(NodeLayout.slotCount)), NodeLayout.maximumSlots) }
    @inline(__always)
    var cellStart: Int { Int(page.u16(NodeLayout.cellStart)) }
    var garbageBytes: Int { Int(page.u16(NodeLayout.garbageBytes)) }
    @inline(__always)
    var prefixLength: Int { Int(page.u16(NodeLayout.prefixLength)) }
    @inline(__always)
    var prefixOffset: Int { Int(page.u16(NodeLayout.prefixOffset)) }

    /// The bytes that all keys begin with.
    @inline(__always)
    var prefix: ByteView { page.bytes(prefixOffset, count: prefixLength) }

    @inline(__always)
    var tailSize: Int { isLeaf ? NodeLayout.leafTailSize : NodeLayout.innerTailSize }

    /// Where the slots end and the free space begins.
    var slotsEnd: Int { NodeLayout.heads + count * (NodeLayout.headSize + tailSize) }

    /// Bytes between slots and heap.
    var freeBytes: Int { max(0, cellStart - slotsEnd) }

    /// Bytes in use: slots, prefix and live cells.
    var usedBytes: Int { max(0, NodeLayout.capacity - freeBytes - garbageBytes) }

    // MARK: Slots

    @inline(__always)
    func headOffset(_ index: Int) -> Int { NodeLayout.heads + index * NodeLayout.headSize }

    @inline(__always)
    func tailOffset(_ index: Int) -> Int {
        NodeLayout.heads + count * NodeLayout.headSize + index * tailSize
    }

    /// The first four bytes of the key after the prefix, as a number that compares like them.
    @inline(__always)
    func head(_ index: Int) -> UInt32 { page.u32(headOffset(index)) }

    /// The last four bytes of either kind's tail: where the cell is and how long the key is.
    @inline(__always)
    private func locator(_ index: Int) -> UInt32 {
        page.u32(tailOffset(index) + tailSize - 4)
    }

    @inline(__always)
    func cellOffset(_ index: Int) -> Int { Int(locator(index) & 0xFFFF) }

    /// The length of the key after the prefix.
    @inline(__always)
    func suffixLength(_ index: Int) -> Int { Int(locator(index) >> 16) }

    /// Bytes of the key that lie in the cell, beyond prefix and head.
    @inline(__always)
    func restLength(_ index: Int) -> Int { max(0, suffixLength(index) - NodeLayout.headSize) }

    /// The bytes of the key that lie in the cell.
    func rest(_ index: Int) -> ByteView {
        let cell = cellOffset(index)
        let field =
            !isLeaf
            ? NodeLayout.countFieldSize
            : page.u16(cell) == NodeLayout.overflowMark
                ? NodeLayout.overflowFieldSize : NodeLayout.inlineFieldSize
        return page.bytes(cell + field, count: restLength(index))
    }

    func keyLength(_ index: Int) -> Int { prefixLength + suffixLength(index) }

    /// Bytes that the slot's cell takes in the heap.
    func cellSize(_ index: Int) -> Int {
        guard isLeaf else { return NodeLayout.countFieldSize + restLength(index) }
        let length = page.u16(cellOffset(index))
        return length == NodeLayout.overflowMark
            ? NodeLayout.overflowFieldSize + restLength(index)
            : NodeLayout.inlineFieldSize + restLength(index) + Int(length)
    }

    // MARK: Leaves

    /// The value of an entry, or where it is.
    func value(_ index: Int) -> LeafValue {
        let cell = cellOffset(index)
        let length = page.u16(cell)
        if length == NodeLayout.overflowMark {
            return .overflow(page: page.u32(cell + 2), byteCount: Int(page.u32(cell + 6)))
        }
        return .inline(page.bytes(valueOffset(index), count: Int(length)))
    }

    /// Where the bytes of an inline value lie.
    @inline(__always)
    func valueOffset(_ index: Int) -> Int {
        cellOffset(index) + NodeLayout.inlineFieldSize + restLength(index)
    }

    // MARK: Inner nodes

    /// The page of a child.
    @inline(__always)
    func child(_ index: Int) -> PageNumber { page.u32(tailOffset(index)) }

    /// How many entries lie below a child (R10).
    func entryCount(_ index: Int) -> UInt64 { page.u64(cellOffset(index)) }

    /// How many entries lie at or below this node.
    var totalEntryCount: UInt64 {
        guard !isLeaf else { return UInt64(count) }
        var total: UInt64 = 0
        for index in 0..<count { total &+= entryCount(index) }
        return total
    }
}

/// What a leaf stores for a value: its bytes, or the overflow run that holds them.
public enum LeafValue {
    /// The value.
    case inline(ByteView)
    /// The value has `byteCount` bytes and lies in the overflow run that begins at `page`.
    case overflow(page: PageNumber, byteCount: Int)

    /// Bytes in the cell beside those of the key.
    var cellBytes: Int {
        switch self {
        case .inline(let bytes): NodeLayout.inlineFieldSize + bytes.count
        case .overflow: NodeLayout.overflowFieldSize
        }
    }
}
