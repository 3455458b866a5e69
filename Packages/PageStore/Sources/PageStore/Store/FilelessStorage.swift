import StorageIO

/// A store that has all pages in memory alone. What is asked of it about a file has one answer, which this gives: no
/// write waits or fails, nothing is stored that could differ from memory, there are no superblocks.
public protocol FilelessStorage: CheckpointedStorage {}

extension FilelessStorage {
    /// False: there is no disk that could be full, and a checkpoint would free no more than a transaction that
    /// begins does.
    public var isSpaceShort: Bool { false }

    /// Changes nothing: the log's disk, if it has one, is not this store's.
    public func noteSpaceShort() {}

    /// False: no space is taken ahead.
    public func giveSpaceBack() throws(StorageError) -> Bool { false }

    /// Changes nothing: there is no next open that could miss the log.
    public func noteLogInUse() throws(StorageError) {}

    /// Changes nothing: there is nowhere to write, and no page is evicted.
    public func writeOutDirty() throws(StorageError) {}

    /// Changes nothing: all pages stay, as there is no other place for them.
    public func trim(toPages pageCount: Int) {}

    /// None, as no write can fail.
    public var poison: StorageError? { nil }

    /// None: the free pages are known in memory.
    public var freeListPages: [PageNumber] { [] }

    /// Finds nothing: no page is stored.
    public func checkStored(_ page: PageNumber) throws(StorageError) {}

    /// The error itself, as there is no file to look into.
    public func flaw(_ error: StorageError, of page: PageNumber) -> PageFlaw { .unreadable(error) }

    /// False: there are no superblocks.
    public var isSpareSuperblockDamaged: Bool { false }

    /// 0: there are no superblocks.
    public var generation: UInt64 { 0 }

    /// 0: there are no superblocks.
    public var superblockPage: PageNumber { 0 }
}
