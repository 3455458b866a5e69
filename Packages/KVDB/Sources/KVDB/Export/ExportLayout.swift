/// A version of the tkdb export format. `Docs/ExportFormat.md` has both byte by byte.
public enum ExportFormat: UInt32, Sendable, CaseIterable {
    /// Entries to the end of the file: no checksum, no count, one table. A file cut between two
    /// entries can't be told from a whole one.
    case version1 = 1
    /// Named tables, checksummed blocks, and an end block with the counts. The default.
    case version2 = 2
}

/// Every offset and size of the export formats, once. All integers are little-endian.
enum ExportLayout {
    /// `TKDB_EXP`, the first eight bytes of every version.
    static let magic: [UInt8] = [0x54, 0x4B, 0x44, 0x42, 0x5F, 0x45, 0x58, 0x50]
    /// Magic and version, which all versions share.
    static let prefixByteCount = 12

    /// The rest of a version 2 header: guard, flags, checksum.
    static let headerByteCount = 24
    /// Where a reader of version 1 expects a key length: one that no key has, so that a header
    /// whose version is damaged into 1 is refused.
    static let headerGuard: UInt32 = 0xFFFF_FFFF

    /// Key length (u16) and value length (u32) before each entry, in both versions.
    static let entryHeadByteCount = 6
    /// Kind (u32) and payload length (u32) before each block's payload.
    static let blockHeadByteCount = 8
    /// The checksum after each block's payload.
    static let checksumByteCount = 4
    /// The longest payload of a block, so that a reader's memory is bounded by the format.
    static let maximumPayloadByteCount = 65_536
    /// The end block's payload: entry count (u64), table count (u64).
    static let endPayloadByteCount = 16

    /// The longest key of an entry, and the longest table name.
    static let maximumKeyLength = 1024
    /// The longest value of an entry.
    static let maximumValueLength = 1 << 30

    /// What a block holds.
    enum BlockKind: UInt32 {
        /// The name of the table that the entries after it belong to.
        case table = 1
        /// Entries, the first of them from its beginning. The last one's value may go on in
        /// continuation blocks.
        case entries = 2
        /// The next part of a value, and nothing else.
        case continuation = 3
        /// The counts. Nothing comes after it.
        case end = 4
        /// What the table begun just before holds: see `TableDescription`.
        case description = 5
    }
}
