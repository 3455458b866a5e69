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
    /// Reads that have ended so far; see ``PageReading/beginRead()``. 0 in a store whose pages are never evicted.
    public var reads: UInt64 = 0

    /// The pages that one held version keeps from use.
    public struct PinnedPages: Sendable, Equatable {
        /// The held version.
        public var version: TransactionNumber
        /// How many pages.
        public var pageCount: Int
    }
}
