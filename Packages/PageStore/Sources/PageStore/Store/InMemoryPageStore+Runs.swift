import StorageIO

// Long values portion by portion.
extension InMemoryPageStore {
    /// See ``PageWriting/beginRun(byteCount:)``.
    public func beginRun(byteCount: Int) throws(StorageError) -> RunDraft {
        guard byteCount >= 0, byteCount <= OverflowLayout.maximumByteCount else {
            throw PageProblem.valueTooLong()
        }
        let start = try allocateRun(OverflowLayout.pageCount(byteCount: byteCount))
        OverflowLayout.writeHeader(
            memory.page(start), number: PageNumber(start), birth: transaction,
            byteCount: byteCount)
        return RunDraft(page: start, byteCount: byteCount, isInMemory: true)
    }

    /// See ``PageWriting/write(_:to:)``.
    public func write(_ bytes: ByteView, to draft: RunDraft) throws(StorageError) {
        guard bytes.count <= draft.missingCount else { throw PageProblem.runOverfilled() }
        let place = PageLayout.headerSize + draft.writtenCount
        unsafe UnsafeMutableRawBufferPointer(
            rebasing: memory.buffer(Int(draft.page), byteCount: place + bytes.count)[place...]
        ).copyMemory(from: bytes.buffer)
        draft.writtenCount += bytes.count
    }

    /// See ``PageWriting/finishRun(_:)``.
    public func finishRun(_ draft: RunDraft) throws(StorageError) -> PageNumber {
        guard draft.missingCount == 0 else { throw PageProblem.runUnderfilled() }
        return draft.page
    }

    /// See ``PageWriting/abandonRun(_:)``.
    public func abandonRun(_ draft: RunDraft) {
        space.withLock { $0.giveBack(draft.run) }
    }

    /// See ``PageReading/openRun(_:byteCount:)``.
    public func openRun(
        _ page: PageNumber, byteCount: Int
    ) throws(StorageError) -> RunReader {
        _ = try overflow(page, byteCount: byteCount)
        return RunReader(page: page, byteCount: byteCount)
    }

    /// See ``PageReading/portion(of:at:)``.
    public func portion(
        of run: RunReader, at offset: Int
    ) throws(StorageError) -> ByteView {
        try overflow(run.page, byteCount: run.byteCount).dropFirst(offset)
            .prefix(RunReader.portionByteCount)
    }
}
