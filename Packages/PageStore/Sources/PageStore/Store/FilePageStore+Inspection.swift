import StorageIO
import Synchronization

extension FilePageStore {
    /// See ``CheckpointingStorage/pressure``.
    public var pressure: Pressure {
        Pressure(
            dirtyPages: table.dirtyCount.load(ordering: .relaxed),
            residentPages: memory.residentCount.load(ordering: .relaxed),
            dirtyPageBudget: options.dirtyBudget >> PageLayout.pageShift)
    }

    /// See ``StoreInspection/statistics``.
    public var statistics: PageStoreStatistics {
        var statistics = PageStoreStatistics()
        space.withLock { space in
            space.allocator.describe(into: &statistics)
            statistics.fileByteCount = UInt64(space.filePages) << UInt64(PageLayout.pageShift)
        }
        statistics.residentPages = memory.residentCount.load(ordering: .relaxed)
        statistics.dirtyPages = table.dirtyCount.load(ordering: .relaxed)
        statistics.evictions = evictions.load(ordering: .relaxed)
        statistics.loads = loads.load(ordering: .relaxed)
        statistics.reads = epochs.readCount
        return statistics
    }

    /// See ``StoreInspection/pageCount``.
    public var pageCount: Int { bounds.end.load(ordering: .acquiring) }

    /// See ``StoreInspection/forEachFreeRun(_:)``.
    public func forEachFreeRun(_ body: (PageNumber, Int) -> Void) {
        space.withLock { $0.allocator.free.forEachRun { body(PageNumber($0), $1) } }
    }

    /// See ``StoreInspection/forEachPendingRun(_:)``.
    public func forEachPendingRun(_ body: (PageNumber, Int) -> Void) {
        space.withLock { $0.allocator.pending.forEachRun { body(PageNumber($0), $1) } }
    }

    /// See ``StoreInspection/freeListPages``.
    public var freeListPages: [PageNumber] {
        space.withLock { $0.allocator.chain.members.map { PageNumber($0) } }
    }

    /// See ``StoreInspection/checkStored(_:)``.
    public func checkStored(_ page: PageNumber) throws(StorageError) {
        try checkOpen()
        let number = Int(page)
        guard number >= 2, number < bounds.end.load(ordering: .acquiring) else {
            throw PageProblem.beyondEnd(page, path: file.path)
        }
        if table.state(number) == PageState.dirty { return }
        let buffer = PageBuffer(pageCount: 1)
        try unsafe readExactly(
            buffer.buffer(byteCount: PageLayout.pageSize), at: number, of: number)
        let header = buffer.page(0)
        if header.rawKind == PageKind.freeList.rawValue {
            guard header.isIntact, header.number == page else {
                throw damage("The page's checksum is wrong.", number)
            }
        } else if header.rawKind == PageKind.overflow.rawValue {
            try checkStoredRun(header, number)
        } else if let problem = nodeProblem(header, number) {
            throw damage(problem, number)
        }
    }

    /// Checks a run piece by piece; its first page is given.
    private func checkStoredRun(_ header: PageBytes, _ page: Int) throws(StorageError) {
        if let problem = runProblem(header, page) { throw damage(problem, page) }
        let expected = header.u32(PageLayout.checksum)
        var rest = PageLayout.headerSize + Int(header.u32(OverflowLayout.byteCount))
        var checksum = CRC32C.checksum(
            header.bytes(0, count: min(rest, PageLayout.pageSize))
                .dropFirst(PageLayout.pageNumber))
        rest -= PageLayout.pageSize
        let pages = (max(rest, 0) + PageLayout.pageSize - 1) >> PageLayout.pageShift
        let buffer = PageBuffer(pageCount: min(pages, 64))
        var position = page + 1
        while rest > 0 {
            let count = min(rest, buffer.pageCount << PageLayout.pageShift)
            try unsafe readExactly(buffer.buffer(byteCount: count), at: position, of: page)
            checksum = CRC32C.checksum(buffer.bytes.prefix(count), seed: checksum)
            rest -= count
            position += buffer.pageCount
        }
        guard checksum == expected else {
            throw damage("The overflow run's checksum is wrong.", page)
        }
    }
}

extension FilePageStore {
    /// See ``StoreInspection/isSpareSuperblockDamaged``.
    public var isSpareSuperblockDamaged: Bool {
        otherSlotDamaged && generation == openedGeneration
    }

    /// See ``StoreInspection/flaw(_:of:)``.
    public func flaw(_ error: StorageError, of page: PageNumber) -> PageFlaw {
        guard error.code == .damaged else { return .unreadable(error) }
        do throws(StorageError) {
            let pages = try PageFile(file, check: check)
            let buffer = PageBuffer(pageCount: 1)
            let newest = bounds.newestBirth.load(ordering: .acquiring)
            if let flaw = pages.readNode(page, newest: newest, into: buffer) {
                guard buffer.page(0).rawKind == PageKind.overflow.rawValue else { return flaw }
                let run = pages.checkRun(
                    page, byteCount: nil, newest: newest,
                    pageLimit: bounds.end.load(ordering: .acquiring))
                if let flaw = run.flaw { return flaw }
            }
        } catch {}
        // The file has it right; what was in memory had not.
        return .unreadable(error)
    }
}
