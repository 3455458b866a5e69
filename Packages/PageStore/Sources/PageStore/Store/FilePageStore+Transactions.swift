import StorageIO
import Synchronization

extension FilePageStore {
    /// See ``CheckpointedStorage/beginTransaction(_:)``.
    public func beginTransaction(_ number: TransactionNumber) throws(StorageError) {
        try checkWritable()
        // What became free may be a lot of memory.
        defer { evictIfNeeded() }
        space.acquire()
        defer { space.release() }
        // A superblock beyond the limit would not open again. Two more may come with this transaction.
        guard number < Superblock.countLimit, superblock.generation < Superblock.countLimit - 2
        else {
            throw StorageError(
                .damaged, "The numbers of transactions or checkpoints are used up.",
                path: file.path, page: 0)
        }
        do throws(StorageError) { try allocator.begin(number) } catch { throw located(error) }
        transaction = number
        firstTransaction = number
        purpose = .growth
        lowestNewborn.store(number, ordering: .releasing)
        newestBirth.store(number, ordering: .releasing)
        if allocator.isReclaimDue { reclaim() }
    }

    /// See ``CheckpointedStorage/extendTransaction(to:)``.
    public func extendTransaction(to number: TransactionNumber) throws(StorageError) {
        guard number < Superblock.countLimit else {
            throw StorageError(
                .damaged, "The numbers of transactions are used up.", path: file.path)
        }
        space.acquire()
        defer { space.release() }
        try located { () throws(StorageError) in try allocator.extend(to: number) }
        transaction = number
        newestBirth.store(number, ordering: .releasing)
    }

    /// See ``CheckpointedStorage/commitTransaction()``.
    public func commitTransaction() throws(StorageError) {
        while !allocatorHasNoSavepoint { releaseSavepoint() }
        space.acquire()
        defer { space.release() }
        do throws(StorageError) { try allocator.commit() } catch { throw located(error) }
        firstTransaction = .max
    }

    private var allocatorHasNoSavepoint: Bool { space.withLock { allocator.savepoints.isEmpty } }

    /// See ``CheckpointedStorage/abortTransaction()``.
    @discardableResult
    public func abortTransaction() -> Bool {
        defer { evictIfNeeded() }
        space.acquire()
        defer { space.release() }
        guard let freed = allocator.abort() else { return false }
        firstTransaction = .max
        for run in freed { table.free(run) }
        return true
    }

    /// See ``CheckpointedStorage/commitInPlace(_:)``.
    public func commitInPlace(_ number: TransactionNumber) throws(StorageError) {
        space.acquire()
        defer { space.release() }
        try located { () throws(StorageError) in try allocator.commitInPlace(number) }
        transaction = number
        newestBirth.store(number, ordering: .releasing)
    }

    /// See ``CheckpointedStorage/publish(_:)``.
    public func publish(_ transaction: TransactionNumber) throws(StorageError) {
        space.acquire()
        defer { space.release() }
        do throws(StorageError) { try allocator.publish(transaction) } catch {
            throw located(error)
        }
    }
}
