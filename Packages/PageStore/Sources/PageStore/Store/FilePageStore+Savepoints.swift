import StorageIO

extension FilePageStore {
    /// What ``firstTransaction`` is behind a savepoint: above every birth, so that a tree asks ``copy(_:)`` about
    /// every page that it changes, and not what says that no transaction runs.
    static var behindSavepoint: TransactionNumber { .max - 1 }

    /// See ``CheckpointedStorage/addSavepoint()``.
    public func addSavepoint() throws(StorageError) {
        try checkWritable()
        space.acquire()
        defer { space.release() }
        try located { () throws(StorageError) in try allocator.addSavepoint() }
        firstTransaction = Self.behindSavepoint
    }

    /// See ``CheckpointedStorage/releaseSavepoint()``.
    public func releaseSavepoint() {
        endSavepoint { allocator in allocator.releaseSavepoint() }
    }

    /// See ``CheckpointedStorage/rollBackSavepoint()``.
    public func rollBackSavepoint() {
        endSavepoint { allocator in allocator.rollBackSavepoint() }
    }

    private func endSavepoint(_ end: (inout PageAllocator) -> [PageAllocator.Run]?) {
        defer { evictIfNeeded() }
        space.acquire()
        defer { space.release() }
        for run in end(&allocator) ?? [] { table.free(run) }
        if allocator.savepoints.isEmpty, allocator.running != 0 {
            firstTransaction = allocator.running
        }
    }

    /// Whether a page was born behind the innermost savepoint, so that it needs no copy.
    func isFresh(_ page: PageNumber) -> Bool {
        guard firstTransaction == Self.behindSavepoint else { return false }
        return space.withLock { allocator.isFresh(Int(page)) }
    }
}
