import PageStore
import StorageIO

/// Checks a node's structure when it enters the cache (R7), so that nothing that reads or edits it
/// afterwards can leave the page. Order and counts across pages are `checkInvariants`'s.
public enum NodeCheck {
    /// The check to open a page store with. Pages of other kinds pass. O(slots).
    public static let check: PageCheck = { page in problem(in: page) }

    /// What is wrong with a node, or nil when N1 to N4 hold.
    static func problem(in page: PageBytes) -> StaticString? {
        let node = Node(page)
        switch page.rawKind {
        case PageKind.leaf.rawValue:
            if page.level != 0 { return "a leaf is not at level 0" }
        case PageKind.inner.rawValue:
            if page.level == 0 || node.level >= TreeLimits.maximumHeight {
                return "an inner node is at an impossible level"
            }
        default:
            return nil
        }
        let count = Int(page.u16(NodeLayout.slotCount))
        guard count > 0 else { return "a node has no slots" }
        let slotsEnd =
            NodeLayout.heads + count * (NodeLayout.headSize + node.tailSize)
        guard slotsEnd <= node.cellStart, node.cellStart <= PageLayout.pageSize else {
            return "slots and cells of a node overlap"
        }
        guard page.u32(NodeLayout.reserved) == 0 else { return "a node has unknown flags" }
        var heapBytes = node.garbageBytes
        if node.prefixLength > 0 {
            guard node.prefixLength <= TreeLimits.maximumKeyLength,
                node.prefixOffset >= node.cellStart,
                node.prefixOffset + node.prefixLength <= PageLayout.pageSize
            else { return "the prefix of a node is out of bounds" }
            heapBytes += node.prefixLength
        }
        for index in 0..<count {
            if let problem = slotProblem(node, index, &heapBytes) { return problem }
        }
        guard heapBytes == PageLayout.pageSize - node.cellStart else {
            return "the cells of a node don't add up"
        }
        return nil
    }

    private static func slotProblem(
        _ node: Node, _ index: Int, _ heapBytes: inout Int
    ) -> StaticString? {
        let cell = node.cellOffset(index)
        let smallest = node.isLeaf ? NodeLayout.inlineFieldSize : NodeLayout.countFieldSize
        guard cell >= node.cellStart, cell + smallest <= PageLayout.pageSize else {
            return "a cell of a node is out of bounds"
        }
        let size = node.cellSize(index)
        guard cell + size <= PageLayout.pageSize else { return "a cell of a node is cut off" }
        heapBytes += size
        let suffixLength = node.suffixLength(index)
        guard node.prefixLength + suffixLength <= TreeLimits.maximumKeyLength else {
            return "a key of a node is too long"
        }
        if suffixLength < NodeLayout.headSize,
            node.head(index) & (UInt32.max >> UInt32(8 * suffixLength)) != 0
        {
            return "the head of a short key is not padded with zeros"
        }
        if index > 0, node.head(index) < node.head(index - 1) {
            return "the heads of a node descend"
        }
        return node.isLeaf ? leafProblem(node, index) : innerProblem(node, index)
    }

    private static func leafProblem(_ node: Node, _ index: Int) -> StaticString? {
        guard case .overflow(let page, let byteCount) = node.value(index) else { return nil }
        guard page > 1, byteCount > 0, byteCount <= TreeLimits.maximumValueLength else {
            return "an overflow run is out of bounds"
        }
        return nil
    }

    private static func innerProblem(_ node: Node, _ index: Int) -> StaticString? {
        if index == 0, node.suffixLength(0) != 0 {
            return "the first slot of an inner node has a key"
        }
        return node.child(index) > 1 ? nil : "a child has an impossible page number"
    }
}
