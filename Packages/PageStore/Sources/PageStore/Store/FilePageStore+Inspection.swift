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
        switch header.rawKind {
        case PageKind.freeList.rawValue:
            try refuse(PageJudge.flaw(ofListPage: header, at: page), number)
        case PageKind.overflow.rawValue:
            let pages = min(max(1, Int(header.u32(OverflowLayout.pageCount))), 64)
            let run = file.flaw(
                ofRun: page, byteCount: nil,
                newest: bounds.newestBirth.load(ordering: .acquiring),
                pageLimit: bounds.end.load(ordering: .acquiring), by: PageBuffer(pageCount: pages))
            try refuse(run.flaw, number)
        default:
            try refuse(nodeFlaw(header, number), number)
            try refuseForged(header, number)
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
            let pages = try PageFile(file, check: judge.structure)
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
