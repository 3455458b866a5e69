import PageStore

/// What a tree consists of, as `checkInvariants` found it.
public struct TreeReport: Sendable, Equatable {
    /// Levels, 0 for an empty tree.
    public var height = 0
    /// Entries counted in the leaves.
    public var entryCount: UInt64 = 0
    /// Pages that are leaves.
    public var leafPages = 0
    /// Pages that are inner nodes.
    public var innerPages = 0
    /// Pages of overflow runs.
    public var overflowPages = 0
    /// Bytes of leaves in use: slots, prefixes and live cells, of 4064 each.
    public var leafBytes = 0
    /// Bytes of inner nodes in use, of 4064 each.
    public var innerBytes = 0
    /// Bytes of the values in overflow runs.
    public var overflowBytes = 0
    /// Bytes of all keys.
    public var keyBytes = 0
    /// Bytes of all values.
    public var valueBytes = 0

    /// A report on nothing.
    public init() {}

    /// The part of the leaves' bytes that is in use, 0 to 1.
    public var leafFill: Double {
        leafPages == 0 ? 0 : Double(leafBytes) / Double(leafPages * NodeLayout.capacity)
    }

    /// The part of the inner nodes' bytes that is in use, 0 to 1.
    public var innerFill: Double {
        innerPages == 0 ? 0 : Double(innerBytes) / Double(innerPages * NodeLayout.capacity)
    }

    /// All pages.
    public var pageCount: Int { leafPages + innerPages + overflowPages }
}
