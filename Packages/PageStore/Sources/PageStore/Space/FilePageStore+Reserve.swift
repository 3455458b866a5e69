import StorageIO
import Synchronization

/// The file's space on the disk, and the pages of it that are kept for when the disk is full, or the
/// file has reached a limit to its size.
///
/// Changing a tree that is never overwritten needs pages even to delete. So what makes the content
/// larger leaves some pages, free ones or preallocated ones behind the end, to those who make it
/// smaller: deletes, and the checkpoint after which the pages that they replaced are free.
extension FilePageStore {
    /// See ``CheckpointedStorage/setPurpose(_:)``.
    public func setPurpose(_ purpose: SpacePurpose) { self.purpose = purpose }

    /// See ``CheckpointedStorage/isSpaceShort``.
    public var isSpaceShort: Bool { isShort.load(ordering: .relaxed) }

    /// See ``CheckpointedStorage/noteSpaceShort()``.
    public func noteSpaceShort() { isShort.store(true, ordering: .relaxed) }

    /// See ``CheckpointedStorage/giveSpaceBack()``. Behind the allocator's end there is nothing that
    /// anyone could have written; the reserve stays.
    public func giveSpaceBack() throws(StorageError) -> Bool {
        try checkWritable()
        space.acquire()
        defer { space.release() }
        let end = fileEnd(above: allocator.end, isLast: false)
        guard !options.readOnly, end < filePages else { return false }
        try cutFile(to: end)
        return true
    }

    /// See ``CheckpointedStorage/cutFreeEnd()``. What the durable superblock reaches, and what a running
    /// checkpoint writes, is not free, so it stays.
    public func cutFreeEnd() throws(StorageError) {
        try checkWritable()
        guard !options.readOnly else { return }
        space.acquire()
        defer { space.release() }
        reclaim()
        let end = allocator.usedEnd
        allocator.cut(to: end)
        setEnd(end)
        if end < filePages { try cutFile(to: end) }
    }

    /// Gives the file's end back to the file system. Under `space`.
    func cutFile(to pages: Int) throws(StorageError) {
        do throws(StorageError) {
            try file.truncate(to: UInt64(pages) << UInt64(PageLayout.pageShift))
            filePages = pages
        } catch {
            poison(by: error)
            throw error
        }
    }

    /// Under `space`.
    private var reserve: SpaceReserve {
        SpaceReserve(count: max(0, allocator.end - holePages), limit: memory.pageLimit)
    }

    /// Pages that can be taken without new space on the disk. Under `space`.
    private var pagesAtHand: Int { allocator.free.count + max(0, filePages - allocator.end) }

    /// Makes sure that the reserve is still there when `count` pages are taken. Under `space`.
    ///
    /// - Throws: `diskFull` or `fileTooLarge` when it would not be, and `purpose` may not touch it.
    func keepReserve(besides count: Int) throws(StorageError) {
        guard pagesAtHand < count + SpaceReserve.most(count: allocator.end) else { return }
        let reserve = reserve
        let wanted = count + reserve.pageCount
        guard pagesAtHand < wanted, !options.readOnly else { return }
        reclaim()
        let missing = wanted - pagesAtHand
        guard missing > 0 else { return }
        do throws(StorageError) {
            try extendFile(through: max(filePages, allocator.end) + missing)
        } catch {
            guard error.isOutOfSpace else { throw error }
            noteSpaceShort()
            guard pagesAtHand >= count + reserve.kept(for: purpose) else { throw error }
        }
    }

    /// Extends the file to `needed` pages at least. Up to the limit the room is the file's like that of a
    /// disk: it is taken before more is refused. Under `space`.
    ///
    /// - Throws: `diskFull`, `fileTooLarge`.
    func extendFile(through needed: Int) throws(StorageError) {
        let limit = memory.pageLimit
        guard needed <= limit else {
            if filePages < limit { try preallocate(to: limit) }
            throw PageProblem.fileTooLarge(memory, path: file.path)
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

    private func preallocate(to pages: Int) throws(StorageError) {
        do throws(StorageError) {
            try file.preallocate(
                UInt64(pages - filePages) << UInt64(PageLayout.pageShift),
                at: UInt64(filePages) << UInt64(PageLayout.pageShift))
            filePages = pages
        } catch {
            // No space changes nothing: the transaction fails, the store goes on.
            if !error.isOutOfSpace { poison(by: error) }
            throw error
        }
    }

    /// Where a checkpoint may cut the file: behind the reserve, which goes only when the database is
    /// closed. Under `space`.
    func fileEnd(above end: Int, isLast: Bool) -> Int {
        guard !isLast, !options.readOnly else { return end }
        return min(end + max(0, reserve.pageCount - allocator.free.count), memory.pageLimit)
    }
}
