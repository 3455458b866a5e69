import PageStore
import StorageIO

extension BPlusTree {
    /// Writes the entries of a leaf that outgrew its page over two, and does the same to each
    /// parent that the new separator doesn't fit into.
    ///
    /// The nodes of the path are ready for changes, and the counts along it right in their sums.
    mutating func split(
        _ leafEntries: consuming NodeEntries, _ edge: NodeEntries.Edge, _ path: TreePath
    ) throws(StorageError) {
        var entries = leafEntries
        var level = 0
        while true {
            let leftNumber = path.page(level)
            guard let point = entries.splitPoint(edge) else {
                throw StorageError(
                    .damaged, "A tree node can't be split; verify the database.", page: leftNumber)
            }
            let (rightNumber, right) = try store.newPage(level: level)
            try entries.write(point..<entries.count, to: right)
            try entries.write(0..<point, to: store.window.address(leftNumber))
            let leftCount = entries.totalEntryCount(0..<point)
            let rightCount = entries.totalEntryCount(point..<entries.count)
            let separator = entries.separator(at: point)

            level += 1
            if level == Int(root.height) {
                var top = NodeEntries(level: level)
                top.insertChild(separator.prefix(0), leftNumber, entryCount: leftCount, at: 0)
                top.insertChild(separator, rightNumber, entryCount: rightCount, at: 1)
                entries.extendLifetime()
                try growRoot(top)
                return
            }
            let parent = Node(store.window.address(path.page(level)))
            let slot = path.slot(level)
            parent.setEntryCount(leftCount, at: slot)
            if parent.insertChild(
                separator, rightNumber, entryCount: rightCount, at: slot + 1)
            {
                entries.extendLifetime()
                return
            }
            var parentEntries = NodeEntries(parent)
            parentEntries.insertChild(
                separator, rightNumber, entryCount: rightCount, at: slot + 1)
            entries.extendLifetime()
            if parentEntries.fitsOneNode {
                try parentEntries.write(0..<parentEntries.count, to: parent.page)
                return
            }
            entries = parentEntries
        }
    }

    /// Puts a new root with two children above the old one.
    private mutating func growRoot(_ entries: borrowing NodeEntries) throws(StorageError) {
        guard entries.level < TreeLimits.maximumHeight else {
            throw StorageError(
                .fileTooLarge, "A tree can't have more than \(TreeLimits.maximumHeight) levels.")
        }
        let (number, page) = try store.newPage(level: entries.level)
        try entries.write(0..<entries.count, to: page)
        root.page = number
        root.height += 1
    }
}
