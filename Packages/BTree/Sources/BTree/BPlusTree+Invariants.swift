import PageStore
import StorageIO

extension BPlusTree {
    /// Reads the whole tree and checks every rule of it (T1 to T5), each node's structure (N1 to
    /// N4), and that each overflow run is readable with the length noted.
    ///
    /// It ends and doesn't trap on any tree, however hostile: levels go down with each step, and a
    /// leaf reached a second time is out of order.
    ///
    /// - Parameter visit: is told every page before what lies below it: first page, kind, level,
    ///   and how many consecutive pages. It may throw to refuse one, as when it saw the page before.
    /// - Returns: what the tree consists of.
    /// - Throws: `damaged` with the page and what is wrong with it; what the store and `visit` throw.
    /// - Complexity: O(pages), with memory for one node per level.
    @discardableResult
    public func checkInvariants(
        visit: (PageNumber, PageKind, Int, Int) throws(StorageError) -> Void = { _, _, _, _ in }
    ) throws(StorageError) -> TreeReport {
        if let failure { throw failure.error }
        try root.validate()
        var report = TreeReport()
        guard !root.isEmpty else { return report }
        report.height = Int(root.height)
        let count = try check(
            root.page, level: Int(root.height) - 1, low: nil, high: nil, &report, visit)
        guard count == root.entryCount else {
            throw damage(root.page, "The root counts other entries than its tree has.")
        }
        report.entryCount = count
        return report
    }

    /// Checks a subtree whose keys must not be below `low` and must be below `high`.
    ///
    /// - Returns: its entries.
    private func check(
        _ number: PageNumber, level: Int, low: ByteView?, high: ByteView?,
        _ report: inout TreeReport,
        _ visit: (PageNumber, PageKind, Int, Int) throws(StorageError) -> Void
    ) throws(StorageError) -> UInt64 {
        try visit(number, level == 0 ? .leaf : .inner, level, 1)
        let entries = try read(number, level: level, &report)
        try checkOrder(entries, number, low: low, high: high)
        guard level > 0 else {
            try checkValues(entries, number, &report, visit)
            return UInt64(entries.count)
        }
        var total: UInt64 = 0
        for slot in 0..<entries.count {
            let count = try check(
                entries.child(slot), level: level - 1,
                low: slot == 0 ? low : entries.key(slot),
                high: slot + 1 < entries.count ? entries.key(slot + 1) : high, &report, visit)
            guard count == entries.totalEntryCount(slot..<slot + 1) else {
                throw damage(number, "A node counts other entries below a child than there are.")
            }
            total &+= count
        }
        entries.extendLifetime()
        return total
    }

    /// Takes a copy of a node's entries, so that no read stays open while its children are checked.
    private func read(
        _ number: PageNumber, level: Int, _ report: inout TreeReport
    ) throws(StorageError) -> NodeEntries {
        let token = store.beginRead()
        defer { store.endRead(token) }
        let node = try store.node(number, level: level)
        if let problem = NodeCheck.problem(in: node.page) ?? NodeCheck.overlap(in: node.page) {
            throw damage(number, "The structure of a node is wrong: \(problem).")
        }
        guard node.page.number == number else {
            throw damage(number, "A page carries the number of another.")
        }
        if level == 0 {
            report.leafPages += 1
            report.leafBytes += node.usedBytes
        } else {
            report.innerPages += 1
            report.innerBytes += node.usedBytes
        }
        return NodeEntries(node)
    }

    private func checkOrder(
        _ entries: borrowing NodeEntries, _ number: PageNumber, low: ByteView?, high: ByteView?
    ) throws(StorageError) {
        let first = entries.isLeaf ? 0 : 1
        guard first < entries.count else { return }
        if let low, entries.key(first).compare(to: low) < 0 {
            throw damage(number, "A node begins below the separator that leads to it.")
        }
        if let high, entries.key(entries.count - 1).compare(to: high) >= 0 {
            throw damage(number, "A node ends above the separator after it.")
        }
        for index in first + 1..<max(entries.count, first + 1) {
            guard entries.key(index - 1).compare(to: entries.key(index)) < 0 else {
                throw damage(number, "The keys of a node don't ascend.")
            }
        }
    }

    private func checkValues(
        _ entries: borrowing NodeEntries, _ number: PageNumber, _ report: inout TreeReport,
        _ visit: (PageNumber, PageKind, Int, Int) throws(StorageError) -> Void
    ) throws(StorageError) {
        for index in 0..<entries.count {
            report.keyBytes += entries.key(index).count
            switch entries.value(index) {
            case .inline(let bytes):
                report.valueBytes += bytes.count
            case .overflow(let page, let byteCount):
                let pageCount = TreeLimits.overflowPageCount(byteCount: byteCount)
                try visit(page, .overflow, 0, pageCount)
                // It takes no place in the cache.
                _ = try store.openRun(page, byteCount: byteCount)
                report.overflowPages += pageCount
                report.overflowBytes += byteCount
                report.valueBytes += byteCount
            }
        }
    }

    private func damage(_ page: PageNumber, _ message: String) -> StorageError {
        StorageError(.damaged, message, page: page)
    }
}
