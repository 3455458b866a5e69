import StorageIO
import Synchronization

// The file's space on the disk, and the pages of it that are kept for when the disk is full, or the
// file has reached a limit to its size.
///
/// Changing a tree that is never overwritten needs pages even to delete. So what makes the content
/// larger leaves some pages, free ones or preallocated ones behind the end, to those who make it
/// smaller: deletes, and the checkpoint after which the pages that they replaced are free.
extension FileSpace {
    /// Notes that the reserve had to be touched, or that the disk was full.
    func noteShort() { bounds.isShort.store(true, ordering: .relaxed) }

    /// Gives back what was taken ahead for speed alone; the reserve stays. Behind the allocator's end there is
    /// nothing that anyone could have written. Returns false if there was nothing.
    mutating func giveSpaceBack() throws(StorageError) -> Bool {
        let end = fileEnd(above: allocator.end, isLast: false)
        guard !isReadOnly, end < filePages else { return false }
        try cutFile(to: end)
        return true
    }

    /// Gives all that is free at the file's end back, the reserve too. What the durable superblock reaches, and
    /// what a running checkpoint writes, is not free, so it stays.
    mutating func cutFreeEnd() throws(StorageError) {
        guard !isReadOnly else { return }
        reclaim()
        let end = cutFreeTail()
        if end < filePages { try cutFile(to: end) }
    }

    /// Gives the file's end back to the file system.
    mutating func cutFile(to pages: Int) throws(StorageError) {
        do throws(StorageError) {
            try file.truncate(to: UInt64(pages) << UInt64(PageLayout.pageShift))
            filePages = pages
        } catch {
            poison.note(error)
            throw error
        }
    }

    ///
    private var reserve: SpaceReserve {
        SpaceReserve(count: max(0, allocator.end - holePages), limit: pageLimit)
    }

    /// Pages that can be taken without new space on the disk.
    private var pagesAtHand: Int { allocator.free.count + max(0, filePages - allocator.end) }

    /// Makes sure that the reserve is still there when `count` pages are taken.
    ///
    /// - Throws: `diskFull` or `fileTooLarge` when it would not be, and `purpose` may not touch it.
    mutating func keepReserve(
        besides count: Int, for purpose: SpacePurpose
    ) throws(StorageError) {
        guard pagesAtHand < count + SpaceReserve.most(count: allocator.end) else { return }
        let reserve = reserve
        let wanted = count + reserve.pageCount
        guard pagesAtHand < wanted, !isReadOnly else { return }
        reclaim()
        let missing = wanted - pagesAtHand
        guard missing > 0 else { return }
        do throws(StorageError) {
            try extendFile(through: max(filePages, allocator.end) + missing)
        } catch {
            guard error.isOutOfSpace else { throw error }
            noteShort()
            guard pagesAtHand >= count + reserve.kept(for: purpose) else { throw error }
        }
    }

    /// Extends the file to `needed` pages at least. Up to the limit the room is the file's like that of a
    /// disk: it is taken before more is refused.
    ///
    /// - Throws: `diskFull`, `fileTooLarge`.
    mutating func extendFile(through needed: Int) throws(StorageError) {
        let limit = pageLimit
        guard needed <= limit else {
            if filePages < limit { try preallocate(to: limit) }
            throw PageProblem.fileTooLarge(table.memory, path: file.path)
        }
        // In chunks, so that not every page costs a call, but in proportion.
        let wanted = min(needed + min(max(16, filePages / 16), 4096), limit)
        do throws(StorageError) {
            try preallocate(to: wanted)
        } catch {
            // The chunk's rest is only for speed.
            guard error.isOutOfSpace, wanted > needed else { throw error }
            try preallocate(to: needed)
        }
    }

    private mutating func preallocate(to pages: Int) throws(StorageError) {
        do throws(StorageError) {
            try file.preallocate(
                UInt64(pages - filePages) << UInt64(PageLayout.pageShift),
                at: UInt64(filePages) << UInt64(PageLayout.pageShift))
            filePages = pages
        } catch {
            // No space changes nothing: the transaction fails, the store goes on.
            if !error.isOutOfSpace { poison.note(error) }
            throw error
        }
    }

    /// Where a checkpoint may cut the file: behind the reserve, which goes only when the database is
    /// closed.
    func fileEnd(above end: Int, isLast: Bool) -> Int {
        guard !isLast, !isReadOnly else { return end }
        return min(end + max(0, reserve.pageCount - allocator.free.count), pageLimit)
    }
}
