/// Numbers a page within its file: page *p* starts at byte `p * 4096`. Pages 0 and 1 are the
/// superblock slots, so 0 also serves as "no page".
public typealias PageNumber = UInt32

/// Numbers committed write transactions, from 1, without gaps.
public typealias TransactionNumber = UInt64

/// Where the fields that every page starts with lie. The byte-by-byte table is in
/// `Docs/FileFormat.md`; this is its one home in code.
public enum PageLayout {
    /// The size of a page in bytes.
    public static let pageSize = 4096
    /// log2 of the page size.
    public static let pageShift = 12
    /// u32: CRC-32C of the page from byte 4 to its end (of an overflow run: to the end of its data).
    public static let checksum = 0
    /// u32: the page's own number, so that a misdirected write is seen.
    public static let pageNumber = 4
    /// u64: the transaction that wrote this page (its birth).
    public static let birth = 8
    /// u8: the ``PageKind``.
    public static let kind = 16
    /// u8: height above the leaves, for nodes; 0 otherwise.
    public static let level = 17
    /// Bytes 18 to 31 belong to each kind of page.
    public static let kindFields = 18
    /// The first byte of content.
    public static let headerSize = 32
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
