@_spi(Engine) import DatabaseTesting
import StorageIO
import StorageIOTesting

// Lies in the data file.
extension HostileFile {
    mutating func damageData(_ pool: HostilePool) {
        guard data.count >= 3 * PageFormat.size else { return changeBytes() }
        switch random.below(20) {
        case 0: changeBytes()
        case 1, 2: changeField(of: newestSlot, "superblock")
        case 3: changeBothSlots()
        case 4, 5, 6, 7: changeField(of: page(), "page")
        case 8, 9: changeSlotArea()
        case 10, 11: changeCell()
        case 12: changeChild()
        case 13: changeOverflow()
        case 14: changeFreeList()
        case 15: changeTableRecord()
        case 16: movePage()
        case 17: changeLength()
        case 18: splice(pool)
        default: fillRange()
        }
    }

    private var newestSlot: Int { data.u64(72) > data.u64(PageFormat.size + 72) ? 0 : 1 }

    /// Bits and bytes anywhere.
    private mutating func changeBytes() {
        for _ in 0...random.below(3) where !data.isEmpty {
            let offset = random.below(data.count)
            data[offset] ^= random.oneIn(2) ? 1 << UInt8(random.below(8)) : UInt8(random.below(256))
            tell("byte \(offset)")
        }
    }

    private mutating func changeField(of page: Int, _ what: String) {
        let start = page * PageFormat.size
        let fields = PageFormat.fields(of: page < 2 ? PageFormat.superblock : image.kinds[page])
        let field = fields[random.below(fields.count)]
        let old =
            field.size == 8
            ? data.u64(start + field.offset) : UInt64(data.u32(start + field.offset))
        let new = number(insteadOf: old, size: field.size)
        data.put(new, at: start + field.offset, size: field.size)
        // What must agree, half of the time does.
        if page < 2, field.offset == 80, random.oneIn(2) { data.put(new, at: start + 8) }
        tell("\(what) \(page) field \(field.offset) = \(new)")
    }

    private mutating func changeBothSlots() {
        let field = PageFormat.superblockFields[random.below(PageFormat.superblockFields.count)]
        let new = number(insteadOf: data.u64(field.offset), size: field.size)
        for slot in 0..<2 where data.u64(slot * PageFormat.size + 32) != 0 {
            data.put(new, at: slot * PageFormat.size + field.offset, size: field.size)
            if field.offset == 80 { data.put(new, at: slot * PageFormat.size + 8) }
        }
        tell("both slots field \(field.offset) = \(new)")
    }

    private mutating func node(_ kind: UInt8? = nil) -> Int? {
        let leaves = image.pages(of: PageFormat.leaf)
        let inner = image.pages(of: PageFormat.inner)
        let pages =
            switch kind {
            case PageFormat.leaf: leaves
            case PageFormat.inner: inner
            default: inner.isEmpty || random.oneIn(2) ? leaves : inner
            }
        return pages.isEmpty ? nil : pages[random.below(pages.count)]
    }

    /// Heads and tails of a node.
    private mutating func changeSlotArea() {
        guard let page = node() else { return changeBytes() }
        let start = page * PageFormat.size
        let count = max(1, data.u16(start + 18))
        let tail = image.kinds[page] == PageFormat.leaf ? 4 : 8
        let slot = random.below(count)
        let tails = start + 32 + 4 * count
        switch random.below(4) {
        case 0:
            let new = number(insteadOf: UInt64(data.u32(start + 32 + 4 * slot)), size: 4)
            data.put(new, at: start + 32 + 4 * slot, size: 4)
            tell("page \(page) head \(slot) = \(new)")
        case 1:
            let other = random.below(count)
            let first = data.part(start + 32 + 4 * slot, 4)
            let second = data.part(start + 32 + 4 * other, 4)
            data.put(second, at: start + 32 + 4 * slot)
            data.put(first, at: start + 32 + 4 * other)
            tell("page \(page) heads \(slot) and \(other) swapped")
        case 2:
            let other = random.below(count)
            let first = data.part(tails + tail * slot, tail)
            data.put(data.part(tails + tail * other, tail), at: tails + tail * slot)
            data.put(first, at: tails + tail * other)
            tell("page \(page) tails \(slot) and \(other) swapped")
        default:
            let offset = tails + tail * slot + (random.oneIn(2) ? tail - 4 : tail - 2)
            let new = number(insteadOf: UInt64(data.u16(offset)), size: 2)
            data.put(new, at: offset, size: 2)
            tell("page \(page) tail \(slot) = \(new)")
        }
    }

