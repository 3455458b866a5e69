/// Where the fields of a superblock lie, behind the page header. All of it is in the first 512
/// bytes, which devices write as one; the rest of the page is zero. The table is in
/// `Docs/FileFormat.md`.
enum SuperblockLayout {
    /// 8 bytes: ``magicBytes``. Stays here in every later format.
    static var magic: Int { 32 }
    /// u32: the format version. Stays here in every later format.
    static var formatVersion: Int { 40 }
    /// u32: the page size in bytes.
    static var pageSize: Int { 44 }
    /// u32: bytes reserved at the end of each page; 0.
    static var reservedPerPage: Int { 48 }
    /// u32: bit 0 says that a log was in use, bit 1 that it was to be removed after.
    static var flags: Int { 52 }
    /// 16 bytes: the store's identifier.
    static var identifier: Int { 56 }
    /// u64: counts the checkpoints, from 1.
    static var generation: Int { 72 }
    /// u64: the version that was written.
    static var transaction: Int { 80 }
    /// u64: the log sequence number to replay from.
    static var logPosition: Int { 88 }
    /// u64: entries in the catalog tree.
    static var catalogCount: Int { 96 }
    /// u32: the catalog tree's root, 0 when there is none.
    static var catalogRoot: Int { 104 }
    /// u8: the catalog tree's height in levels.
    static var catalogHeight: Int { 108 }
    /// u32: pages in the file's space; all references lead below.
    static var pageCount: Int { 112 }
    /// u32: the first page of the free list, 0 when there is none.
    static var freeListHead: Int { 116 }
    /// u32: how many pages are free.
    static var freePageCount: Int { 120 }
    /// u32: how many pages the free list itself takes.
    static var freeListPageCount: Int { 124 }
    /// The first byte behind the fields.
    static var end: Int { 128 }

    /// "KVDBSWFT" as a little-endian integer.
    static var magicBytes: UInt64 { 0x5446_5753_4244_564B }
    /// The format that this code writes, and the newest that it reads.
    static var currentVersion: UInt32 { 1 }
    static var flagUsesLog: UInt32 { 1 }
    static var flagEndsLog: UInt32 { 2 }
}
