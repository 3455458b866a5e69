import StorageIO

extension FilePageStore {
    /// What ``firstTransaction`` is behind a savepoint: above every birth, so that a tree asks ``copy(_:)`` about
    /// every page that it changes, and not what says that no transaction runs.
    static var behindSavepoint: TransactionNumber { .max - 1 }

    /// See ``TransactionalStorage/addSavepoint()``.
    public func addSavepoint() throws(StorageError) {
        try checkWritable()
        try space.withLock { space throws(StorageError) in try space.addSavepoint() }
        firstTransaction = Self.behindSavepoint
    }

    /// See ``TransactionalStorage/releaseSavepoint()``.
    public func releaseSavepoint() {
        endSavepoint(space.withLock { $0.releaseSavepoint() })
    }

    /// See ``TransactionalStorage/rollBackSavepoint()``.
    public func rollBackSavepoint() {
        endSavepoint(space.withLock { $0.rollBackSavepoint() })
    }

    /// - Parameter running: the running transaction, if that has no savepoint any more.
    private func endSavepoint(_ running: TransactionNumber?) {
        if let running { firstTransaction = running }
        evictIfNeeded()
    }

    /// Whether a page was born behind the innermost savepoint, so that it needs no copy.
    func isFresh(_ page: PageNumber) -> Bool {
        guard firstTransaction == Self.behindSavepoint else { return false }
        return space.withLock { $0.allocator.isFresh(Int(page)) }
    }
}
