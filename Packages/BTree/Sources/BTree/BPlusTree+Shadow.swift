import PageStore
import StorageIO

extension PageStorage {
    /// A new page with a node's header.
    func newPage(level: Int) throws(StorageError) -> (number: PageNumber, page: PageBytes) {
        let number = try allocate()
        let page = window.address(number)
        page.writeHeader(
            number: number, birth: transaction, kind: level == 0 ? .leaf : .inner,
            level: UInt8(truncatingIfNeeded: level))
        return (number, page)
    }
}

// Shadow paging: what makes a page ready for changes without touching what older versions see (R1).
extension BPlusTree {
    /// Readies one node for changes in place, by copying it if it is older than the transaction.
    ///
    /// - Returns: where the node is now. The caller points the parent there.
    func writable(_ number: PageNumber, level: Int) throws(StorageError) -> PageNumber {
        let node = try store.node(number, level: level)
        let birth = node.page.birth
        if birth >= store.firstTransaction {
            try store.makeWritable(number)
            if birth != store.transaction {
                node.page.store(store.transaction, at: PageLayout.birth)
            }
            return number
        }
        return try store.copy(number)
    }

    /// Readies all nodes of a path for changes in place, from the root down.
    mutating func shadow(_ path: inout TreePath) throws(StorageError) {
        for level in stride(from: Int(root.height) - 1, through: 0, by: -1) {
            let number = path.page(level)
            let current = try writable(number, level: level)
            if current == number { continue }
            path.setPage(current, at: level)
            if level == Int(root.height) - 1 {
                root.page = current
            } else {
                Node(store.window.address(path.page(level + 1)))
                    .setChild(current, at: path.slot(level + 1))
            }
        }
    }
}
