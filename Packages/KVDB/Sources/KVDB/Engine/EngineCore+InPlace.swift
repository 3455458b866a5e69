import BTree
import PageStore
import StorageIO
import WAL

// Single puts that change pages where they are ("Changes in place" in `Docs/Architecture.md`).
extension EngineCore {
    /// Puts a value as a transaction of its own.
    func putAlone(
        _ key: ByteView, _ value: ByteView, _ durability: Durability
    ) throws(StorageError) {
        try requireLegal(key: key)
        try requireLegal(value: value)
        try enterWriter(.call)
        var isDone = false
        do throws(StorageError) {
            // A commit at `full` is not to be seen before it is durable, and the version before it is
            // until then.
            if durability != .full { isDone = try putInPlace(key, value, durability) }
            if !isDone { try startTransaction() }
        } catch {
            writerLock.release()
            throw error
        }
        if isDone {
            writerLock.release()
            return noteCommit(durability)
        }
        do throws(StorageError) {
            try put(key, value)
        } catch {
            rollback()
            throw error
        }
        try commit(durability)
    }

    /// Makes the next version out of the newest one by changing its pages, if nobody holds them. The
    /// caller holds the writer lock, and goes on holding it.
    ///
    /// All that can fail comes first: the plan, the record in the log, and its way to the system. Then
    /// the version is withdrawn from readers. A reader that got it in time keeps it as it is, and the put
    /// is made by shadowing after all.
    ///
    /// - Returns: false, with nothing done, when the put has to take the usual way.
    private func putInPlace(
        _ key: ByteView, _ value: ByteView, _ durability: Durability
    ) throws(StorageError) -> Bool {
        let number = writer.head.transaction + 1
        guard logsCommits, isLogNoted, isHeadPublished, number < Superblock.countLimit else {
            return false
        }
        var tree = BPlusTree(store: store, root: writer.head.main)
        let kept = max(writer.checkpointed, store.versions.newest ?? 0)
        guard let plan = try tree.planInPlace(key, value, bornAfter: kept) else { return false }
        writer.operations.reset(logged: true)
        writer.operations.put([], key, value)
        guard writer.operations.isComplete else { return false }
        let end = try appendOperations(transaction: number)
        if durability == .written {
            writer.requiredWrite = end
            if end > log.written { try log.write(through: end) }
        }
        let head = writer.head
        // All locks before or after: readers wait while the version is withdrawn.
        let isInPlace = publishLock.withLock {
            publication.withdraw(head.transaction)
            guard store.versions.newest ?? 0 < plan.oldestBirth else {
                publication.putBack(head.transaction)
                return false
            }
            tree.apply(plan, key, value, transaction: number)
            writer.head = Version(transaction: number, main: tree.root, catalog: head.catalog)
            publication.publish(writer.head)
            return true
        }
        if isInPlace {
            mustWork { () throws(StorageError) in try store.commitInPlace(number) }
        } else {
            try shadowLogged(key, value)
        }
        return true
    }

    /// Whether readers get the head, and no version before it waits.
    private var isHeadPublished: Bool {
        publishLock.withLock { pending.isEmpty && failure == nil }
    }

    /// Makes a put whose record is in the log already in pages of its own.
    private func shadowLogged(_ key: ByteView, _ value: ByteView) throws(StorageError) {
        do throws(StorageError) {
            try startTransaction()
            // On a full disk it may take what is kept for deletes and checkpoints.
            store.setPurpose(.checkpoint)
            do throws(StorageError) {
                _ = try writer.main.put(key, value)
            } catch {
                abandonTransaction()
                throw error
            }
        } catch {
            // The log is ahead of the tree now: only a reopen brings the two together again.
            fail(error)
            throw StorageError(
                .poisoned,
                "The commit is in the log, but could not be made here; reopen the database.",
                path: path, cause: error)
        }
        commitInStore()
        advanceHead()
        publishReady()
    }
}
