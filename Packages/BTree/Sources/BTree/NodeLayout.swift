import PageStore

/// Where the fields of a tree node lie. The byte-by-byte table is in `Docs/NodeFormat.md`; this is
/// its one home in code.
enum NodeLayout {
    /// u16: how many slots.
    static let slotCount = 18
    /// u16: the lowest byte of the heap, 4096 when it is empty.
    static let cellStart = 20
    /// u16: bytes of the heap that nothing refers to.
    static let garbageBytes = 22
    /// u16: length of the prefix that all keys share.
    static let prefixLength = 24
    /// u16: where the prefix lies in the heap; 0 when there is none.
    static let prefixOffset = 26
    /// u32: 0.
    static let reserved = 28

    /// Where the heads begin.
    static let heads = PageLayout.headerSize
    /// Bytes of one head.
    static let headSize = 4
    /// Bytes of one slot's tail in a leaf: u16 cell, u16 key length after the prefix.
    static let leafTailSize = 4
    /// Bytes of one slot's tail in an inner node: u32 child, u16 cell, u16 key length.
    static let innerTailSize = 8

    /// The value length that says "in an overflow run".
    static let overflowMark: UInt16 = 0xFFFF
    /// Bytes before the key in the cell of an inline value: u16 length.
    static let inlineFieldSize = 2
    /// Bytes before the key in the cell of an overflow value: u16 mark, u32 page, u32 length.
    static let overflowFieldSize = 10
    /// Bytes before the key in the cell of an inner node: u64 entries below the child.
    static let countFieldSize = 8

    /// Bytes that slots and heap share.
    static let capacity = PageLayout.pageSize - PageLayout.headerSize
    /// More heads than this don't fit, whatever a page says.
    static let maximumSlots = capacity / headSize
    /// Bytes of a leaf entry beside its key and its inline value.
    static let leafOverhead = headSize + leafTailSize + inlineFieldSize
}
