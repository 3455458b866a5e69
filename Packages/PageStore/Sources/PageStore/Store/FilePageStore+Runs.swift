import StorageIO
import Synchronization

// Long values portion by portion, past the cache.
extension FilePageStore {
    /// See ``PageWriting/beginRun(byteCount:)``.
    public func beginRun(byteCount: Int) throws(StorageError) -> RunDraft {
        guard byteCount >= 0, byteCount <= OverflowLayout.maximumByteCount else {
            throw PageProblem.valueTooLong()
        }
        let count = OverflowLayout.pageCount(byteCount: byteCount)
        let start = try takeRun(count)
        guard !options.readOnly else { return keepRun(start, byteCount: byteCount) }
        for page in start..<start + count { table.passBy(page) }
        let draft = RunDraft(page: start, byteCount: byteCount, isInMemory: false)
        guard let buffer = draft.buffer else {
            preconditionFailure("a run of the file has a buffer")
        }
        OverflowLayout.writeHeader(
            buffer.page(0), number: draft.page, birth: transaction, byteCount: byteCount)
        draft.filledCount = PageLayout.headerSize
        draft.checksum = CRC32C.checksum(
            buffer.page(0).bytes(
                PageLayout.pageNumber, count: PageLayout.headerSize - PageLayout.pageNumber))
        return draft
    }

    /// Takes the pages into memory, where nothing is ever written to the file.
    private func keepRun(_ start: Int, byteCount: Int) -> RunDraft {
        let draft = RunDraft(page: start, byteCount: byteCount, isInMemory: true)
        table.claim(draft.run)
        OverflowLayout.writeHeader(
            memory.page(start), number: draft.page, birth: transaction, byteCount: byteCount)
        noteDirty(start)
        return draft
    }

    /// See ``PageWriting/write(_:to:)``.
    public func write(_ bytes: ByteView, to draft: RunDraft) throws(StorageError) {
        guard bytes.count <= draft.missingCount else {
            throw PageProblem.runOverfilled(path: file.path)
        }
        guard let buffer = draft.buffer else {
            let place = PageLayout.headerSize + draft.writtenCount
            unsafe UnsafeMutableRawBufferPointer(
                rebasing: memory.buffer(Int(draft.page), byteCount: place + bytes.count)[place...]
            ).copyMemory(from: bytes.buffer)
            draft.writtenCount += bytes.count
            return
        }
        var rest = bytes
        while rest.count > 0 {
            if draft.filledCount == RunReader.portionByteCount { try flush(draft) }
            let part = rest.prefix(RunReader.portionByteCount - draft.filledCount)
            buffer.copy(part, to: draft.filledCount)
            draft.checksum = CRC32C.checksum(part, seed: draft.checksum)
            draft.filledCount += part.count
            draft.writtenCount += part.count
            rest = rest.dropFirst(part.count)
        }
    }

    /// Writes what the draft has gathered; of the run's first page nothing yet.
    private func flush(_ draft: RunDraft) throws(StorageError) {
        try checkWritable()
        guard let buffer = draft.buffer, let first = draft.first, draft.filledCount > 0 else {
            return
        }
        var bytes = buffer.bytes.prefix(draft.filledCount)
        var page = draft.nextPage
        if page == Int(draft.page) {
            first.page(0).copyAll(of: buffer.page(0))
            bytes = bytes.dropFirst(PageLayout.pageSize)
            page += 1
        }
        if bytes.count > 0 {
            try write(bytes, at: page)
            // So that a value of any size is on its way to the medium, and no memory of the system's waits for it.
            try writeBack(page..<draft.nextPage + RunReader.portionPages, waiting: false)
        }
        draft.nextPage += RunReader.portionPages
        draft.filledCount = 0
    }

    /// See ``PageWriting/finishRun(_:)``.
    public func finishRun(_ draft: RunDraft) throws(StorageError) -> PageNumber {
        guard draft.missingCount == 0 else {
            throw PageProblem.runUnderfilled(path: file.path)
        }
        guard let first = draft.first else { return draft.page }
        try flush(draft)
        first.page(0).store(draft.checksum, at: PageLayout.checksum)
        let size = PageLayout.headerSize + draft.byteCount
        try write(first.bytes.prefix(min(size, PageLayout.pageSize)), at: Int(draft.page))
        // Not before: a sync in between would count as theirs. Nobody knows the pages yet.
        unsynced.note(Int(draft.page))
        return draft.page
    }

    /// See ``PageWriting/abandonRun(_:)``.
    public func abandonRun(_ draft: RunDraft) {
        space.withLock { space in
            // With the transaction its pages have gone.
            guard space.areBorn(draft.pages) else { return }
            space.giveBack(draft.run)
        }
    }

