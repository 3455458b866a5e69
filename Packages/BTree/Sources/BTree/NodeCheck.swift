import PageStore
import StorageIO

/// Checks a node's structure when it enters the cache (R7), so that nothing that reads or edits it
/// afterwards can leave the page. Order and counts across pages are `checkInvariants`'s.
public enum NodeCheck {
    /// The check to open a page store with. Pages of other kinds pass. O(slots).
    public static let check: PageCheck = { page in problem(in: page) }

    /// What is wrong with the places of a node's cells beyond ``check``, which adds their sizes up: two
    /// that share bytes, beside bytes that belong to none. Nothing that reads or edits the node leaves
    /// the page by that, so only verification asks for it; but an edit may give up the bytes of a cell
    /// that another slot still needs. O(page).
    ///
    /// - Parameter page: a page that passes ``check``.
    public static func overlap(in page: PageBytes) -> StaticString? {
        guard
            page.rawKind == PageKind.leaf.rawValue || page.rawKind == PageKind.inner.rawValue
        else { return nil }
        let node = Node(page)
        var isTaken = [Bool](repeating: false, count: PageLayout.pageSize)
        func take(_ offset: Int, _ size: Int) -> Bool {
            for byte in offset..<offset + size {
                if isTaken[byte] { return false }
                isTaken[byte] = true
            }
            return true
        }
        guard take(node.prefixOffset, node.prefixLength) else { return nil }
        for index in 0..<node.count where !take(node.cellOffset(index), node.cellSize(index)) {
            return "two cells of a node overlap"
        }
        return nil
    }

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
        let slots = Slots(
            page: page, isLeaf: node.isLeaf, tails: node.tailOffset(0),
            tailSize: node.tailSize, cellStart: node.cellStart, prefixLength: node.prefixLength)
        var previousHead: UInt32 = 0
        for index in 0..<count {
            if let problem = slots.problem(index, &previousHead, &heapBytes) { return problem }
        }
        guard heapBytes == PageLayout.pageSize - node.cellStart else {
            return "the cells of a node don't add up"
        }
        return nil
    }
}

/// What the checks of all slots need, read once: a page that is read in is checked slot by slot.
private struct Slots {
    let page: PageBytes
    let isLeaf: Bool
    let tails: Int
    let tailSize: Int
    let cellStart: Int
    let prefixLength: Int

    @inline(__always)
    func problem(
        _ index: Int, _ previousHead: inout UInt32, _ heapBytes: inout Int
    ) -> StaticString? {
        let tail = tails &+ index &* tailSize
        let locator = page.u32(tail &+ tailSize &- 4)
        let cell = Int(locator & 0xFFFF)
        let suffixLength = Int(locator &>> 16)
        let smallest = isLeaf ? NodeLayout.inlineFieldSize : NodeLayout.countFieldSize
        guard cell >= cellStart, cell &+ smallest <= PageLayout.pageSize else {
            return "a cell of a node is out of bounds"
        }
        let valueLength = isLeaf ? page.u16(cell) : 0
        let isOverflow = isLeaf && valueLength == NodeLayout.overflowMark
        let size =
            max(0, suffixLength &- NodeLayout.headSize)
            &+ (isOverflow ? NodeLayout.overflowFieldSize : smallest &+ Int(valueLength))
        guard cell &+ size <= PageLayout.pageSize else { return "a cell of a node is cut off" }
        heapBytes &+= size
        guard prefixLength &+ suffixLength <= TreeLimits.maximumKeyLength else {
            return "a key of a node is too long"
        }
        let head = page.u32(NodeLayout.heads &+ index &* NodeLayout.headSize)
        if suffixLength < NodeLayout.headSize,
            head & (UInt32.max &>> UInt32(8 &* suffixLength)) != 0
        {
            return "the head of a short key is not padded with zeros"
        }
        if head < previousHead { return "the heads of a node descend" }
        previousHead = head
        if isOverflow { return runProblem(cell) }
        return isLeaf ? nil : childProblem(index, tail, suffixLength)
    }

    private func runProblem(_ cell: Int) -> StaticString? {
        let byteCount = Int(page.u32(cell + 6))
        guard page.u32(cell + 2) > 1, byteCount > 0, byteCount <= TreeLimits.maximumValueLength
        else { return "an overflow run is out of bounds" }
        return nil
    }

    @inline(__always)
    private func childProblem(_ index: Int, _ tail: Int, _ suffixLength: Int) -> StaticString? {
        if index == 0, suffixLength != 0 { return "the first slot of an inner node has a key" }
        return page.u32(tail) > 1 ? nil : "a child has an impossible page number"
    }
}
