import BTree
import PageStore
import StorageIO

/// What the running transaction was at a savepoint.
struct WriterSavepoint {
    /// The transaction's session, and how many savepoints are around this one.
    let session: UInt64
    let depth: Int
    let tables: [OpenTable]
    let catalog: TreeRoot
    let highestTableNumber: UInt32?
    let operations: OperationWriter.Mark
    let isChanged: Bool
}

// Savepoints: the transaction goes back to one when something behind it fails, and goes on.
//
// The page store keeps what the transaction's pages were (`TransactionalStorage.addSavepoint`), so going back takes no
// page and can't fail. Of the log's record, the operations behind the savepoint are cut off, so a replay never sees
// them; where the record outgrew its limit meanwhile, the transaction commits by a checkpoint, as it would have.
extension Engine {
    /// Runs `body` behind a savepoint.
    ///
    /// - Parameters:
    ///   - number: the transaction; see ``use(_:_:)``.
    ///   - body: what can be taken back.
    /// - Throws: what `body` throws, and the error of a call in it that failed half-way: everything behind the savepoint
    ///   is undone then, and the transaction goes on. `busy` while the transaction is iterated; `closed`.
    func savepoint<Result>(
        _ number: UInt64?, _ body: () throws(Database.Failure) -> Result
    ) throws(Database.Failure) -> Result {
        let savepoint = try use(number) { () throws(StorageError) in try addSavepoint() }
        let result: Result
        do throws(Database.Failure) {
            result = try body()
        } catch {
            try use(number) { () throws(StorageError) in try rollBack(to: savepoint) }
            throw error
        }
        try use(number) { () throws(StorageError) in try release(savepoint) }
        return result
    }

    /// Runs a change of many steps so that it is made as a whole or not at all.
    ///
    /// - Throws: what `body` throws, and nothing has changed.
    func atomically<Result>(
        _ body: () throws(StorageError) -> Result
    ) throws(StorageError) -> Result {
        let savepoint = try addSavepoint()
        let result: Result
        do throws(StorageError) {
            result = try body()
        } catch {
            try rollBack(to: savepoint)
            throw error
        }
        try release(savepoint)
        return result
    }

    private func addSavepoint() throws(StorageError) -> WriterSavepoint {
        // An earlier failure is told here, and a lent page must not be changed.
        try beginChange()
        try store.addSavepoint()
        writer.savepointDepth += 1
        return writer.savepoint()
    }

    private func release(_ savepoint: WriterSavepoint) throws(StorageError) {
        try requireInnermost(savepoint)
        // A call that failed half-way leaves the trees behind the savepoint in an unknown state.
        if let failure = writer.failure {
            try rollBack(to: savepoint)
            throw failure
        }
        store.releaseSavepoint()
        writer.savepointDepth -= 1
    }

    private func rollBack(to savepoint: WriterSavepoint) throws(StorageError) {
        try requireInnermost(savepoint)
        store.rollBackSavepoint()
        writer.restore(savepoint)
        writer.savepointDepth -= 1
    }

    /// Two threads with one transaction could end each other's savepoints.
    private func requireInnermost(_ savepoint: WriterSavepoint) throws(StorageError) {
        guard writer.session == savepoint.session, writer.savepointDepth == savepoint.depth else {
            throw StorageError(
                .busy,
                "The savepoint is not the innermost one of the transaction any more; use a "
                    + "transaction from one thread at a time.", path: path)
        }
    }
}

extension WriterState {
    /// What the running transaction is now. O(tables that it has looked up).
    fileprivate func savepoint() -> WriterSavepoint {
        WriterSavepoint(
            session: session, depth: savepointDepth, tables: tables.all, catalog: catalog.root,
            highestTableNumber: highestTableNumber, operations: operations.mark,
            isChanged: isChanged)
    }

    /// Lets the running transaction be what it was; the store has gone back already.
    fileprivate func restore(_ savepoint: WriterSavepoint) {
        tables.restore(savepoint.tables)
        catalog = Tree(store: store, root: savepoint.catalog)
        highestTableNumber = savepoint.highestTableNumber
        operations.cut(to: savepoint.operations)
        isChanged = savepoint.isChanged
        rollbackCount &+= 1
        iterations = 0
        failure = nil
    }
}
