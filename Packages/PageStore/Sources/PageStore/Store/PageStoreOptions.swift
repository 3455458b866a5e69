/// How a store is opened.
public struct PageStoreOptions: Sendable, Equatable {
    /// How many bytes of pages the cache keeps in memory, apart from dirty pages.
    public var cacheBudget: Int
    /// How many bytes of dirty pages are wanted at most. The store only reports the pressure; who
    /// drives it answers with a checkpoint or ``CheckpointingStorage/writeOutDirty()``.
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
