import PageStore
import StorageIO

// Edits in place. Each keeps N1 to N4 as long as the node had them and the caller asked for room.
extension Node {
    private func setCount(_ count: Int) {
        page.store(UInt16(truncatingIfNeeded: count), at: NodeLayout.slotCount)
    }

    private func setCellStart(_ offset: Int) {
        page.store(UInt16(truncatingIfNeeded: offset), at: NodeLayout.cellStart)
    }

    private func addGarbage(_ byteCount: Int) {
        page.store(
            UInt16(truncatingIfNeeded: garbageBytes + byteCount), at: NodeLayout.garbageBytes)
    }

    private func setLocator(_ index: Int, cell: Int, suffixLength: Int) {
        let locator = tailOffset(index) + tailSize - 4
        page.store(UInt16(truncatingIfNeeded: cell), at: locator)
        page.store(UInt16(truncatingIfNeeded: suffixLength), at: locator + 2)
    }

    /// Makes a gap in heads and tails for a slot. All parts move up, so the last goes first.
    private func openSlot(at index: Int) {
        let count = self.count
        let tail = tailSize
        let tails = NodeLayout.heads + count * NodeLayout.headSize
        let newTails = tails + NodeLayout.headSize
        page.move(
            from: tails + index * tail, to: newTails + (index + 1) * tail,
            count: (count - index) * tail)
        page.move(from: tails, to: newTails, count: index * tail)
        page.move(
            from: headOffset(index), to: headOffset(index + 1),
            count: (count - index) * NodeLayout.headSize)
        setCount(count + 1)
    }

    /// Closes the gap of a slot. All parts move down, so the first goes first.
    private func closeSlot(at index: Int) {
        let count = self.count
        let tail = tailSize
        let tails = NodeLayout.heads + count * NodeLayout.headSize
        let newTails = tails - NodeLayout.headSize
        page.move(
            from: headOffset(index + 1), to: headOffset(index),
            count: (count - index - 1) * NodeLayout.headSize)
        page.move(from: tails, to: newTails, count: index * tail)
        page.move(
            from: tails + (index + 1) * tail, to: newTails + index * tail,
            count: (count - index - 1) * tail)
        setCount(count - 1)
    }

    /// Takes `byteCount` bytes from the free space for a cell.
    private func takeCell(_ byteCount: Int) -> Int {
        let cell = cellStart - byteCount
        setCellStart(cell)
        return cell
    }

    /// Leaves a cell to the garbage, or to the free space where it is the lowest.
    private func dropCell(at cell: Int, size: Int) {
        if cell == cellStart { setCellStart(cell + size) } else { addGarbage(size) }
    }

    // MARK: Leaves

    /// Whether an entry fits without moving cells: the key shares the prefix, and there is room.
    func fits(_ key: ByteView, _ value: LeafValue) -> Bool {
        guard sharesPrefix(key) else { return false }
        let rest = max(0, key.count - prefixLength - NodeLayout.headSize)
        return freeBytes >= value.cellBytes + rest + NodeLayout.headSize + NodeLayout.leafTailSize
    }

    /// Puts an entry before slot `index` if it fits without moving cells.
    ///
    /// - Returns: false, with nothing changed, when it does not.
    func insert(_ key: ByteView, _ value: LeafValue, at index: Int) -> Bool {
        guard fits(key, value) else { return false }
        let suffix = key.dropFirst(prefixLength)
        let rest = suffix.dropFirst(NodeLayout.headSize)
        let size = value.cellBytes + rest.count
        let cell = takeCell(size)
        openSlot(at: index)
        page.store(suffix.head, at: headOffset(index))
        setLocator(index, cell: cell, suffixLength: suffix.count)
        page.writeCell(at: cell, rest: rest, value: value)
        return true
    }

    /// Whether the value of slot `index` can be replaced where its cell is: the new one is inline like
    /// the old one and no longer.
    func canReplaceInPlace(_ value: LeafValue, at index: Int) -> Bool {
        guard case .inline(let bytes) = value, case .inline(let old) = self.value(index) else {
            return false
        }
        return bytes.count <= old.count
    }

