import PageStore
import StorageIO

/// Brings the next leaf of a scan near while the entries of this one are lent, some lines with each:
/// neighbours in a tree lie anywhere in memory, so nobody else foresees it, and all lines at once would
/// fill the processor's queue of misses and stop it until they are there. (Full scan of a tree loaded at
/// random: 36 ns an entry all at once, 21 so.)
struct LeafAhead {
    private static var lineSize: Int { 64 }
    /// Lines asked for with each entry, so that even a leaf of few entries doesn't ask for all at once.
    private static var fewestLines: Int { 2 }

    private var page: PageBytes?
    private var offset = 0
    private var lines = 0
    private var gapStart = 0
    private var gapEnd = 0

    /// Nothing is ahead.
    init() {}

    /// - Parameters:
    ///   - leaf: the next leaf, whose header is near already; nil where nobody knows it.
    ///   - entryCount: how many entries are lent before it.
    init(_ leaf: Node?, during entryCount: Int) {
        guard let leaf, entryCount > 0 else { return }
        page = leaf.page
        gapStart = leaf.slotsEnd
        gapEnd = max(gapStart, leaf.cellStart & ~(Self.lineSize - 1))
        let used = PageLayout.pageSize - (gapEnd - gapStart)
        lines = max(Self.fewestLines, used / entryCount / Self.lineSize + 1)
    }

    /// To be called with each entry.
    @inline(__always)
    mutating func advance() {
        guard let page, offset < PageLayout.pageSize else { return }
        var line = 0
        while line < lines {
            page.bytes(offset, count: Self.lineSize).prefetchLine()
            offset &+= Self.lineSize
            line &+= 1
        }
        if offset >= gapStart, offset < gapEnd { offset = gapEnd }
    }
}
