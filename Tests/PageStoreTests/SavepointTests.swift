import PageStore
import StorageIO
import StorageIOTesting
import Testing

/// Points that a transaction can go back to, held against both implementations of the seam.
@Suite struct SavepointTests {
    /// Checks that all that a tree consists of is there.
    private func expectWhole(_ tree: ToyTree, _ note: String) throws {
        let store = tree.store
        let token = store.beginRead()
        defer { store.endRead(token) }
        for entry in tree.entries {
            if entry.byteCount > 0 {
                let value = try store.overflow(entry.page, byteCount: Int(entry.byteCount)).array
                #expect(value == ToyTree.bytes(entry.tag, Int(entry.byteCount)), "\(note)")
            } else {
                let page = try store.page(entry.page)
                #expect(page.u64(40) == entry.tag && page.u64(4088) == entry.tag, "\(note)")
            }
        }
    }

    /// Changes some entries, also in their places where the store allows it, and nests savepoints.
    private func change(
        _ tree: inout ToyTree, _ random: inout SeededRandom, depth: Int, _ note: String
    ) throws {
        for _ in 0..<random.below(25) {
            switch random.below(10) {
            case 0 where depth < 4:
                let before = tree
                let used = tree.store.statistics
                try tree.store.addSavepoint()
                try change(&tree, &random, depth: depth + 1, note)
                if random.oneIn(2) {
                    tree.store.releaseSavepoint()
                } else {
                    tree.store.rollBackSavepoint()
                    tree = before
                    let after = tree.store.statistics
                    #expect(
                        after.pageCount - after.freePages - after.pendingPages
                            == used.pageCount - used.freePages - used.pendingPages, "\(note)")
                }
                try expectWhole(tree, note)
            case 1:
                try tree.store.writeOutDirty()
            case 2..<5:
                try overwrite(&tree, &random)
            default:
                try tree.set(&random, slots: 40, overflow: true)
            }
        }
    }

    /// Gives a leaf another tag, in its place or in that of a copy, as a tree would.
    private func overwrite(_ tree: inout ToyTree, _ random: inout SeededRandom) throws {
        let store = tree.store
        let leaves = tree.entries.indices.filter { tree.entries[$0].byteCount == 0 }
        guard !leaves.isEmpty else { return }
        let slot = leaves[random.below(leaves.count)]
        let token = store.beginRead()
        defer { store.endRead(token) }
        var page = tree.entries[slot].page
        if try store.page(page).birth >= store.firstTransaction {
            try store.makeWritable(page)
        } else {
            page = try store.copy(page)
        }
        let tag = random.next()
        store.window.address(page).store(tag, at: 40)
        store.window.address(page).store(tag, at: 4088)
        tree.entries[slot].page = page
        tree.entries[slot].tag = tag
    }

    @Test(arguments: StoreKind.allCases, Seeds.first(12)) func goingBackLeavesWhatWasBefore(
        kind: StoreKind, seed: UInt64
    ) throws {
        let store = try kind.make()
        var tree = ToyTree(store)
        var random = SeededRandom(seed: seed)
        for step in 0..<20 {
            let note = "step \(step), \(Seeds.again(seed))"
            let before = tree
            try tree.begin()
            try change(&tree, &random, depth: 0, note)
            if random.oneIn(5) {
                store.abortTransaction()
                tree = before
            } else {
                // Also with savepoints that nobody has ended.
                if random.oneIn(5) {
                    try store.addSavepoint()
                    try change(&tree, &random, depth: 3, note)
                }
                try tree.commit()
                if random.oneIn(4) { try tree.checkpoint() }
            }
            try expectWhole(tree, note)
            #expect(try ToyTree.problem(store, root: tree.root) == nil, "\(note)")
            let numbers = store.statistics
            let used = tree.entries.reduce(tree.root == 0 ? 0 : 1) {
                $0 + ($1.byteCount == 0 ? 1 : (Int($1.byteCount) + 32 + 4095) / 4096)
            }
            let taken =
                numbers.pageCount - 2 - numbers.freePages - numbers.pendingPages
                - numbers.freeListPages
            #expect(taken == used, "\(note)")
        }
    }

    @Test(arguments: StoreKind.allCases) func aSavepointNeedsATransaction(kind: StoreKind) throws {
        let store = try kind.make()
        #expect(storageError { try store.addSavepoint() }?.code == .invalidArgument)
        store.releaseSavepoint()
        store.rollBackSavepoint()
        #expect(store.firstTransaction == .max)
        try store.beginTransaction(1)
        let page = try store.allocate()
        try store.addSavepoint()
        // Born before: not to be changed, and not to be given away while it can come back.
        #expect(storageError { try store.makeWritable(page) }?.code == .invalidArgument)
        try store.retire(page, birth: 1)
        #expect(storageError { try store.retire(page, birth: 1) }?.code == .damaged)
        #expect(try store.allocate() != page)
        store.rollBackSavepoint()
        try store.makeWritable(page)
        try store.addSavepoint()
        try store.retire(page, birth: 1)
        store.releaseSavepoint()
        #expect(try store.allocate() == page)
        #expect(store.firstTransaction == 1)
    }
}
