import StorageIO

/// Builds and reads the chain of pages that lists the free pages.
enum FreeList {
    /// Encodes the runs of `free` below `limit` into the chain `pages`, in order, sealed.
    static func encode(
        _ free: PageBitmap, below limit: Int, pages: [Int], birth: TransactionNumber
    ) -> PageBuffer {
        let buffer = PageBuffer(pageCount: pages.count)
        for (index, number) in pages.enumerated() {
            let page = buffer.page(index)
            page.writeHeader(number: PageNumber(number), birth: birth, kind: .freeList)
            let next = index + 1 < pages.count ? pages[index + 1] : 0
            page.store(PageNumber(next), at: FreeListLayout.next)
            page.store(UInt32(index), at: FreeListLayout.index)
        }
        var entry = 0
        free.forEachRun { start, count in
            guard start < limit else { return }
            let page = buffer.page(entry / FreeListLayout.capacity)
            let slot = entry % FreeListLayout.capacity
            let offset = FreeListLayout.entries + slot * FreeListLayout.entrySize
            page.store(UInt32(start), at: offset)
            page.store(UInt32(min(count, limit - start)), at: offset + 4)
            page.store(UInt32(slot + 1), at: FreeListLayout.entryCount)
            entry += 1
        }
        for index in pages.indices { buffer.page(index).seal() }
        return buffer
    }

    /// Checks one page of the chain and adds its runs to `free`.
    ///
    /// Each checkpoint writes the whole list anew, so a page of another transaction is an older list's,
    /// left where a write was lost. What it calls free may be in use by now.
    ///
    /// - Parameters:
    ///   - index: the page's place in the chain.
    ///   - filePages: pages from here on are not in the file.
    ///   - position: the lowest page number that the next run may start at.
    ///   - listed: how many pages the list has named so far, in the file or not.
    /// - Returns: what is wrong, or nil.
    static func decode(
        _ page: PageBytes, number: PageNumber, index: Int, superblock: Superblock,
        filePages: Int, position: inout UInt64, listed: inout UInt64, free: inout PageBitmap
    ) -> StaticString? {
        guard page.isIntact else { return "A free-list page's checksum is wrong." }
        guard page.number == number, page.rawKind == PageKind.freeList.rawValue else {
            return "The free list leads to a page that is no part of it."
        }
        let count = Int(page.u32(FreeListLayout.entryCount))
        guard page.level == 0, page.u16(PageLayout.kindFields) == 0,
            Int(page.u32(FreeListLayout.index)) == index, count <= FreeListLayout.capacity
        else { return "A free-list page contradicts itself." }
        guard page.birth == superblock.record.transaction else {
            return "A free-list page is of another checkpoint than the superblock."
        }
        for entry in 0..<count {
            let offset = FreeListLayout.entries + entry * FreeListLayout.entrySize
            let start = UInt64(page.u32(offset))
            let end = start + UInt64(page.u32(offset + 4))
            // A run never touches the one before: they would have been written as one.
            guard start >= position, end > start, end <= UInt64(superblock.pageCount) else {
                return "A free-list entry is out of order or out of range."
            }
            // Of a file that was cut, or claims more pages than it has, only what is there takes memory.
            let kept = min(end, UInt64(filePages))
            if start < kept { free.insert(Int(start)..<Int(kept)) }
            listed += end - start
            position = end + 1
        }
        return nil
    }
}
