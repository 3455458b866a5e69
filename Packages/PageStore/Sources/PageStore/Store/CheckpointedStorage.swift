import StorageIO

/// What a superblock says beyond the store's own affairs: where the state of one version begins.
public struct CheckpointRecord: Sendable, Equatable {
    /// The version that was written.
    public var transaction: TransactionNumber
    /// The root of the catalog tree; 0 when there is none.
    public var catalogRoot: PageNumber
    /// The height of the catalog tree in levels.
    public var catalogHeight: UInt8
    /// How many entries the catalog has.
    public var catalogCount: UInt64
    /// The log sequence number to replay from.
    public var logPosition: UInt64
    /// Whether a log was in use when the checkpoint was written.
    public var usesLog: Bool
    /// Whether the log was to be removed after this checkpoint, as on a clean close. Where a log was
    /// in use and this is false, the log must be there at the next open.
    public var endsLog: Bool

    /// A record; without arguments that of an empty database.
    public init(
        transaction: TransactionNumber = 0, catalogRoot: PageNumber = 0, catalogHeight: UInt8 = 0,
        catalogCount: UInt64 = 0, logPosition: UInt64 = 0, usesLog: Bool = false,
        endsLog: Bool = false
    ) {
        self.transaction = transaction
        self.catalogRoot = catalogRoot
        self.catalogHeight = catalogHeight
        self.catalogCount = catalogCount
        self.logPosition = logPosition
        self.usesLog = usesLog
        self.endsLog = endsLog
    }
}

/// How a store is opened.
public struct PageStoreOptions: Sendable, Equatable {
    /// How many bytes of pages the cache keeps in memory, apart from dirty pages.
    public var cacheBudget: Int
    /// How many bytes of dirty pages are wanted at most. The store only reports the pressure; who
    /// drives it answers with a checkpoint or ``CheckpointedStorage/writeOutDirty()``.
    public var dirtyBudget: Int
    /// How far the file can grow in bytes, and so how much address space is reserved. Where the system has
    /// less left, the largest half, quarter and so on of it is taken: down to 256 MiB or twice the file.
    public var sizeLimit: Int
    /// Never write to the file. Transactions still work, in memory only.
    public var readOnly: Bool
    /// Whether the file is locked: exclusively to write, shared to read. Leave it on unless another lock
    /// keeps other handles away: two that write destroy the file.
    public var locksFile: Bool
    /// Whether opening to write makes durable what the store was opened by
    /// (``FilePageStore/secureSuperblock()``). Leave it on unless you do that yourself before the first
    /// transaction, or know that the superblock is durable.
    public var securesSuperblock: Bool

    /// The default of ``sizeLimit``: 1 TiB; 4 GiB on iOS, tvOS, watchOS, visionOS and Android, where a
    /// process gets few addresses; 256 MiB on 32-bit systems.
    public static var defaultSizeLimit: Int {
        #if _pointerBitWidth(_32)
            256 << 20
        #elseif os(iOS) || os(tvOS) || os(watchOS) || os(visionOS) || os(Android)
            4 << 30
        #else
            1 << 40
        #endif
    }

    /// Options; the defaults are 64 MiB of cache, 16 MiB of dirty pages, ``defaultSizeLimit``, and
    /// all that opening should do.
    public init(
        cacheBudget: Int = 64 << 20, dirtyBudget: Int = 16 << 20,
        sizeLimit: Int = PageStoreOptions.defaultSizeLimit, readOnly: Bool = false,
        locksFile: Bool = true, securesSuperblock: Bool = true
    ) {
        self.cacheBudget = cacheBudget
        self.dirtyBudget = dirtyBudget
        self.sizeLimit = sizeLimit
        self.readOnly = readOnly
        self.locksFile = locksFile
        self.securesSuperblock = securesSuperblock
    }
}

/// What space is wanted for. On a full disk a store keeps some pages back, so that entries can still
/// be deleted, which needs a few pages, and a checkpoint can still make the space free.
public enum SpacePurpose: UInt8, Sendable {
    /// Whatever may make the content larger; leaves the reserve alone.
    case growth
    /// A change that removes; may take half of the reserve.
    case removal
    /// A checkpoint; may take all.
    case checkpoint
}

/// How full a store's memory is. Cheap to get.
public struct Pressure: Sendable, Equatable {
    /// Pages newer than the file, those of a running checkpoint included.
    public var dirtyPages: Int
    /// Pages that the system has memory for, dirty ones included: where several share a page of its memory,
    /// all of them as soon as one is there.
    public var residentPages: Int
    /// The most dirty pages that the options want.
    public var dirtyPageBudget: Int
    /// Whether it is time to write dirty pages out.
    public var isDirtyBudgetSpent: Bool { dirtyPages > dirtyPageBudget }
}

