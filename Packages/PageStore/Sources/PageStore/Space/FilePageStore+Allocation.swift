import StorageIO
import Synchronization

extension FilePageStore {
    /// Longer values go to the file at once, from the caller's memory, instead of through the cache.
    static var directWriteByteCount: Int { 256 << 10 }

    /// See ``PageWriting/allocate()``.
    public func allocate() throws(StorageError) -> PageNumber {
        let page = try takeRun(1)
        table.claim(page)
        let bytes = memory.page(page)
        // So that a page is never taken for something else by what it held before.
        bytes.zero(0, count: PageLayout.headerSize)
        bytes.store(PageNumber(page), at: PageLayout.pageNumber)
        bytes.store(transaction, at: PageLayout.birth)
        noteDirty(page)
        return PageNumber(page)
    }

    /// See ``PageWriting/copy(_:)``. What ``allocate()`` and ``retire(_:birth:)`` do, under the lock
    /// once: nearly every page of a large transaction comes from here.
    public func copy(_ page: PageNumber) throws(StorageError) -> PageNumber {
        try checkWritable()
        if isFresh(page) {
            try makeWritable(page, from: 0)
            return page
        }
        let old = memory.page(Int(page))
        let new = try space.withLock { space throws(StorageError) in
            try space.takePage(inPlaceOf: page, birth: old.birth, for: purpose)
        }
        table.claim(new)
        let bytes = memory.page(new)
        bytes.copyAll(of: old)
        bytes.store(PageNumber(new), at: PageLayout.pageNumber)
        bytes.store(transaction, at: PageLayout.birth)
        return PageNumber(new)
    }

    /// See ``PageWriting/makeWritable(_:)``.
    public func makeWritable(_ page: PageNumber) throws(StorageError) {
        try makeWritable(page, from: firstTransaction)
    }

    /// Readies a page for a change in its place.
    ///
    /// - Parameter birth: the lowest that it may have.
    private func makeWritable(
        _ page: PageNumber, from birth: TransactionNumber
    ) throws(StorageError) {
        let number = Int(page)
        while true {
            guard page < window.pageLimit else {
                throw PageProblem.beyondEnd(page, path: file.path)
            }
            schedulePoint()
            let state = table.state(number)
            if state >= PageState.cold {
                guard memory.page(number).birth >= birth else {
                    throw PageProblem.notBornNow(page, path: file.path)
                }
                if state == PageState.dirty { return }
                guard table.makeDirty(number, from: state) else { continue }
                noteDirty(number)
                return
            }
            try load(page)
        }
    }

    /// See ``PageWriting/retire(_:birth:)``.
    public func retire(_ page: PageNumber, birth: TransactionNumber) throws(StorageError) {
        try retire(page, count: 1, birth: birth)
    }

    /// See ``PageWriting/allocateOverflow(_:)``.
    public func allocateOverflow(_ value: ByteView) throws(StorageError) -> PageNumber {
        guard value.count <= OverflowLayout.maximumByteCount else {
            throw PageProblem.valueTooLong()
        }
        let count = OverflowLayout.pageCount(byteCount: value.count)
        let start = try takeRun(count)
        if value.count > Self.directWriteByteCount && !options.readOnly {
            try writeDirectly(value, start, count)
        } else {
            table.claim(PageAllocator.Run(page: start, count: count))
            OverflowLayout.writeHeader(
                memory.page(start), number: PageNumber(start), birth: transaction,
                byteCount: value.count)
            let room = unsafe UnsafeMutableRawBufferPointer(
                rebasing: memory.buffer(start, byteCount: count << PageLayout.pageShift)[
                    PageLayout.headerSize...])
            unsafe room.copyMemory(from: value.buffer)
            // What the last page held before must not get into the file.
            unsafe UnsafeMutableRawBufferPointer(rebasing: room[value.count...])
                .initializeMemory(as: UInt8.self, repeating: 0)
            noteDirty(start)
        }
        return PageNumber(start)
    }

    /// Writes an overflow run straight to its free pages in the file.
    private func writeDirectly(
        _ value: ByteView, _ start: Int, _ count: Int
    ) throws(StorageError) {
        for page in start..<start + count { table.passBy(page) }
        let buffer = PageBuffer(pageCount: 1)
        let header = buffer.page(0)
        OverflowLayout.writeHeader(
            header, number: PageNumber(start), birth: transaction, byteCount: value.count)
        let headerBytes = header.bytes(
            PageLayout.pageNumber, count: PageLayout.headerSize - PageLayout.pageNumber)
        header.store(
            CRC32C.checksum(value, seed: CRC32C.checksum(headerBytes)), at: PageLayout.checksum)
        let inFirstPage = PageLayout.pageSize - PageLayout.headerSize
        header.copy(value.prefix(inFirstPage), to: PageLayout.headerSize)
        do throws(StorageError) {
            try write(buffer.bytes, at: start)
            try write(value.dropFirst(inFirstPage), at: start + 1)
            // Not before: a sync in between would count as theirs. Nobody knows the pages yet.
            unsynced.note(start)
        } catch {
            space.withLock { $0.giveBack(PageAllocator.Run(page: start, count: count)) }
            throw error
        }
    }

    /// See ``PageWriting/retireOverflow(_:byteCount:)``.
    public func retireOverflow(_ page: PageNumber, byteCount: Int) throws(StorageError) {
        let birth = try birthOfRun(page, byteCount: byteCount)
        try retire(
            page, count: OverflowLayout.pageCount(byteCount: byteCount), birth: birth)
    }

    private func retire(
        _ page: PageNumber, count: Int, birth: TransactionNumber
    ) throws(StorageError) {
        try space.withLock { space throws(StorageError) in
            try space.retire(page, count: count, birth: birth)
        }
    }

    /// Takes `count` consecutive pages for the running transaction.
    func takeRun(_ count: Int) throws(StorageError) -> Int {
        try checkWritable()
        return try space.withLock { space throws(StorageError) in
            try space.takeRun(count, for: purpose)
        }
    }

    /// Notes that a page, or a run by its first page, is newer than the file.
    func noteDirty(_ page: Int) {
        space.withLock { _ = $0.allocator.dirty.insert(page) }
    }
}
