import StorageIO
import Synchronization

/// What belongs to the writing thread of a store.
private struct WritingState {
    var transaction: TransactionNumber = 0
    /// Above every birth while no transaction runs: then no page is changed where it is (R1).
    var firstTransaction: TransactionNumber = .max
}

/// Pages in one file, with a cache over reserved address space, lifetimes, and checkpoints.
///
/// Invariants, by the numbers of `Docs/`:
/// - R1: a page number is handed out only when it is in `allocator.free`, and it gets there only
///   when no held version sees it; the durable checkpoint is a held version. So nothing that the
///   durable superblock reaches is ever written to.
/// - R2: ``finishCheckpoint()`` syncs before it writes the superblock, and again after.
/// - R7: a page's state becomes readable only after its checks.
/// - R8: clean resident pages are evicted beyond the budget; dirty ones are bounded by whoever
///   watches ``pressure``.
///
/// A page's state (``PageState``) says who may touch its memory: in `loading` the thread that put it
/// there, when readable all to read, when `dirty` the writing thread too if it was born in the
/// running transaction, or for a change in place (``commitInPlace(_:)``).
///
/// Locks, in the order of taking: `space`, then that of `PageTable.eviction`; `unsyncedLock` and that of
/// `PageMemory` are taken last.
@safe public final class FilePageStore<Handle: File>: CheckpointedStorage, @unchecked Sendable {
    // Sendable: every stored property is constant and safe by itself, or says what guards it.

    /// A checkpoint between its two halves.
    struct RunningCheckpoint {
        var superblock: Superblock
        var freeListPages: [Int]
        var freeListBuffer: PageBuffer
        /// Whether a thread is at it: nobody else may write it too.
        var isBeingWritten = false
    }

    /// See ``PageStorage/window``.
    public let window: PageWindow
    /// See ``CheckpointedStorage/versions``.
    public let versions = VersionRegistry()
    /// What the store was opened with.
    public let options: PageStoreOptions
    /// Tells this store from all others.
    public let identifier: StoreIdentifier
    /// Whether the superblock slot that was not chosen at open held neither a superblock nor zeros:
    /// a write of it was cut off, which is sound only when the log covers what came after the
    /// chosen one.
    public let otherSlotDamaged: Bool
    /// The generation of the superblock that was chosen at open.
    let openedGeneration: UInt64
    /// See ``PageStorage/transaction``. Belongs to the writing thread.
    public internal(set) var transaction: TransactionNumber {
        get { unsafe writing.pointee.transaction }
        set { unsafe writing.pointee.transaction = newValue }
    }
    /// See ``PageStorage/firstTransaction``. Belongs to the writing thread.
    public internal(set) var firstTransaction: TransactionNumber {
        @inline(__always) get { unsafe writing.pointee.firstTransaction }
        set { unsafe writing.pointee.firstTransaction = newValue }
    }

    let file: Handle
    let memory: PageMemory
    let table: PageTable
    let check: PageCheck
    let epochs = ReaderEpochs()

    let space = Lock()
    /// This state and the next are held behind constant pointers, which avoids Swift's exclusivity checks
    /// at run time. The writer lock makes that safe for this one, and `space` for the next.
    private let writing: UnsafeMutablePointer<WritingState>
    private let allocatorState: UnsafeMutablePointer<PageAllocator>
    /// Guarded by `space`.
    var allocator: PageAllocator {
        _read { yield unsafe allocatorState.pointee }
        _modify { yield unsafe &allocatorState.pointee }
    }
    /// What the file says durably. Guarded by `space`.
    var superblock: Superblock
    /// Guarded by `space`.
    var runningCheckpoint: RunningCheckpoint?
    /// The slot that `superblock` is in. Changed under `space`, and only by the thread that writes a
    /// superblock, which may therefore read it without.
    var durableSlot: Int
    /// Pages that the file has room for without growing. Guarded by `space`.
    var filePages: Int
    /// Pages that were holes when the file was opened, where nearly all were. Such a file was not written by
    /// this engine: its pages need no reserve, however many a forged superblock claims.
    let holePages: Int
    /// What the next pages are for. Belongs to the writing thread.
    var purpose = SpacePurpose.growth
    /// Under it nothing else is taken; readers take it when they load a page while anything is unsynced.
    let unsyncedLock = Lock()
    /// Pages written since the last sync began, first pages of runs only. Guarded by `unsyncedLock`.
    var unsynced = PageBitmap()
    /// Pages that the running sync is to make durable. Guarded by `unsyncedLock`.
    var syncing = PageBitmap()
    /// Whether there is any page in the two.
    let hasUnsynced = Atomic<Bool>(false)
    /// Mirrors `superblock.record.transaction` for readers.
    let durableTransaction: Atomic<UInt64>

