import StorageIO

/// A run of pages that a long value is being written to, portion by portion; see
/// ``PageWriting/beginRun(byteCount:)``. Nothing refers to it before it is finished.
@safe public final class RunDraft {
    // Used by the writing thread alone.
    /// The value's length in bytes.
    public let byteCount: Int
    /// How many of them were written so far.
    public internal(set) var writtenCount = 0
    /// The first page of the run.
    public let page: PageNumber

    /// What goes to the file next; nil where the run is in memory.
    let buffer: PageBuffer?
    /// The first page, which goes last, since its header has the checksum of all.
    let first: PageBuffer?
    /// How many bytes the buffer holds.
    var filledCount = 0
    /// The page that the buffer's first one is.
    var nextPage: Int
    var checksum: UInt32 = 0

    var run: PageAllocator.Run {
        PageAllocator.Run(
            page: Int(page), count: OverflowLayout.pageCount(byteCount: byteCount))
    }

    var pages: Range<Int> { run.page..<run.page + run.count }

    init(page: Int, byteCount: Int, isInMemory: Bool) {
        self.byteCount = byteCount
        self.page = PageNumber(page)
        nextPage = page
        buffer = isInMemory ? nil : PageBuffer(pageCount: RunReader.portionPages)
        first = isInMemory ? nil : PageBuffer(pageCount: 1)
    }

    /// How many bytes are missing.
    public var missingCount: Int { byteCount - writtenCount }
}

/// Reads a long value part by part; see ``PageReading/openRun(_:byteCount:)``.
///
/// The checksum of a run covers all of it. So a run that is not in memory is read through once, and the checksum of
/// each portion is noted: what is handed out later was compared with that.
@safe public final class RunReader {
    // Used by one thread at a time.
    /// How many pages are read at once.
    static var portionPages: Int { 64 }
    static var portionByteCount: Int { portionPages << PageLayout.pageShift }

    /// The first page of the run.
    public let page: PageNumber
    /// The value's length in bytes.
    public let byteCount: Int
    /// Of each portion; empty as long as they were not needed, since the run was in memory.
    var checksums: [UInt32] = []
    /// The portion that was read last, and which one that is.
    var buffer: PageBuffer?
    var loaded: Int?

    init(page: PageNumber, byteCount: Int) {
        self.page = page
        self.byteCount = byteCount
    }
}

extension PageWriting {
    /// Copies a run, portion by portion.
    ///
    /// - Returns: the first page of the copy, which belongs to the running transaction.
    /// - Throws: what reading and writing it throws; then there is no copy.
    public func copyRun(
        _ page: PageNumber, byteCount: Int
    ) throws(StorageError) -> PageNumber {
        let source = try openRun(page, byteCount: byteCount)
        return try copyRun(source, to: try beginRun(byteCount: byteCount))
    }

    /// Copies a run to one that was begun, and finishes that; after an error it is given back.
    public func copyRun(
        _ source: RunReader, to draft: RunDraft
    ) throws(StorageError) -> PageNumber {
        do throws(StorageError) {
            while draft.missingCount > 0 {
                let token = beginRead()
                defer { endRead(token) }
                let part = try portion(of: source, at: draft.writtenCount)
                try write(part, to: draft)
            }
            return try finishRun(draft)
        } catch {
            abandonRun(draft)
            throw error
        }
    }
}