    // MARK: Reading

    /// See ``PageReading/openRun(_:byteCount:)``.
    public func openRun(
        _ page: PageNumber, byteCount: Int
    ) throws(StorageError) -> RunReader {
        try checkOpen()
        let run = RunReader(page: page, byteCount: byteCount)
        guard page >= 2, Int(page) < bounds.end.load(ordering: .acquiring) else {
            throw PageProblem.beyondEnd(page, path: file.path)
        }
        if isAbsent(page) {
            try check(run)
        } else {
            let token = beginRead()
            defer { endRead(token) }
            _ = try overflow(page, byteCount: byteCount)
        }
        return run
    }

    /// See ``PageReading/portion(of:at:)``.
    public func portion(
        of run: RunReader, at offset: Int
    ) throws(StorageError) -> ByteView {
        try checkOpen()
        guard isAbsent(run.page) else {
            let value = try overflow(run.page, byteCount: run.byteCount)
            return value.dropFirst(offset).prefix(RunReader.portionByteCount)
        }
        // Not dirty, so the file has it, and there it stays the same while a version sees it.
        if run.checksums.isEmpty { try check(run) }
        let place = PageLayout.headerSize + min(max(0, offset), run.byteCount)
        let index = min(place / RunReader.portionByteCount, run.checksums.count - 1)
        if run.loaded != index {
            let bytes = try read(index, of: run)
            guard CRC32C.checksum(bytes) == run.checksums[index] else {
                run.loaded = nil
                throw damage("The overflow run is another one than before.", Int(run.page))
            }
        }
        let size = PageLayout.headerSize + run.byteCount - index * RunReader.portionByteCount
        guard let buffer = run.buffer else { preconditionFailure("a portion has a buffer") }
        return buffer.bytes.prefix(min(size, RunReader.portionByteCount))
            .dropFirst(place - index * RunReader.portionByteCount)
    }

    private func isAbsent(_ page: PageNumber) -> Bool {
        schedulePoint()
        return table.state(Int(page)) == PageState.absent
    }

    /// Reads a portion into the reader's buffer.
    private func read(_ index: Int, of run: RunReader) throws(StorageError) -> ByteView {
        let buffer: PageBuffer
        if let old = run.buffer {
            buffer = old
        } else {
            buffer = PageBuffer(pageCount: RunReader.portionPages)
            run.buffer = buffer
        }
        run.loaded = nil
        let start = index * RunReader.portionByteCount
        let size = min(
            RunReader.portionByteCount, PageLayout.headerSize + run.byteCount - start)
        try unsafe readExactly(
            buffer.buffer(byteCount: size),
            at: Int(run.page) + index * RunReader.portionPages, of: Int(run.page))
        run.loaded = index
        let pageCount = (size + PageLayout.pageSize - 1) >> PageLayout.pageShift
        loads.wrappingAdd(UInt64(pageCount), ordering: .relaxed)
        return buffer.bytes.prefix(size)
    }

    /// Reads a run through (R7), and notes the checksums of its portions.
    private func check(_ run: RunReader) throws(StorageError) {
        let number = Int(run.page)
        guard run.byteCount >= 0, run.byteCount <= OverflowLayout.maximumByteCount,
            // Before anything is read for a length that a hostile file claims.
            number + OverflowLayout.pageCount(byteCount: run.byteCount)
                <= bounds.end.load(ordering: .acquiring)
        else { throw PageProblem.noRun(run.page, path: file.path) }
        let whole = PageLayout.headerSize + run.byteCount
        let count = (whole + RunReader.portionByteCount - 1) / RunReader.portionByteCount
        var checksums: [UInt32] = []
        checksums.reserveCapacity(count)
        var bytes = try read(0, of: run)
        guard let header = run.buffer?.page(0) else {
            preconditionFailure("a portion has a buffer")
        }
        try refuse(runFlaw(header, number, byteCount: run.byteCount), number)
        try refuseLost(number, birth: header.birth)
        let stored = header.u32(PageLayout.checksum)
        var checksum = CRC32C.checksum(bytes.dropFirst(PageLayout.pageNumber))
        checksums.append(CRC32C.checksum(bytes))
        for index in 1..<max(count, 1) {
            bytes = try read(index, of: run)
            checksum = CRC32C.checksum(bytes, seed: checksum)
            checksums.append(CRC32C.checksum(bytes))
        }
        if checksum != stored {
            run.loaded = nil
            try refuse(.checksum(stored: stored, computed: checksum), number)
        }
        run.checksums = checksums
    }
}
