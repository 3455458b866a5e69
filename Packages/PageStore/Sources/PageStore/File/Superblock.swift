import StorageIO

/// Tells stores apart: 16 random bytes, set when a store is created and never changed.
public struct StoreIdentifier: Sendable, Equatable {
    /// The first eight bytes as a little-endian integer.
    public var first: UInt64
    /// The other eight.
    public var second: UInt64

    /// The identifier with these bytes.
    public init(first: UInt64, second: UInt64) {
        self.first = first
        self.second = second
    }

    /// A new one from the system's entropy.
    public static func random() -> StoreIdentifier {
        StoreIdentifier(first: System.randomNumber(), second: System.randomNumber())
    }
}

/// What one superblock slot says.
public struct Superblock: Sendable, Equatable {
    /// What to tell the store by.
    public internal(set) var identifier: StoreIdentifier
    /// Counts the checkpoints, from 1.
    public internal(set) var generation: UInt64
    /// The state that it stands for.
    public internal(set) var record: CheckpointRecord
    /// All page numbers lie below.
    public internal(set) var pageCount: UInt32
    /// The first page of the free list, 0 when there is none.
    public internal(set) var freeListHead: PageNumber = 0
    /// How many pages are free.
    public internal(set) var freePageCount: UInt32 = 0
    /// How many pages the free list takes.
    public internal(set) var freeListPageCount: UInt32 = 0

    /// What a slot turns out to be.
    public enum Slot: Sendable, Equatable {
        /// A sound superblock.
        case valid(Superblock)
        /// All zero: never written.
        case blank
        /// Without our magic.
        case foreign
        /// Ours, in a later format.
        case newer
        /// Neither sound nor blank.
        case damaged
    }

    /// Writes the slot's page, sealed.
    func encode(into page: PageBytes, slot: PageNumber) {
        page.zero(0, count: PageLayout.pageSize)
        page.writeHeader(number: slot, birth: record.transaction, kind: .superblock)
        page.store(SuperblockLayout.magicBytes, at: SuperblockLayout.magic)
        page.store(SuperblockLayout.currentVersion, at: SuperblockLayout.formatVersion)
        page.store(UInt32(PageLayout.pageSize), at: SuperblockLayout.pageSize)
        page.store(
            (record.usesLog ? SuperblockLayout.flagUsesLog : 0)
                | (record.endsLog ? SuperblockLayout.flagEndsLog : 0),
            at: SuperblockLayout.flags)
        page.store(identifier.first, at: SuperblockLayout.identifier)
        page.store(identifier.second, at: SuperblockLayout.identifier + 8)
        page.store(generation, at: SuperblockLayout.generation)
        page.store(record.transaction, at: SuperblockLayout.transaction)
        page.store(record.logPosition, at: SuperblockLayout.logPosition)
        page.store(record.catalogCount, at: SuperblockLayout.catalogCount)
        page.store(record.catalogRoot, at: SuperblockLayout.catalogRoot)
        page.store(record.catalogHeight, at: SuperblockLayout.catalogHeight)
        page.store(pageCount, at: SuperblockLayout.pageCount)
        page.store(freeListHead, at: SuperblockLayout.freeListHead)
        page.store(freePageCount, at: SuperblockLayout.freePageCount)
        page.store(freeListPageCount, at: SuperblockLayout.freeListPageCount)
        page.seal()
    }

    /// Reads a slot's page.
    static func decode(_ page: PageBytes, slot: PageNumber) -> Slot {
        guard page.u64(SuperblockLayout.magic) == SuperblockLayout.magicBytes else {
            return page.isZero(0, count: PageLayout.pageSize) ? .blank : .foreign
        }
        // Before the checksum: a later format may compute it in another way.
        let version = page.u32(SuperblockLayout.formatVersion)
        guard version <= SuperblockLayout.currentVersion else { return .newer }
        guard page.isIntact, version > 0, page.number == slot,
            page.rawKind == PageKind.superblock.rawValue, page.level == 0,
            page.isZero(PageLayout.kindFields, count: 14),
            page.u32(SuperblockLayout.pageSize) == UInt32(PageLayout.pageSize),
            page.u32(SuperblockLayout.reservedPerPage) == 0,
            page.u32(SuperblockLayout.flags)
                & ~(SuperblockLayout.flagUsesLog | SuperblockLayout.flagEndsLog) == 0,
            page.isZero(SuperblockLayout.catalogHeight + 1, count: 3),
            page.isZero(
                SuperblockLayout.end, count: PageLayout.pageSize - SuperblockLayout.end)
        else { return .damaged }
        let superblock = Superblock(
            identifier: StoreIdentifier(
                first: page.u64(SuperblockLayout.identifier),
                second: page.u64(SuperblockLayout.identifier + 8)),
            generation: page.u64(SuperblockLayout.generation),
            record: CheckpointRecord(
                transaction: page.u64(SuperblockLayout.transaction),
                catalogRoot: page.u32(SuperblockLayout.catalogRoot),
                catalogHeight: page.u8(SuperblockLayout.catalogHeight),
                catalogCount: page.u64(SuperblockLayout.catalogCount),
                logPosition: page.u64(SuperblockLayout.logPosition),
                usesLog: page.u32(SuperblockLayout.flags) & SuperblockLayout.flagUsesLog != 0,
                endsLog: page.u32(SuperblockLayout.flags) & SuperblockLayout.flagEndsLog != 0),
            pageCount: page.u32(SuperblockLayout.pageCount),
            freeListHead: page.u32(SuperblockLayout.freeListHead),
            freePageCount: page.u32(SuperblockLayout.freePageCount),
            freeListPageCount: page.u32(SuperblockLayout.freeListPageCount))
        return superblock.isPlausible && superblock.record.transaction == page.birth
            ? .valid(superblock) : .damaged
    }

    /// No transaction or generation has this number or a higher one: far below where counting on would
    /// overflow, and out of reach but for a forged file.
    public static let countLimit: UInt64 = 1 << 62
    /// How far below ``countLimit`` a number is called forged by verification, which so finds it while
    /// there are numbers left to write with.
    public static let countReserve: UInt64 = 1 << 20

    /// Whether the fields agree with each other.
    private var isPlausible: Bool {
        generation > 0 && pageCount >= 2 && generation < Self.countLimit
            && record.transaction < Self.countLimit
            && (record.catalogRoot == 0 || record.catalogRoot >= 2)
            && record.catalogRoot < pageCount && freeListHead < pageCount
            && (freeListHead == 0) == (freeListPageCount == 0)
            && UInt64(freePageCount) + UInt64(freeListPageCount) + 2 <= UInt64(pageCount)
    }
}
