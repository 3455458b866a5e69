import StorageIO

/// What a database needs of its page storage for transactions and versions.
///
/// **Lifetimes.** A page born in transaction *b* and retired by *d* is seen by the versions
/// `b ..< d`. It is used again only when *d* is published and no held version lies in its lifetime;
/// held are the versions in ``versions``, the durable checkpoint, and the one being written.
public protocol TransactionalStorage: PageStorage {
    /// Starts the write transaction `number`, and makes free what became reusable. The caller holds
    /// its writer lock until the commit or abort. A number may be used again after an abort.
    ///
    /// - Throws: `poisoned`, `closed`; `invalidArgument` when the number does not ascend or a
    ///   transaction runs already.
    func beginTransaction(_ number: TransactionNumber) throws(StorageError)

    /// Lets the running transaction stand for those up to `number` as well, whose changes come now: for
    /// a replay, where nobody can have seen the versions in between. A page that is changed has `number` as
    /// its birth from then on.
    ///
    /// - Throws: `damaged` when no superblock could hold the number; `invalidArgument` when it does not
    ///   ascend or no transaction runs.
    func extendTransaction(to number: TransactionNumber) throws(StorageError)

    /// Ends the write transaction: its pages belong to version `transaction`, what it retired has
    /// its lifetime. From here on they may not be changed any more.
    ///
    /// - Throws: `invalidArgument` when no transaction runs.
    func commitTransaction() throws(StorageError)

    /// Ends the write transaction: the pages born in it are free, its retirements forgotten. Go back
    /// to the root from before it. Can't fail, so that it fits into an error's path.
    ///
    /// - Returns: false, with nothing done, when no transaction was running: it had not begun, or is
    ///   committed.
    @discardableResult
    func abortTransaction() -> Bool

    /// Adds a point that the running transaction can go back to. They nest. From here on no page that was born
    /// before is changed where it is: see ``PageWriting/copy(_:)``. A commit ends all of them; so does an abort.
    ///
    /// - Throws: `poisoned`, `closed`; `invalidArgument` when no transaction runs.
    func addSavepoint() throws(StorageError)

    /// Ends the innermost savepoint. What was done behind it belongs to what is around it. Nothing happens
    /// when there is none.
    func releaseSavepoint()

    /// Ends the innermost savepoint: pages born behind it are free, what was replaced is in use again. Go back to the
    /// roots from before it. Can't fail, so that it fits into an error's path.
    func rollBackSavepoint()

    /// Notes the write transaction `number`, which took no page and replaced none: it changed pages
    /// where they are, whose births no held version reaches, and readers get no version any more that
    /// saw them before. No transaction runs, and the caller holds its writer lock.
    ///
    /// - Parameter number: above that of the newest transaction, and one that a superblock can hold.
    /// - Throws: `invalidArgument` for another number, or when a transaction runs.
    func commitInPlace(_ number: TransactionNumber) throws(StorageError)

    /// Says that no reader registers for an older version any more without noticing (see
    /// ``VersionRegistry``): call it after making `transaction` the version that readers get. An older
    /// version than the newest that was published changes nothing.
    ///
    /// - Throws: `invalidArgument` for a transaction that is not committed.
    func publish(_ transaction: TransactionNumber) throws(StorageError)

    /// The versions that snapshots hold.
    var versions: VersionRegistry { get }

    /// Says what the pages that are taken next are for; `growth` again with each transaction. Of the
    /// writing thread.
    func setPurpose(_ purpose: SpacePurpose)
}
