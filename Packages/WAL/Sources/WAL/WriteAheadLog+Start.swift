import StorageIO

// A log that was not there when it was opened gets its file with its first record, and so does one
// whose file held nothing to go on from: opening and closing without a change leaves no trace.
extension WriteAheadLog {
    /// Makes sure that the log is there, durably: its file, its name, and its first segment, empty.
    /// See ``CommitLog/start()``.
    public func start() throws(StorageError) {
        try lock.withLock { () throws(StorageError) in
            try refuseIfNotAppendable()
            try startIfNeeded()
        }
    }

    /// The same, under `lock`, which is kept during the calls: until it is started there is nothing
    /// that others could do with the log (L7).
    func startIfNeeded() throws(StorageError) {
        guard !isStarted else { return }
        if chain.isEmpty { try writeFirstSegment() }
        // Unlike a file's, a directory's sync may be tried again: reopening does the same.
        try files.syncDirectory(of: path)
        isStarted = true
    }

    private func writeFirstSegment() throws(StorageError) {
        let file = try openToStart()
        // The second stays spare (L6).
        try makeSpareSlots(LogLayout.newSlotCount)
        let segment = takeSegment(after: end)
        let header = LogBuffer()
        segment.header.encode(to: header)
        do throws(StorageError) {
            let offset = UInt64(segment.slot) * UInt64(segmentSize)
            try header.write(from: 0, count: header.count, to: file, at: offset)
            try file.sync()
        } catch {
            fail(error)
        }
        try refuseIfUnusable()
        offsetInSegment = LogLayout.segmentHeaderSize
    }

    /// The log's file, created if need be.
    ///
    /// What is there now and was not when the log was opened is another handle's, on a copy in the
    /// place of the file that this log stands beside; its lock keeps this one away as long as it
    /// lives, and what it has written thereafter.
    private func openToStart() throws(StorageError) -> Files.Handle {
        if let file { return file }
        // Or the log would come to stand beside another one's file.
        if let owner, try !files.isInPlace(owner, at: owner.path) {
            throw StorageError(
                .ambiguousName,
                "The file that the log belongs to was renamed, removed or replaced since it was "
                    + "opened; open it by the name that it has now.", path: owner.path)
        }
        let created = try files.open(path, .create, beside: owner)
        do throws(StorageError) {
            if options.locksFile { try created.lock(exclusive: true) }
            guard try created.size() == 0, try files.isInPlace(created, at: path) else {
                throw StorageError(
                    .fileExists,
                    "A log has appeared where there was none; reopen, which reads it.", path: path)
            }
        } catch {
            created.close()
            throw error
        }
        file = created
        return created
    }
}
