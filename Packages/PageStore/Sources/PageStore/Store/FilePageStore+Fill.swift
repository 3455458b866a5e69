import StorageIO

// Pages that are written to the file as they come and take no place in the cache: a large load needs no
// memory for what it has written, and the medium is at work while it goes on.
extension FilePageStore {
    /// See ``PageWriting/allocateRun(upTo:)``.
    public func allocateRun(upTo count: Int) throws(StorageError) -> Range<PageNumber> {
        try checkWritable()
        let run = try space.withLock { space throws(StorageError) in
            try space.takeRun(upTo: count, for: purpose)
        }
        return PageNumber(run.lowerBound)..<PageNumber(run.upperBound)
    }

    /// See ``PageWriting/fill(_:from:)``.
    public func fill(
        _ pages: Range<PageNumber>, from buffer: PageBuffer
    ) throws(StorageError) {
        try checkWritable()
        let run = Int(pages.lowerBound)..<Int(pages.upperBound)
        guard run.count <= buffer.pageCount, space.withLock({ $0.areBorn(run) }) else {
            throw StorageError(
                .invalidArgument, "The pages to be filled are not the transaction's.",
                path: file.path, page: pages.lowerBound)
        }
        if options.readOnly { return keep(run, from: buffer) }
        for (index, page) in run.enumerated() {
            buffer.page(index).seal()
            table.passBy(page)
        }
        try write(buffer.bytes.prefix(run.count << PageLayout.pageShift), at: run.lowerBound)
        // Not before: a sync in between would count as theirs. Nobody knows the pages yet.
        for page in run { unsynced.note(page) }
        try writeBack(run, waiting: false)
    }

    /// Takes the pages into memory, where nothing is ever written to the file.
    private func keep(_ run: Range<Int>, from buffer: PageBuffer) {
        for (index, page) in run.enumerated() {
            table.claim(page)
            memory.page(page).copyAll(of: buffer.page(index))
            noteDirty(page)
        }
    }
}
