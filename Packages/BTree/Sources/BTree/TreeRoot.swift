import PageStore
import StorageIO

/// All that identifies one version of a tree.
public struct TreeRoot: Equatable, Sendable {
    /// The root node's page, 0 for an empty tree.
    public var page: PageNumber
    /// The number of levels, 0 for an empty tree.
    public var height: UInt8
    /// How many entries the tree holds.
    public var entryCount: UInt64

    /// A root with these parts.
    public init(page: PageNumber, height: UInt8, entryCount: UInt64) {
        self.page = page
        self.height = height
        self.entryCount = entryCount
    }

    /// The root of a tree without entries.
    public static let empty = TreeRoot(page: 0, height: 0, entryCount: 0)

    /// Whether there is nothing below.
    public var isEmpty: Bool { page == 0 }

    /// Checks that page, height and count can belong together, as they may come from disk.
    func validate() throws(StorageError) {
        guard Int(height) <= TreeLimits.maximumHeight, (page == 0) == (height == 0),
            (page == 0) == (entryCount == 0)
        else {
            throw StorageError(
                .damaged, "The root of a tree has a height or count that can't be.", page: page)
        }
    }
}

/// How long keys and values may be.
public enum TreeLimits {
    /// The longest key in bytes.
    public static let maximumKeyLength = 1024
    /// The longest value in bytes (1 GiB).
    public static let maximumValueLength = 1 << 30
    /// A value longer than this lives in an overflow run.
    public static let maximumInlineValueLength = 1024
    /// So does one whose whole entry would take more bytes of a leaf than this. Two such entries
    /// fit in a page, which is what makes every split possible.
    public static let maximumEntrySize = 2000
    /// The most levels of a tree. Inner nodes split into nodes of two children or more, so the
    /// page numbers run out before the levels do.
    public static let maximumHeight = 32

    /// Whether a value is kept in its leaf.
    static func isInline(keyLength: Int, valueLength: Int) -> Bool {
        valueLength <= maximumInlineValueLength
            && NodeLayout.leafOverhead + keyLength + valueLength <= maximumEntrySize
    }

    /// The pages that a value of `byteCount` bytes takes in an overflow run: one header, then data.
    static func overflowPageCount(byteCount: Int) -> Int {
        (PageLayout.headerSize + byteCount + PageLayout.pageSize - 1) >> PageLayout.pageShift
    }

    /// Checks the lengths of an entry.
    ///
    /// - Throws: `keyTooLong`, `valueTooLong`.
    public static func check(keyLength: Int, valueLength: Int) throws(StorageError) {
        guard keyLength <= maximumKeyLength else {
            throw StorageError(
                .keyTooLong,
                "The key has \(keyLength) bytes; the limit is \(maximumKeyLength).")
        }
        guard valueLength <= maximumValueLength else {
            throw StorageError(
                .valueTooLong,
                "The value has \(valueLength) bytes; the limit is \(maximumValueLength).")
        }
    }
}