    /// Gives a slot of a leaf the cell of another one, whose size may be the same: then it adds up.
    mutating func shareCell(_ dice: SeededRandom) {
        var dice = dice
        let leaves = image.pages(of: PageFormat.leaf)
        guard !leaves.isEmpty else { return }
        let page = leaves[dice.below(leaves.count)]
        let start = page * PageFormat.size
        guard data.count >= start + PageFormat.size else { return }
        let count = data.u16(start + 18)
        guard count > 1, count < 400 else { return }
        let tails = start + 32 + 4 * count
        let (slot, other) = (dice.below(count), dice.below(count))
        data.put(data.part(tails + 4 * other, 4), at: tails + 4 * slot)
        tell("page \(page) slot \(slot) has the cell of slot \(other)")
    }

    /// A byte or a field of a cell.
    private mutating func changeCell() {
        guard let page = node() else { return changeBytes() }
        let start = page * PageFormat.size
        let isLeaf = image.kinds[page] == PageFormat.leaf
        let cell = start + cell(random.below(max(1, data.u16(start + 18))), of: page)
        let (offset, size) =
            !isLeaf
            ? (0, 8) : [(0, 2), (2, 4), (6, 4), (random.below(40), 1)][random.below(4)]
        let new = number(insteadOf: data.u64(cell + offset), size: size)
        data.put(new, at: cell + offset, size: size)
        tell("page \(page) cell at \(cell - start), byte \(offset) = \(new)")
    }

    private func cell(_ slot: Int, of page: Int) -> Int {
        let start = page * PageFormat.size
        let tail = image.kinds[page] == PageFormat.leaf ? 4 : 8
        return data.u16(start + 32 + 4 * data.u16(start + 18) + tail * slot + tail - 4)
    }

    /// A child that is another page: the node itself, its sibling, the root, a free one.
    private mutating func changeChild() {
        guard let page = node(PageFormat.inner) else { return changeSlotArea() }
        let start = page * PageFormat.size
        let count = max(1, data.u16(start + 18))
        let offset = start + 32 + 4 * count + 8 * random.below(count)
        let new =
            switch random.below(5) {
            case 0: page
            case 1: data.u32(start + 32 + 4 * count + 8 * random.below(count))
            case 2: node() ?? 0
            case 3: anyPage()
            default: Int(truncatingIfNeeded: number(insteadOf: UInt64(data.u32(offset)), size: 4))
            }
        data.put(UInt64(truncatingIfNeeded: new), at: offset, size: 4)
        tell("page \(page) child = \(new)")
    }

    /// The page or the length of an overflow value, in its leaf or in its run.
    private mutating func changeOverflow() {
        var cells: [Int] = []
        for page in image.pages(of: PageFormat.leaf) {
            let start = page * PageFormat.size
            for slot in 0..<data.u16(start + 18)
            where data.u16(start + cell(slot, of: page)) == 0xFFFF {
                cells.append(start + cell(slot, of: page))
            }
        }
        guard !cells.isEmpty else { return changeCell() }
        let cell = cells[random.below(cells.count)]
        let head = data.u32(cell + 2) * PageFormat.size
        switch random.below(5) {
        case 0: data.put(UInt64(anyPage()), at: cell + 2, size: 4)
        case 1: data.put(data.part(cells[random.below(cells.count)] + 2, 8), at: cell + 2)
        case 2:
            data.put(number(insteadOf: UInt64(data.u32(cell + 6)), size: 4), at: cell + 6, size: 4)
        default:
            // Leaf and run agree on a length that is not there.
            let length = number(insteadOf: UInt64(data.u32(cell + 6)), size: 4)
            data.put(length, at: cell + 6, size: 4)
            data.put(length, at: head + 20, size: 4)
            data.put((length + 32 + 4095) / 4096, at: head + 24, size: 4)
        }
        tell("overflow value in the cell at \(cell)")
    }