    /// Mirrors `allocator.end` for readers.
    let endOfSpace: Atomic<Int>
    /// The highest end ever: no page beyond was ever in memory.
    let highestEnd: Atomic<Int>
    /// No sound page is born later.
    let newestBirth: Atomic<UInt64>
    /// What is born earlier is not of the running transaction, nor of one that could be next.
    let lowestNewborn: Atomic<UInt64>
    let loads = Atomic<UInt64>(0)
    let isShort = Atomic<Bool>(false)
    let isClosed = Atomic<Bool>(false)
    let isPoisoned = Atomic<Bool>(false)
    let poisonLock = Lock()
    /// Guarded by `poisonLock`.
    var firstFailure: StorageError?

    let budgetPages: Int
    let evictions = Atomic<UInt64>(0)

    /// A store over a file whose superblock was chosen and whose free list was read.
    init(
        file: Handle, options: PageStoreOptions, check: @escaping PageCheck, memory: PageMemory,
        superblock: Superblock, durableSlot: Int, otherSlotDamaged: Bool, filePages: Int,
        holePages: Int
    ) {
        self.file = file
        self.options = options
        self.check = check
        self.memory = memory
        table = PageTable(memory)
        self.superblock = superblock
        self.durableSlot = durableSlot
        self.otherSlotDamaged = otherSlotDamaged
        openedGeneration = superblock.generation
        self.filePages = filePages
        self.holePages = holePages
        window = memory.window
        identifier = superblock.identifier
        endOfSpace = Atomic(Int(superblock.pageCount))
        highestEnd = Atomic(Int(superblock.pageCount))
        newestBirth = Atomic(superblock.record.transaction)
        lowestNewborn = Atomic(superblock.record.transaction)
        durableTransaction = Atomic(superblock.record.transaction)
        budgetPages = max(
            16, 4 * memory.groupSize, options.cacheBudget >> PageLayout.pageShift)
        unsafe writing = .allocate(capacity: 1)
        unsafe writing.initialize(to: WritingState())
        unsafe allocatorState = .allocate(capacity: 1)
        unsafe allocatorState.initialize(to: PageAllocator())
        transaction = superblock.record.transaction
        allocator.end = Int(superblock.pageCount)
        allocator.head = superblock.record.transaction
        allocator.published = superblock.record.transaction
    }

    deinit {
        unsafe allocatorState.deinitialize(count: 1)
        unsafe allocatorState.deallocate()
        unsafe writing.deallocate()
    }

    // MARK: Reads

    /// See ``PageStorage/beginRead()``.
    public func beginRead() -> ReadToken { ReadToken(slot: epochs.enter()) }
    /// See ``PageStorage/endRead(_:)``.
    public func endRead(_ token: ReadToken) {
        epochs.leave(token.slot)
        // A long read may have held up eviction, and nothing may miss the cache for long.
        if cleanResidentPages > budgetPages + 64 { evictIfNeeded() }
    }

    // MARK: Failure

    /// See ``CheckpointedStorage/poison``.
    public var poison: StorageError? {
        schedulePoint()
        guard isPoisoned.load(ordering: .acquiring) else { return nil }
        return poisonLock.withLock { firstFailure }
    }

    /// Notes a failed write or sync: nothing is known about the file's content any more, so nothing
    /// may be built on it.
    func poison(by error: StorageError) {
        poisonLock.acquire()
        defer { poisonLock.release() }
        if firstFailure == nil { firstFailure = error }
        isPoisoned.store(true, ordering: .releasing)
    }

    /// Runs what has no file of its own, and adds this one's path to its errors.
    @inline(__always)
    func located<Result>(
        _ body: () throws(StorageError) -> Result
    ) throws(StorageError) -> Result {
        do throws(StorageError) {
            return try body()
        } catch {
            throw located(error)
        }
    }

    /// An error of what has no file of its own, with this one's path.
    func located(_ error: StorageError) -> StorageError {
        var error = error
        error.path = file.path
        return error
    }

    func checkOpen() throws(StorageError) {
        schedulePoint()
        if isClosed.load(ordering: .relaxed) {
            throw StorageError(.closed, "The database is closed.", path: file.path)
        }
    }

    func checkWritable() throws(StorageError) {
        try checkOpen()
        if let cause = poison {
            throw StorageError(
                .poisoned,
                "An earlier write failed, so nothing more is written; close and open again.",
                path: file.path, cause: cause)
        }
    }

    /// See ``CheckpointedStorage/close()``.
    public func close() {
        schedulePoint()
        isClosed.store(true, ordering: .relaxed)
        file.close()
    }
}
