import StorageIO
import Synchronization

extension FilePageStore {
    /// See ``PageReading/load(_:)``.
    public func load(_ page: PageNumber) throws(StorageError) {
        try checkOpen()
        let number = Int(page)
        guard number >= 2, number < bounds.end.load(ordering: .acquiring) else {
            throw PageProblem.beyondEnd(page, path: file.path)
        }
        var spins = 0
        while true {
            schedulePoint()
            let state = table.state(number)
            switch state {
            case PageState.hot...:
                return
            case PageState.cold:
                if table.touch(number) { return }
            case PageState.evicting:
                table.rescue(number)
            case PageState.loading:
                System.pause(&spins)
            case PageState.interior:
                throw PageProblem.insideRun(page, path: file.path)
            case PageState.absent:
                if table.beginLoad(number) {
                    try readIn(number)
                    evictIfNeeded()
                    return
                }
            default:
                throw PageProblem.free(page, path: file.path)
            }
        }
    }

    /// Reads a page that this thread has put into state `loading`, and makes it readable.
    private func readIn(_ page: Int) throws(StorageError) {
        var run = PageAllocator.Run(page: page, count: 1)
        do throws(StorageError) {
            try unsafe readExactly(
                memory.buffer(page, byteCount: PageLayout.pageSize), at: page, of: page)
            let bytes = memory.page(page)
            if bytes.rawKind == PageKind.overflow.rawValue {
                try readRest(of: &run)
            } else {
                try refuse(nodeFlaw(bytes, page), page)
                try refuseForged(bytes, page)
            }
            // What was read may be whole and yet an earlier page of this number.
            try refuseLost(page, birth: bytes.birth)
        } catch {
            table.abandonLoad(run)
            throw error
        }
        loads.wrappingAdd(UInt64(run.count), ordering: .relaxed)
        table.finishLoad(run)
    }

    /// Reads the rest of an overflow run whose first page is in memory.
    ///
    /// - Parameter run: the first page; grows by the pages that this thread has taken behind it.
    private func readRest(of run: inout PageAllocator.Run) throws(StorageError) {
        let page = run.page
        let header = memory.page(page)
        try refuse(runFlaw(header, page), page)
        let count = Int(header.u32(OverflowLayout.pageCount))
        var spins = 0
        while run.count < count {
            schedulePoint()
            let next = page + run.count
            switch table.state(next) {
            case PageState.absent:
                if table.beginLoadInside(next) { run.count += 1 }
            case PageState.loading:
                // Two runs that overlap can't wait for each other: both claim upwards.
                System.pause(&spins)
            default:
                throw damage("The run overlaps another page in use.", page)
            }
        }
        let byteCount = PageLayout.headerSize + Int(header.u32(OverflowLayout.byteCount))
        if byteCount > PageLayout.pageSize {
            let rest = unsafe UnsafeMutableRawBufferPointer(
                rebasing: memory.buffer(page, byteCount: byteCount)[PageLayout.pageSize...])
            try unsafe readExactly(rest, at: page + 1, of: page)
        }
        let stored = header.u32(PageLayout.checksum)
        let whole = memory.bytes(page, byteCount: byteCount)
        try refuse(PageJudge.flaw(ofRun: whole, stored: stored), page)
    }

    /// Throws what a page with a flaw is.
    func refuse(_ flaw: PageFlaw?, _ page: Int) throws(StorageError) {
        if let flaw { throw StorageError(flaw, of: PageNumber(page), path: file.path) }
    }

    /// What is wrong with a tree node just read.
    func nodeFlaw(_ bytes: PageBytes, _ page: Int) -> PageFlaw? {
        judge.flaw(
            ofNode: bytes, at: PageNumber(page),
            newest: bounds.newestBirth.load(ordering: .acquiring))
    }

    /// What is wrong with the header of an overflow run just read.
    func runFlaw(_ header: PageBytes, _ page: Int, byteCount: Int? = nil) -> PageFlaw? {
        PageJudge.flaw(
            ofRunHeader: header, at: PageNumber(page), byteCount: byteCount,
            newest: bounds.newestBirth.load(ordering: .acquiring),
            pageLimit: bounds.end.load(ordering: .acquiring))
    }

    /// Throws when a page claims to be of the running transaction, or of the next one, without being it:
    /// it would be changed in place although older versions see it (R1).
    func refuseForged(_ bytes: PageBytes, _ page: Int) throws(StorageError) {
        guard bytes.birth >= bounds.lowestNewborn.load(ordering: .acquiring) else { return }
        guard space.withLock({ $0.canBeBorn(page, in: bytes.birth) }) else {
            throw damage("The page says that a transaction wrote it which did not.", page)
        }
    }