    /// Free runs that are not, lists that lead elsewhere; the superblock's sums go with it.
    private mutating func changeFreeList() {
        let pages = image.pages(of: PageFormat.freeList)
        guard !pages.isEmpty else { return changeField(of: newestSlot, "superblock") }
        let start = pages[random.below(pages.count)] * PageFormat.size
        let count = data.u32(start + 24)
        let entry = start + 32 + 8 * random.below(max(1, count))
        let slot = newestSlot * PageFormat.size
        switch random.below(6) {
        case 0:
            let next = random.oneIn(2) ? pages[random.below(pages.count)] : anyPage()
            data.put(UInt64(next), at: start + 20, size: 4)
            tell("free list at \(start) goes on at \(next)")
        case 1:
            data.put(UInt32(truncatingIfNeeded: max(0, data.u32(entry) - 1)), at: entry)
            data.put(UInt32(truncatingIfNeeded: data.u32(entry + 4) + 1), at: entry + 4)
            data.put(UInt32(truncatingIfNeeded: data.u32(slot + 120) + 1), at: slot + 120)
            tell("the page before a free run is free too (\(entry))")
        case 2:
            data.put(UInt32(truncatingIfNeeded: data.u32(entry + 4) + 1), at: entry + 4)
            data.put(UInt32(truncatingIfNeeded: data.u32(slot + 120) + 1), at: slot + 120)
            tell("the page after a free run is free too (\(entry))")
        case 3:
            data.put(UInt32(truncatingIfNeeded: max(0, data.u32(entry + 4) - 1)), at: entry + 4)
            data.put(UInt32(truncatingIfNeeded: max(0, data.u32(slot + 120) - 1)), at: slot + 120)
            tell("a free run is too short (\(entry))")
        case 4:
            // Everything is free.
            data.put(UInt32(truncatingIfNeeded: 1), at: start + 24)
            data.put(UInt32(truncatingIfNeeded: 2), at: start + 32)
            data.put(UInt32(truncatingIfNeeded: data.u32(slot + 112) - 2), at: start + 36)
            data.put(UInt32(truncatingIfNeeded: data.u32(slot + 112) - 2), at: slot + 120)
            tell("everything is free")
        default:
            let new = number(insteadOf: UInt64(data.u32(entry)), size: 4)
            data.put(new, at: entry + 4 * random.below(2), size: 4)
            tell("free run at \(entry) = \(new)")
        }
    }

    /// A table's record in the catalog: other pages, heights, counts.
    private mutating func changeTableRecord() {
        var cells: [Int] = []
        for page in image.pages(of: PageFormat.leaf) {
            let start = page * PageFormat.size
            let prefix = data.u16(start + 24)
            for slot in 0..<data.u16(start + 18) where data.u16(start + cell(slot, of: page)) == 24
            {
                let tail = start + 32 + 4 * data.u16(start + 18) + 4 * slot
                let rest = max(0, data.u16(tail + 2) - 4)
                _ = prefix
                cells.append(start + cell(slot, of: page) + 2 + rest)
            }
        }
        guard !cells.isEmpty else { return changeCell() }
        let cell = cells[random.below(cells.count)]
        let catalog = data.u32(newestSlot * PageFormat.size + 104)
        switch random.below(6) {
        case 0:
            data.put(UInt64(catalog), at: cell + 4, size: 4)
            data.put(data.part(newestSlot * PageFormat.size + 108, 1), at: cell + 8)
            data.put(data.part(newestSlot * PageFormat.size + 96, 8), at: cell + 16)
            tell("a table that is the catalog (\(cell))")
        case 1:
            data.put(data.part(cells[random.below(cells.count)], 24), at: cell)
            tell("two tables that are one (\(cell))")
        case 2: data.put(UInt64(anyPage()), at: cell + 4, size: 4)
        case 3: data.put(number(insteadOf: UInt64(data[cell + 8]), size: 1), at: cell + 8, size: 1)
        case 4: data.put(number(insteadOf: data.u64(cell + 16), size: 8), at: cell + 16, size: 8)
        default: data.put(number(insteadOf: UInt64(data.u32(cell)), size: 4), at: cell, size: 4)
        }
        tell("table record at \(cell)")
    }
}
