import BTree
import PageStore
import StorageIO
import StorageIOTesting
import Testing

/// The tree over pages that come from a file, through a cache much smaller than the tree.
@Suite struct FilePageStoreTreeTests {
    typealias FileTree = BPlusTree<FilePageStore<InMemoryFile>>

    static let options = PageStoreOptions(
        cacheBudget: 64 * PageLayout.pageSize, dirtyBudget: 32 * PageLayout.pageSize,
        sizeLimit: 1 << 28, locksFile: false)

    /// Everything on disk, nothing in memory.
    static func reopen(
        _ files: InMemoryFileSystem
    ) throws -> FilePageStore<InMemoryFile> {
        try .open(on: try files.open("tree", .readWrite), options: options, check: NodeCheck.check)
    }

    static func checkpoint(
        _ store: FilePageStore<InMemoryFile>, _ tree: FileTree, _ transaction: TransactionNumber
    ) throws {
        try store.publish(transaction)
        var record = CheckpointRecord()
        record.transaction = transaction
        record.catalogRoot = tree.root.page
        record.catalogHeight = tree.root.height
        record.catalogCount = tree.root.entryCount
        try store.beginCheckpoint(record)
        try store.finishCheckpoint()
    }

    static func root(_ store: FilePageStore<InMemoryFile>) -> TreeRoot {
        let record = store.checkpoint
        return TreeRoot(
            page: record.catalogRoot, height: record.catalogHeight,
            entryCount: record.catalogCount)
    }

    @Test func neitherLeavesNorInnerNodesOfABulkLoadPassThroughTheCache() throws {
        let files = InMemoryFileSystem()
        let store = try FilePageStore.create(
            on: try files.open("tree", .createNew), options: Self.options, check: NodeCheck.check)
        try store.beginTransaction(1)
        let loader = BulkLoader(store: store)
        for number in 0..<30_000 {
            try lend(key(number, length: 100)) { try loader.append($0, $0) }
        }
        let tree = FileTree(store: store, root: try loader.finish())
        #expect(tree.root.height == 3)
        #expect(store.pressure.residentPages == 0)
        try store.commitTransaction()
        try Self.checkpoint(store, tree, 1)
        let reopened = FileTree(store: try Self.reopen(files), root: tree.root)
        let report = try reopened.checkInvariants { _, _, _, _ in }
        #expect(report.entryCount == 30_000)
    }

    @Test func r7R8ATreeManyTimesTheCachesSizeIsWrittenReadScannedAndDeleted() throws {
        let files = InMemoryFileSystem()
        var store = try FilePageStore.create(
            on: try files.open("tree", .createNew), options: Self.options, check: NodeCheck.check)
        var tree = BPlusTree(store: store)
        var model = SortedArrayModel()
        var random = SeededRandom(seed: 11)
        for transaction in TransactionNumber(1)...10 {
            try store.beginTransaction(transaction)
            for _ in 0..<600 {
                let name = key(random.below(4000), length: 10)
                if random.oneIn(4) {
                    #expect(try tree.delete(name) == model.delete(name))
                } else {
                    let length = random.oneIn(60) ? random.below(40_000) : random.below(300)
                    let value = [UInt8](repeating: UInt8(random.below(256)), count: length)
                    #expect(try tree.put(name, value) == model.put(name, value))
                }
                if store.pressure.isDirtyBudgetSpent { try store.writeOutDirty() }
            }
            if transaction % 3 == 0 {
                let from = key(random.below(4000), length: 10)
                let to = key(random.below(4000), length: 10)
                #expect(
                    try tree.deleteRange(from, to)
                        == UInt64(model.deleteRange(from: from, to: to)))
            }
            try store.commitTransaction()
            try Self.checkpoint(store, tree, transaction)
            store.close()
            store = try Self.reopen(files)
            tree = BPlusTree(store: store, root: Self.root(store))
            try tree.checkInvariants()
            #expect(tree.count == UInt64(model.count))
            for reverse in [false, true] {
                let entries = try tree.entries(reverse: reverse)
                #expect(entries.count == model.count)
                #expect(zip(entries, model.range(reverse: reverse)).allSatisfy { $0 == $1 })
            }
            for entry in model.entries where random.oneIn(10) {
                #expect(try tree.value(entry.key) == entry.value)
            }
        }
        #expect(store.statistics.evictions > 0)
        try store.beginTransaction(11)
        try tree.deleteAll()
        try store.commitTransaction()
        try Self.checkpoint(store, tree, 11)
        try store.beginTransaction(12)
        try store.commitTransaction()
        try Self.checkpoint(store, tree, 12)
        #expect(store.pageCount <= 8, "the file shrinks when its tree is emptied")
    }
}
