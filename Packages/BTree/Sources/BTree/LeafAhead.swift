import PageStore
import StorageIO

/// Brings the next leaf of a scan near while the entries of this one are lent, some lines with each:
/// neighbours in a tree lie anywhere in memory, so nobody else foresees it, and all lines at once would
/// fill the processor's queue of misses and stop it until they are there. (Full scan of a tree loaded at
/// random: 36 ns an entry all at once, 21 so.)
struct LeafAhead {
    /// Bytes asked for with each entry, so that even a leaf of few entries doesn't ask for all at once.
    private static var leastStep: Int { 128 }

    private var page: PageBytes?
    private var offset = 0
    private var step = 0
    private var gap = 0..<0

    /// Nothing is ahead.
    init() {}

    /// - Parameters:
    ///   - leaf: the next leaf, whose header is near already; nil where nobody knows it.
    ///   - entryCount: how many entries are lent before it.
    init(_ leaf: Node?, during entryCount: Int) {
        guard let leaf, entryCount > 0 else { return }
        page = leaf.page
        let start = leaf.slotsEnd
        gap = start..<max(start, leaf.cellStart & ~63)
        let lines = (PageLayout.pageSize - gap.count) / entryCount + 64
        step = max(Self.leastStep, lines & ~63)
    }

    /// To be called with each entry.
    @inline(__always)
    mutating func advance() {
        guard let page, offset < PageLayout.pageSize else { return }
        page.bytes(offset, count: min(step, PageLayout.pageSize - offset)).prefetch()
        offset += step
        if gap.contains(offset) { offset = gap.upperBound }
    }
}
