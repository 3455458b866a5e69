import StorageIO

/// What statistics and verification look at.
public protocol StoreInspection: AnyObject, Sendable {
    /// What the store is made of.
    var statistics: PageStoreStatistics { get }

    /// How many pages the file's space has; all page numbers are below.
    var pageCount: Int { get }

    /// Calls `body` with the first page and length of each run of free pages, ascending. It must
    /// not call the store.
    func forEachFreeRun(_ body: (PageNumber, Int) -> Void)

    /// Calls `body` with each run of pages that were replaced but are not free yet.
    func forEachPendingRun(_ body: (PageNumber, Int) -> Void)

    /// The pages that hold the durable free list.
    var freeListPages: [PageNumber] { get }

    /// Reads a page (of an overflow run: all of it) from the file, past the cache, and checks it
    /// like ``PageReading/load(_:)`` does. A dirty page is not looked at.
    ///
    /// - Throws: `damaged` with the page, `inputOutput`, `closed`.
    func checkStored(_ page: PageNumber) throws(StorageError)

    /// What is wrong with a page in the file, given the error that reading it gave.
    func flaw(_ error: StorageError, of page: PageNumber) -> PageFlaw

    /// The number of the durable superblock: it counts the checkpoints.
    var generation: UInt64 { get }

    /// The page that the durable superblock is in.
    var superblockPage: PageNumber { get }

    /// Whether the superblock slot that does not hold the durable checkpoint was neither sound nor
    /// blank when the store was opened, and has not been written since.
    var isSpareSuperblockDamaged: Bool { get }
}
