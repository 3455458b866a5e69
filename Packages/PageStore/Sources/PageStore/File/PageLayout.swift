/// Numbers a page within its file: page *p* starts at byte `p * 4096`. Pages 0 and 1 are the
/// superblock slots, so 0 also serves as "no page".
public typealias PageNumber = UInt32

/// Numbers committed write transactions, from 1, without gaps.
public typealias TransactionNumber = UInt64

/// Where the fields that every page starts with lie. The byte-by-byte table is in
/// `Docs/FileFormat.md`; this is its one home in code.
public enum PageLayout {
    /// The size of a page in bytes.
    @inlinable public static var pageSize: Int { 4096 }
    /// log2 of the page size.
    @inlinable public static var pageShift: Int { 12 }
    /// u32: CRC-32C of the page from byte 4 to its end (of an overflow run: to the end of its data).
    @inlinable public static var checksum: Int { 0 }
    /// Bytes of the checksum, which every checksum of a page leaves out.
    @inlinable public static var checksumSize: Int { 4 }
    /// u32: the page's own number, so that a misdirected write is seen.
    @inlinable public static var pageNumber: Int { 4 }
    /// u64: the transaction that wrote this page (its birth).
    @inlinable public static var birth: Int { 8 }
    /// u8: the ``PageKind``.
    @inlinable public static var kind: Int { 16 }
    /// u8: height above the leaves, for nodes; 0 otherwise.
    @inlinable public static var level: Int { 17 }
    /// Bytes 18 to 31 belong to each kind of page.
    @inlinable public static var kindFields: Int { 18 }
    /// The first byte of content.
    @inlinable public static var headerSize: Int { 32 }
}

/// What a page holds.
public enum PageKind: UInt8, Sendable {
    /// A tree node with entries.
    case leaf = 1
    /// A tree node with children.
    case inner = 2
    /// The first page of a run that holds one big value.
    case overflow = 3
    /// A part of the free list.
    case freeList = 4
    /// A superblock slot.
    case superblock = 5
}