    @unsafe
    func readExactly(
        _ buffer: UnsafeMutableRawBufferPointer, at position: Int, of page: Int
    ) throws(StorageError) {
        let offset = UInt64(position) << UInt64(PageLayout.pageShift)
        let count = try unsafe file.read(into: buffer, at: offset)
        guard count == buffer.count else {
            throw damage("The file ends before the page does.", page)
        }
    }

    func damage(_ problem: StaticString, _ page: Int) -> StorageError {
        StorageError(
            .damaged, problem.description, path: file.path, page: PageNumber(page),
            offset: UInt64(page) << UInt64(PageLayout.pageShift))
    }

    // MARK: Overflow runs

    /// See ``PageReading/overflow(_:byteCount:)``.
    public func overflow(_ page: PageNumber, byteCount: Int) throws(StorageError) -> ByteView {
        if window.resident(page) == nil { try load(page) }
        let header = memory.page(Int(page))
        guard header.rawKind == PageKind.overflow.rawValue,
            Int(header.u32(OverflowLayout.byteCount)) == byteCount
        else { throw PageProblem.noRun(page, path: file.path) }
        return memory.bytes(Int(page), byteCount: PageLayout.headerSize + byteCount)
            .dropFirst(PageLayout.headerSize)
    }

    /// How many pages more than needed a buffer may get, so that it need not grow for each value.
    private static var sparePages: Int { 256 }

    /// See ``PageReading/overflow(_:byteCount:beside:)``.
    public func overflow(
        _ page: PageNumber, byteCount: Int, beside buffer: inout PageBuffer?
    ) throws(StorageError) -> ByteView {
        try checkOpen()
        let number = Int(page)
        let pageCount = OverflowLayout.pageCount(byteCount: byteCount)
        schedulePoint()
        guard number >= 2, number < bounds.end.load(ordering: .acquiring),
            byteCount <= OverflowLayout.maximumByteCount,
            table.state(number) == PageState.absent
        else { return try overflow(page, byteCount: byteCount) }
        // Not dirty, so the file has it, and there it stays the same while a version sees it.
        let room: PageBuffer
        if let buffer, buffer.pageCount >= pageCount {
            room = buffer
        } else {
            // First the old one goes, as both may be large.
            buffer = nil
            room = PageBuffer(pageCount: pageCount + min(pageCount / 8, Self.sparePages))
            buffer = room
        }
        let wholeCount = PageLayout.headerSize + byteCount
        let bytes = room.bytes.prefix(wholeCount)
        let target = unsafe room.buffer(byteCount: max(wholeCount, PageLayout.pageSize))
        let readCount = try unsafe file.read(
            into: target, at: UInt64(number) << UInt64(PageLayout.pageShift))
        let header = room.page(0)
        guard readCount == target.count, runFlaw(header, number, byteCount: byteCount) == nil,
            PageJudge.flaw(ofRun: bytes, stored: header.u32(PageLayout.checksum)) == nil
        else {
            // What is wrong with it, the cache says.
            return try overflow(page, byteCount: byteCount)
        }
        try refuseLost(number, birth: header.birth)
        loads.wrappingAdd(UInt64(pageCount), ordering: .relaxed)
        return bytes.dropFirst(PageLayout.headerSize)
    }

    /// The birth of an overflow run: from memory, or from its header alone, which has a checksum of
    /// its own, so that dropping a big value does not read it.
    func birthOfRun(_ page: PageNumber, byteCount: Int) throws(StorageError) -> TransactionNumber {
        let number = Int(page)
        guard number >= 2, number < bounds.end.load(ordering: .acquiring) else {
            throw PageProblem.beyondEnd(page, path: file.path)
        }
        let token = beginRead()
        defer { endRead(token) }
        if let resident = window.resident(page) {
            return try checkedBirth(resident, page, byteCount)
        }
        schedulePoint()
        let state = table.state(number)
        if state == PageState.interior { throw PageProblem.insideRun(page, path: file.path) }
        if state == PageState.free || state == PageState.stale {
            throw PageProblem.free(page, path: file.path)
        }
        // Not dirty, so the file has it, whatever else the state says.
        let buffer = PageBuffer(pageCount: 1)
        try unsafe readExactly(
            buffer.buffer(byteCount: PageLayout.pageSize), at: number, of: number)
        let birth = try checkedBirth(buffer.page(0), page, byteCount)
        try refuseLost(number, birth: birth)
        return birth
    }

    private func checkedBirth(
        _ header: PageBytes, _ page: PageNumber, _ byteCount: Int
    ) throws(StorageError) -> TransactionNumber {
        guard header.rawKind == PageKind.overflow.rawValue,
            runFlaw(header, Int(page), byteCount: byteCount) == nil
        else { throw PageProblem.noRun(page, path: file.path) }
        return header.birth
    }
}
