import StorageIO
import Synchronization

/// The file's space on the disk, and the pages of it that are kept for when the disk is full.
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

    /// The pages to be kept: for a few paths through the trees and the merges on them, for the
    /// catalog, and for a free list, which is longest when every second page is free.
    var reservedPages: Int {
        options.readOnly ? 0 : min(12 + allocator.end / 512, max(0, memory.pageLimit / 8))
    }

    /// Pages that can be taken without new space on the disk. Under `space`.
    private var pagesAtHand: Int { allocator.free.count + max(0, filePages - allocator.end) }

    /// Makes sure that the reserve is still there when `count` pages are taken. Under `space`.
    ///
    /// - Throws: `diskFull` when it would not be, and `purpose` may not touch it.
    func keepReserve(besides count: Int) throws(StorageError) {
        let wanted = count + reservedPages
        guard pagesAtHand < wanted else { return }
        reclaim()
        let missing = wanted - pagesAtHand
        // Where the file may not grow that far, what is at its end is all there is.
        guard missing > 0, !options.readOnly, filePages + missing <= memory.pageLimit else {
            return
        }
        do throws(StorageError) {
            let chunk = min(max(16, filePages / 16), 4096)
            let needed = max(filePages, allocator.end) + missing
            try extendFile(to: min(needed + chunk, memory.pageLimit), atLeast: needed)
        } catch {
            guard error.code == .diskFull else { throw error }
            noteSpaceShort()
            let kept =
                switch purpose {
                case .growth: reservedPages
                case .removal: reservedPages / 2
                case .checkpoint: 0
                }
            guard pagesAtHand >= count + kept else { throw error }
        }
    }

    func extendFile(to wanted: Int, atLeast needed: Int) throws(StorageError) {
        do throws(StorageError) {
            try preallocate(to: wanted)
        } catch {
            // The chunk's rest is only for speed.
            guard error.code == .diskFull, wanted > needed else { throw error }
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
            // A full disk changes nothing: the transaction fails, the store goes on.
            if error.code != .diskFull { poison(by: error) }
            throw error
        }
    }

    /// Where a checkpoint may cut the file: behind the reserve, which goes only when the database is
    /// closed. Under `space`.
    func fileEnd(above end: Int, isLast: Bool) -> Int {
        isLast ? end : min(end + max(0, reservedPages - allocator.free.count), memory.pageLimit)
    }
}
