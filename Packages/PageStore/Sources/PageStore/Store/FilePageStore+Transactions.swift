import StorageIO
import Synchronization

extension FilePageStore {
    /// See ``TransactionalStorage/beginTransaction(_:)``.
    public func beginTransaction(_ number: TransactionNumber) throws(StorageError) {
        try checkWritable()
        // What became free may be a lot of memory.
        defer { evictIfNeeded() }
        try space.withLock { space throws(StorageError) in try space.begin(number) }
        transaction = number
        firstTransaction = number
        purpose = .growth
    }

    /// See ``TransactionalStorage/extendTransaction(to:)``.
    public func extendTransaction(to number: TransactionNumber) throws(StorageError) {
        guard number < Superblock.countLimit else {
            throw StorageError(
                .damaged, "The numbers of transactions are used up.", path: file.path)
        }
        try space.withLock { space throws(StorageError) in try space.extend(to: number) }
        transaction = number
    }

    /// See ``TransactionalStorage/commitTransaction()``.
    public func commitTransaction() throws(StorageError) {
        try space.withLock { space throws(StorageError) in try space.commit() }
        firstTransaction = .max
    }

    /// See ``TransactionalStorage/abortTransaction()``.
    @discardableResult
    public func abortTransaction() -> Bool {
        defer { evictIfNeeded() }
        guard space.withLock({ $0.abort() }) else { return false }
        firstTransaction = .max
        return true
    }

    /// See ``TransactionalStorage/commitInPlace(_:)``.
    public func commitInPlace(_ number: TransactionNumber) throws(StorageError) {
        try space.withLock { space throws(StorageError) in try space.commitInPlace(number) }
        transaction = number
    }

    /// See ``TransactionalStorage/publish(_:)``.
    public func publish(_ transaction: TransactionNumber) throws(StorageError) {
        try space.withLock { space throws(StorageError) in try space.publish(transaction) }
    }

    // MARK: Space

    /// See ``TransactionalStorage/setPurpose(_:)``.
    public func setPurpose(_ purpose: SpacePurpose) { self.purpose = purpose }

    /// See ``CheckpointingStorage/isSpaceShort``.
    public var isSpaceShort: Bool { bounds.isShort.load(ordering: .relaxed) }

    /// See ``CheckpointingStorage/noteSpaceShort()``.
    public func noteSpaceShort() { bounds.isShort.store(true, ordering: .relaxed) }

    /// See ``CheckpointingStorage/giveSpaceBack()``.
    public func giveSpaceBack() throws(StorageError) -> Bool {
        try checkWritable()
        return try space.withLock { space throws(StorageError) in try space.giveSpaceBack() }
    }

    /// See ``CheckpointingStorage/cutFreeEnd()``.
    public func cutFreeEnd() throws(StorageError) {
        try checkWritable()
        try space.withLock { space throws(StorageError) in try space.cutFreeEnd() }
    }
}
