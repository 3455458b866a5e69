import BTree
import PageStore
import StorageIO
import WAL

// Single puts that change pages where they are ("Changes in place" in `Docs/Architecture.md`).
extension Engine {
    /// Puts a value as a transaction of its own.
    func putAlone(
        _ key: ByteView, _ value: ByteView, table: TableID = .main, kind: TableKind = .untyped,
        _ durability: Durability
    ) throws(StorageError) {
        try requireLegal(key: key)
        try requireLegal(value: value)
        let token = try enterWriter(.call)
        // A commit at `full` is not to be seen before it is durable, and the version before it is
        // until then.
        if durability != .full {
            let isDone: Bool
            do throws(StorageError) {
                isDone = try putInPlace(key, value, table, kind, durability)
            } catch {
                token.release()
                deliverEvents()
                throw error
            }
            if isDone {
                token.release()
                noteCommit(durability)
                return deliverEvents()
            }
        }
        try startTransaction()
        do throws(StorageError) {
            try put(key, value, table: table, kind: kind)
        } catch {
            rollback(token)
            throw error
        }
        try commit(token, durability)
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
        _ key: ByteView, _ value: ByteView, _ table: TableID, _ kind: TableKind,
        _ durability: Durability
    ) throws(StorageError) -> Bool {
        let number = writer.head.transaction + 1
        guard logsCommits, writer.isLogNoted, isHeadPublished, number < Superblock.countLimit else {
            return false
        }
        guard let root = writer.rootInPlace(table, kind) else { return false }
        var tree = BPlusTree(store: store, root: root)
        let kept = max(writer.checkpointed, store.versions.newest ?? 0)
        guard let plan = try tree.planInPlace(key, value, bornAfter: kept) else { return false }
        writer.operations.reset(logged: true)
        writer.operations.put(table, key, value)
        guard writer.operations.isComplete else { return false }
        let end = try appendOperations(transaction: number)
        if durability == .written {
            writer.requiredWrite = end
            if end > log.written { try log.write(through: end) }
        }
        let head = writer.head
        var isObserved = false
        let next = versions.replaceNewest(head.transaction, oldestBirth: plan.oldestBirth) {
            isObserved = $0
            tree.apply(plan, key, value, transaction: number)
            // Nobody but the writer has a version whose roots say what these say about the table.
            if table != .main { head.tables.setCount(table, tree.root) }
            return Version(
                transaction: number, main: table == .main ? tree.root : head.main,
                catalog: head.catalog, tables: head.tables)
        }
        if let next {
            writer.advanceInPlace(to: next)
            mustWork { () throws(StorageError) in try store.commitInPlace(number) }
            if isObserved { noteLoggedChanges() }
        } else {
            try shadowLogged(key, value, table)
        }
        return true
    }

    /// Whether readers get the head, and no version before it waits.
    private var isHeadPublished: Bool {
        versions.isEmpty && lifecycle.poison == nil
    }

    /// Makes a put whose record is in the log already in pages of its own.
    private func shadowLogged(
        _ key: ByteView, _ value: ByteView, _ table: TableID
    ) throws(StorageError) {
        do throws(StorageError) {
            try startTransaction()
            // On a full disk it may take what is kept for deletes and checkpoints.
            store.setPurpose(.checkpoint)
            // Not for the log: for those who observe.
            writer.operations.put(table, key, value)
            do throws(StorageError) {
                let place = try writer.create(table)
                _ = try writer.change(at: place) { tree throws(StorageError) in
                    try tree.put(key, value)
                }
            } catch {
                abandonTransaction()
                throw error
            }
        } catch {
            // The log is ahead of the tree now: only a reopen brings the two together again.
            lifecycle.fail(error)
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
