import StorageIO

/// What a database needs of its page storage for checkpoints, and for keeping to its room in memory and on the disk.
public protocol CheckpointingStorage: TransactionalStorage {
    /// The durable checkpoint.
    var checkpoint: CheckpointRecord { get }

    /// Freezes the state of the newest committed version, to be written by ``finishCheckpoint()``.
    /// The caller holds its writer lock, no transaction runs, and no other checkpoint does.
    ///
    /// - Parameter record: its transaction is the newest committed one.
    /// - Throws: `diskFull` with nothing changed, `poisoned`, `readOnly`, `busy`,
    ///   `invalidArgument`.
    func beginCheckpoint(_ record: CheckpointRecord) throws(StorageError)

    /// Writes what was frozen: pages in page order, free list, sync, superblock, sync; then frees
    /// what only the previous checkpoint needed and cuts free pages off the file's end. Needs no
    /// lock; writers and readers go on.
    ///
    /// - Throws: `diskFull`: the checkpoint is undone and may be tried again. `invalidArgument` when no
    ///   checkpoint was begun, `busy` when another thread is finishing it, `closed`, `poisoned`, with
    ///   nothing done. Any other error poisons the store.
    func finishCheckpoint() throws(StorageError)

    /// Writes down durably that a log is in use from the checkpoint's log position on, so that the
    /// next open misses it when it is gone. The caller holds its writer lock, and no checkpoint runs.
    ///
    /// - Throws: `busy` while a checkpoint runs, `closed`, `poisoned`, with nothing done; any other error
    ///   poisons the store.
    func noteLogInUse() throws(StorageError)

    /// Writes out all dirty pages but those of a running checkpoint, so that they can be evicted.
    /// Only the writing thread, or one that holds the writer lock, may call it. Allowed at any
    /// time: nothing durable refers to them.
    ///
    /// - Throws: `diskFull`, and the store goes on; other errors poison it.
    func writeOutDirty() throws(StorageError)

    /// How full the memory is.
    var pressure: Pressure { get }

    /// Gives memory back until at most so many unchanged pages are in it, as far as no reader is inside them
    /// just now. The budget stays: what is read again comes back.
    func trim(toPages pageCount: Int)

    /// Whether the reserve for deletes and checkpoints had to be touched, or the disk was full: a
    /// checkpoint should come before the next transaction.
    var isSpaceShort: Bool { get }

    /// Notes that the disk was full, as it was for the log.
    func noteSpaceShort()

    /// Makes free what became reusable, and gives all that is free at the file's end back, with what is
    /// kept there for deletes: the next transaction that takes a page asks for that anew.
    ///
    /// - Throws: any error poisons the store.
    func cutFreeEnd() throws(StorageError)

    /// Gives back the space that was taken ahead for speed alone, for the log to have it.
    ///
    /// - Returns: whether there was any.
    func giveSpaceBack() throws(StorageError) -> Bool

    /// The first failed write or sync; every later write fails with `poisoned` and this cause.
    var poison: StorageError? { get }

    /// Closes the file. Every later operation fails with `closed`. Does not write anything.
    func close()
}