    /// Replaces the value of slot `index` where its cell is, if it can be.
    func replaceInPlace(_ value: LeafValue, at index: Int) -> Bool {
        guard case .inline(let bytes) = value, case .inline(let old) = self.value(index),
            bytes.count <= old.count
        else { return false }
        let cell = cellOffset(index)
        page.store(UInt16(truncatingIfNeeded: bytes.count), at: cell)
        page.copy(bytes, to: cell + NodeLayout.inlineFieldSize + restLength(index))
        addGarbage(old.count - bytes.count)
        return true
    }

    /// Points slot `index`, whose value is in an overflow run, to another run of the same length.
    func setOverflowPage(_ number: PageNumber, at index: Int) {
        page.store(number, at: cellOffset(index) + 2)
    }

    // MARK: Inner nodes

    /// Puts a child before slot `index`, which is not 0, if it fits without moving cells.
    ///
    /// - Returns: false, with nothing changed, when the separator doesn't share the prefix or room
    ///   is short.
    func insertChild(
        _ separator: ByteView, _ child: PageNumber, entryCount: UInt64, at index: Int
    ) -> Bool {
        guard sharesPrefix(separator) else { return false }
        let suffix = separator.dropFirst(prefixLength)
        let rest = suffix.dropFirst(NodeLayout.headSize)
        let size = NodeLayout.countFieldSize + rest.count
        guard freeBytes >= size + NodeLayout.headSize + NodeLayout.innerTailSize else {
            return false
        }
        let cell = takeCell(size)
        openSlot(at: index)
        page.store(suffix.head, at: headOffset(index))
        page.store(child, at: tailOffset(index))
        setLocator(index, cell: cell, suffixLength: suffix.count)
        page.store(entryCount, at: cell)
        page.copy(rest, to: cell + NodeLayout.countFieldSize)
        return true
    }

    /// Gives the child at slot `index`, which is not 0, another separator if it fits without moving
    /// cells.
    ///
    /// - Returns: false, with nothing changed, when the separator doesn't share the prefix or room
    ///   is short.
    func setSeparator(_ separator: ByteView, at index: Int) -> Bool {
        guard sharesPrefix(separator) else { return false }
        let suffix = separator.dropFirst(prefixLength)
        let rest = suffix.dropFirst(NodeLayout.headSize)
        let size = NodeLayout.countFieldSize + rest.count
        let oldSize = cellSize(index)
        var cell = cellOffset(index)
        if size <= oldSize {
            addGarbage(oldSize - size)
        } else {
            guard freeBytes >= size else { return false }
            let entryCount = self.entryCount(index)
            cell = takeCell(size)
            addGarbage(oldSize)
            page.store(entryCount, at: cell)
        }
        page.store(suffix.head, at: headOffset(index))
        setLocator(index, cell: cell, suffixLength: suffix.count)
        page.copy(rest, to: cell + NodeLayout.countFieldSize)
        return true
    }

    func setChild(_ child: PageNumber, at index: Int) {
        page.store(child, at: tailOffset(index))
    }

    func setEntryCount(_ entryCount: UInt64, at index: Int) {
        page.store(entryCount, at: cellOffset(index))
    }

    // MARK: Both

    /// Removes a slot. In an inner node whose first slot goes, the next takes over its part as
    /// minus infinity (N4).
    func remove(at index: Int) {
        dropCell(at: cellOffset(index), size: cellSize(index))
        closeSlot(at: index)
        if !isLeaf, index == 0, count > 0 {
            addGarbage(restLength(0))
            page.store(0 as UInt32, at: headOffset(0))
            setLocator(0, cell: cellOffset(0), suffixLength: 0)
        }
    }
}

extension PageBytes {
    /// Writes a leaf's cell.
    func writeCell(at cell: Int, rest: ByteView, value: LeafValue) {
        switch value {
        case .inline(let bytes):
            store(UInt16(truncatingIfNeeded: bytes.count), at: cell)
            copy(rest, to: cell + NodeLayout.inlineFieldSize)
            copy(bytes, to: cell + NodeLayout.inlineFieldSize + rest.count)
        case .overflow(let page, let byteCount):
            store(NodeLayout.overflowMark, at: cell)
            store(page, at: cell + 2)
            store(UInt32(truncatingIfNeeded: byteCount), at: cell + 6)
            copy(rest, to: cell + NodeLayout.overflowFieldSize)
        }
    }
}
