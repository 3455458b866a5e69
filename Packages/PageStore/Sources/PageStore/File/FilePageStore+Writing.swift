import StorageIO
import Synchronization

extension FilePageStore {
    /// The most pages gathered before they are written, but for longer runs.
    private static var gatheredPages: Int { 256 }
    /// The same in a checkpoint, which goes to the medium piece by piece: what commits meanwhile waits
    /// behind one piece, not behind the whole checkpoint. (Durable puts beside checkpoints, p99.9, against
    /// overwriting and syncing alone: 12 times that in one piece, 7 with 64 pages a piece, 5 with 16, 2
    /// with 8 in most runs.)
    private static var checkpointPieces: Int { 8 }

    /// See ``CheckpointingStorage/writeOutDirty()``.
    public func writeOutDirty() throws(StorageError) {
        if options.readOnly { return }
        try checkWritable()
        try writePages(frozen: false)
    }

    /// Writes the dirty pages, or those frozen by the running checkpoint, in page order; each is
    /// clean as soon as it is written.
    ///
    /// Nobody changes these pages meanwhile: the frozen ones belong to committed transactions and
    /// are not freed while frozen, and the others are the calling thread's own.
    func writePages(frozen: Bool) throws(StorageError) {
        var position = 0
        var gathered: [PageAllocator.Run] = []
        var started: Range<Int>?
        while true {
            gathered.removeAll(keepingCapacity: true)
            space.withLock {
                $0.gather(
                    frozen: frozen,
                    limit: frozen ? Self.checkpointPieces : Self.gatheredPages,
                    from: &position, into: &gathered)
            }
            guard let first = gathered.first else { break }
            for run in gathered { seal(run) }
            var index = 0
            while index < gathered.count {
                var joined = gathered[index]
                index += 1
                while index < gathered.count, gathered[index].page == joined.page + joined.count {
                    joined.count += gathered[index].count
                    index += 1
                }
                try write(
                    memory.bytes(joined.page, byteCount: joined.count << PageLayout.pageShift),
                    at: joined.page)
            }
            for run in gathered { unsynced.note(run.page) }
            space.withLock { $0.markWritten(gathered, frozen: frozen) }
            evictIfNeeded()
            guard frozen else { continue }
            let piece = first.page..<position
            try writeBack(piece, waiting: false)
            if let started { try writeBack(started, waiting: true) }
            started = piece
        }
        if let started { try writeBack(started, waiting: true) }
    }

    /// Starts to bring written pages to the medium, or waits for that; a failure poisons the store, since
    /// no later sync may tell of it.
    func writeBack(_ pages: Range<Int>, waiting: Bool) throws(StorageError) {
        do throws(StorageError) {
            try file.writeBack(
                UInt64(pages.count) << UInt64(PageLayout.pageShift),
                at: UInt64(pages.lowerBound) << UInt64(PageLayout.pageShift), waiting: waiting)
        } catch {
            failure.note(error)
            throw error
        }
    }

    /// Sets the checksum of a page or run in the cache. Readers don't look at it there.
    private func seal(_ run: PageAllocator.Run) {
        let page = memory.page(run.page)
        guard page.rawKind == PageKind.overflow.rawValue else { return page.seal() }
        let byteCount = PageLayout.headerSize + Int(page.u32(OverflowLayout.byteCount))
        let checked = memory.bytes(run.page, byteCount: byteCount)
            .dropFirst(PageLayout.pageNumber)
        page.store(CRC32C.checksum(checked), at: PageLayout.checksum)
    }

    /// Writes to the file; a failure other than a want of space poisons the store.
    func write(_ bytes: ByteView, at page: Int) throws(StorageError) {
        do throws(StorageError) {
            try unsafe file.write(
                bytes.buffer, at: UInt64(page) << UInt64(PageLayout.pageShift))
        } catch {
            if !error.isOutOfSpace { failure.note(error) }
            throw error
        }
    }

    /// Syncs the file; a failure poisons the store. One checkpoint runs at a time, so one sync does.
    func sync() throws(StorageError) {
        unsynced.beginSync()
        do throws(StorageError) {
            try file.sync()
        } catch {
            failure.note(error)
            throw error
        }
        unsynced.endSync()
    }
}