/// What a store is made of at one moment.
public struct PageStoreStatistics: Sendable {
    /// Pages in the file's space, superblocks and free pages included.
    public var pageCount = 0
    /// The file's size in bytes; 0 without a file.
    public var fileByteCount: UInt64 = 0
    /// Pages free for use.
    public var freePages = 0
    /// Pages that hold the durable free list.
    public var freeListPages = 0
    /// Pages replaced but not free yet.
    public var pendingPages = 0
    /// Of the pending pages, how many each held version keeps from use, oldest first. A page that
    /// several versions see is counted under the oldest. The durable checkpoint is one of them.
    public var pinnedPages: [PinnedPages] = []
    /// Pages that the system has memory for.
    public var residentPages = 0
    /// Pages in memory that are newer than the file.
    public var dirtyPages = 0
    /// Pages evicted so far.
    public var evictions: UInt64 = 0
    /// Pages read from the file so far.
    public var loads: UInt64 = 0
    /// Reads that have ended so far; see ``PageStorage/beginRead()``. 0 in a store whose pages are never evicted.
    public var reads: UInt64 = 0

    /// The pages that one held version keeps from use.
    public struct PinnedPages: Sendable, Equatable {
        /// The held version.
        public var version: TransactionNumber
        /// How many pages.
        public var pageCount: Int
    }
}

/// What a database needs of its page storage beyond what a tree needs: transactions, versions and
/// checkpoints.
///
/// **Lifetimes.** A page born in transaction *b* and retired by *d* is seen by the versions
/// `b ..< d`. It is used again only when *d* is published and no held version lies in its lifetime;
/// held are the versions in ``versions``, the durable checkpoint, and the one being written.
public protocol CheckpointedStorage: PageStorage {
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
    /// before is changed where it is: see ``PageStorage/copy(_:)``. A commit ends all of them; so does an abort.
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

    /// Says what the pages that are taken next are for; `growth` again with each transaction. Of the
    /// writing thread.
    func setPurpose(_ purpose: SpacePurpose)

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

    /// Says that no reader registers for an older version any more without noticing (see
    /// ``VersionRegistry``): call it after making `transaction` the version that readers get. An older
    /// version than the newest that was published changes nothing.
    ///
    /// - Throws: `invalidArgument` for a transaction that is not committed.
    func publish(_ transaction: TransactionNumber) throws(StorageError)

    /// The versions that snapshots hold.
    var versions: VersionRegistry { get }

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

    /// The durable checkpoint.
    var checkpoint: CheckpointRecord { get }

    /// How full the memory is.
    var pressure: Pressure { get }

    /// Writes out all dirty pages but those of a running checkpoint, so that they can be evicted.
    /// Only the writing thread, or one that holds the writer lock, may call it. Allowed at any
    /// time: nothing durable refers to them.
    ///
    /// - Throws: `diskFull`, and the store goes on; other errors poison it.
    func writeOutDirty() throws(StorageError)

    /// What the store is made of.
    var statistics: PageStoreStatistics { get }

    /// How many pages the file's space has; all page numbers are below.
    var pageCount: Int { get }

    /// Calls `body` with the first page and length of each run of free pages, ascending. It must
    /// not call the store.
    func forEachFreeRun(_ body: (PageNumber, Int) -> Void)

    /// The same for pages replaced but not free yet.
    func forEachPendingRun(_ body: (PageNumber, Int) -> Void)

    /// The pages that hold the durable free list.
    var freeListPages: [PageNumber] { get }

    /// Reads a page (of an overflow run: all of it) from the file, past the cache, and checks it
    /// like ``PageStorage/load(_:)`` does. A dirty page is not looked at.
    ///
    /// - Throws: `damaged` with the page, `inputOutput`, `closed`.
    func checkStored(_ page: PageNumber) throws(StorageError)

    /// Whether the superblock slot that does not hold the durable checkpoint was neither sound nor
    /// blank when the store was opened, and has not been written since.
    var isSpareSuperblockDamaged: Bool { get }

    /// The number of the durable superblock: it counts the checkpoints.
    var generation: UInt64 { get }

    /// The page that the durable superblock is in.
    var superblockPage: PageNumber { get }

    /// What is wrong with a page in the file, given the error that reading it gave.
    func flaw(_ error: StorageError, of page: PageNumber) -> PageFlaw

    /// The first failed write or sync; every later write fails with `poisoned` and this cause.
    var poison: StorageError? { get }

    /// Closes the file. Every later operation fails with `closed`. Does not write anything.
    func close()
}

extension CheckpointedStorage {
    /// False for stores without superblocks.
    public var isSpareSuperblockDamaged: Bool { false }

    /// 0 for stores without superblocks.
    public var generation: UInt64 { 0 }

    /// 0 for stores without superblocks.
    public var superblockPage: PageNumber { 0 }

    /// The error itself, for stores without a file.
    public func flaw(_ error: StorageError, of page: PageNumber) -> PageFlaw { .unreadable(error) }
}

extension CheckpointedStorage {
    /// Does nothing: for a store that has all pages in memory alone.
    public func trim(toPages pageCount: Int) {}
}
