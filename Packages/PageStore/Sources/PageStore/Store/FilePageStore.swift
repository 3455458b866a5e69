import StorageIO
import Synchronization

/// What belongs to the writing thread of a store.
private struct WritingState {
    var transaction: TransactionNumber
    /// Above every birth while no transaction runs: then no page is changed where it is (R1).
    var firstTransaction: TransactionNumber = .max
    /// What the next pages are for.
    var purpose = SpacePurpose.growth
}

/// Pages in one file, with a cache over reserved address space, lifetimes, and checkpoints.
///
/// The parts, each with the state that it guards: `FileSpace` (which pages are free; R1), `PageTable` (what is in
/// the cache), `UnsyncedPages`, `Poison`. This type composes them:
/// - R2: ``finishCheckpoint()`` syncs before it writes the superblock, and again after.
/// - R7: a page's state becomes readable only after its checks.
/// - R8: clean resident pages are evicted beyond the budget; dirty ones are bounded by whoever
///   watches ``pressure``.
///
/// A page's state (``PageState``) says who may touch its memory: in `loading` the thread that put it
/// there, when readable all to read, when `dirty` the writing thread too if it was born in the
/// running transaction, or for a change in place (``commitInPlace(_:)``).
///
/// Locks, in the order of taking: `space`, then that of `PageTable.eviction`; those of `UnsyncedPages`, `Poison`
/// and `PageMemory` are taken last.
@safe public final class FilePageStore<Handle: File>: CheckpointedStorage, @unchecked Sendable {
    // Sendable: every stored property is constant and safe by itself, or says what guards it.

    /// See ``PageReading/window``.
    public let window: PageWindow
    /// See ``TransactionalStorage/versions``.
    public let versions: VersionRegistry
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
    /// See ``PageWriting/transaction``. Belongs to the writing thread.
    public internal(set) var transaction: TransactionNumber {
        get { unsafe writing.pointee.transaction }
        set { unsafe writing.pointee.transaction = newValue }
    }
    /// See ``PageWriting/firstTransaction``. Belongs to the writing thread.
    public internal(set) var firstTransaction: TransactionNumber {
        @inline(__always) get { unsafe writing.pointee.firstTransaction }
        set { unsafe writing.pointee.firstTransaction = newValue }
    }
    /// What the next pages are for. Belongs to the writing thread.
    var purpose: SpacePurpose {
        get { unsafe writing.pointee.purpose }
        set { unsafe writing.pointee.purpose = newValue }
    }

    let file: Handle
    let memory: PageMemory
    let table: PageTable
    let judge: PageJudge
    let epochs = ReaderEpochs()

    /// The file's space, under its lock.
    let space: Guarded<FileSpace>
    /// What readers know of it.
    let bounds: SpaceBounds
    /// Held behind a constant pointer, which avoids Swift's exclusivity checks at run time. The writer lock
    /// makes that safe.
    private let writing: UnsafeMutablePointer<WritingState>
    /// What was written and can still be lost.
    let unsynced = UnsyncedPages()
    /// The first failed write or sync.
    let failure: Poison
    let loads = Atomic<UInt64>(0)
    let isClosed = Atomic<Bool>(false)

    let budgetPages: Int
    let evictions = Atomic<UInt64>(0)

    /// A store over a file whose superblock was chosen and whose free list was read.
    init(
        _ file: Handle, _ options: PageStoreOptions, _ check: @escaping PageCheck,
        _ space: consuming FileSpace, otherSlotDamaged: Bool
    ) {
        self.file = file
        self.options = options
        judge = PageJudge(structure: check)
        self.otherSlotDamaged = otherSlotDamaged
        table = space.table
        memory = table.memory
        bounds = space.bounds
        versions = space.versions
        failure = space.poison
        window = memory.window
        identifier = space.superblock.identifier
        openedGeneration = space.superblock.generation
        budgetPages = max(
            16, 4 * memory.groupSize, options.cacheBudget >> PageLayout.pageShift)
        unsafe writing = .allocate(capacity: 1)
        unsafe writing.initialize(
            to: WritingState(transaction: space.superblock.record.transaction))
        self.space = Guarded(space)
    }

    deinit {
        unsafe writing.deallocate()
    }

    // MARK: Reads

    /// See ``PageReading/beginRead()``.
    public func beginRead() -> ReadToken { ReadToken(slot: epochs.enter()) }
    /// See ``PageReading/endRead(_:)``.
    public func endRead(_ token: ReadToken) {
        epochs.leave(token.slot)
        // A long read may have held up eviction, and nothing may miss the cache for long.
        if cleanResidentPages > budgetPages + 64 { evictIfNeeded() }
    }

    // MARK: Failure

    /// See ``CheckpointingStorage/poison``.
    public var poison: StorageError? { failure.cause }

    func checkOpen() throws(StorageError) {
        schedulePoint()
        if isClosed.load(ordering: .relaxed) {
            throw StorageError(.closed, "The database is closed.", path: file.path)
        }
    }

    func checkWritable() throws(StorageError) {
        try checkOpen()
        if let cause = failure.cause {
            throw StorageError(
                .poisoned,
                "An earlier write failed, so nothing more is written; close and open again.",
                path: file.path, cause: cause)
        }
    }

    /// See ``CheckpointingStorage/close()``.
    public func close() {
        schedulePoint()
        isClosed.store(true, ordering: .relaxed)
        file.close()
    }
}
