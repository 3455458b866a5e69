import PageStore
import StorageIO

/// The slots of a node that is written anew, whose cells come one below the other from the end of
/// the page, after the prefix.
struct NodeSlots {
    let isLeaf: Bool
    let count: Int

    private var tailSize: Int { isLeaf ? NodeLayout.leafTailSize : NodeLayout.innerTailSize }

    /// Where a slot's tail lies.
    func tail(_ slot: Int) -> Int {
        NodeLayout.heads + count * NodeLayout.headSize + slot * tailSize
    }

    /// Fills in a slot, all but the child of an inner node.
    func store(_ suffix: ByteView, cell: Int, at slot: Int, in page: PageBytes) {
        let locator = tail(slot) + tailSize - 4
        page.store(suffix.head, at: NodeLayout.heads + slot * NodeLayout.headSize)
        page.store(UInt16(truncatingIfNeeded: cell), at: locator)
        page.store(UInt16(truncatingIfNeeded: suffix.count), at: locator + 2)
    }

    /// Writes what is not slots, prefix and cells.
    func finish(_ page: PageBytes, level: Int, prefixLength: Int, cellStart: Int) {
        page.zero(tail(count), count: cellStart - tail(count))
        page.store((isLeaf ? PageKind.leaf : PageKind.inner).rawValue, at: PageLayout.kind)
        page.store(UInt8(truncatingIfNeeded: level), at: PageLayout.level)
        page.store(UInt16(truncatingIfNeeded: count), at: NodeLayout.slotCount)
        page.store(UInt16(truncatingIfNeeded: cellStart), at: NodeLayout.cellStart)
        page.store(0 as UInt16, at: NodeLayout.garbageBytes)
        page.store(UInt16(truncatingIfNeeded: prefixLength), at: NodeLayout.prefixLength)
        page.store(
            UInt16(
                truncatingIfNeeded: prefixLength == 0 ? 0 : PageLayout.pageSize - prefixLength),
            at: NodeLayout.prefixOffset)
        page.store(0 as UInt32, at: NodeLayout.reserved)
    }
}
