import PageStore
import StorageIO
import StorageIOTesting
import Testing

/// The rule of reuse (R1, R6) against a model: random transactions, snapshots, checkpoints and
/// unpublished commits; a page that any held version sees is never handed out, and what no version
/// sees is handed out in the end (R9).
@Suite struct LifetimeTests {
    @Test(arguments: StoreKind.allCases, Seeds.first(10))
    func neverReusesWhatAHeldVersionSees(kind: StoreKind, seed: UInt64) throws {
        let again: Comment = "\(Seeds.again(seed))"
        var random = SeededRandom(seed: seed)
        let store = try kind.make()
        var tree = ToyTree(store)
        var snapshots: [(slot: Int, root: PageNumber)] = []
        var unpublished: [(TransactionNumber, PageNumber)] = []
        var published: (version: TransactionNumber, root: PageNumber) = (0, 0)
        for _ in 0..<150 {
            switch random.below(12) {
            case 0..<6:
                try tree.begin()
                for _ in 0..<random.number(in: 1...8) {
                    try tree.set(&random, slots: 40, overflow: true)
                }
                try tree.commit(publish: false)
                unpublished.append((tree.transaction, tree.root))
                if random.oneIn(10) { try store.writeOutDirty() }
            case 6..<8:
                if let last = unpublished.last {
                    try store.publish(last.0)
                    published = last
                    unpublished = []
                }
            case 8:
                snapshots.append((store.versions.register(published.version), published.root))
            case 9:
                if !snapshots.isEmpty {
                    let gone = snapshots.remove(at: random.below(snapshots.count))
                    store.versions.release(gone.slot)
                }
            case 10:
                var copy = tree
                try copy.begin()
                for _ in 0..<3 { try copy.set(&random, slots: 40, overflow: true) }
                store.abortTransaction()
            default:
                try tree.checkpoint()
            }
            let roots = snapshots.map(\.root) + [published.root, tree.root]
            let root = roots[random.below(roots.count)]
            #expect(try ToyTree.problem(store, root: root) == nil, again)
        }
        for snapshot in snapshots { store.versions.release(snapshot.slot) }
        try store.publish(tree.transaction)
        try tree.checkpoint()
        try tree.checkpoint()
        let statistics = store.statistics
        #expect(statistics.pendingPages == 0, again)
        #expect(statistics.pinnedPages.isEmpty, again)
        let live = try ToyTree.pages(store, root: tree.root)
        #expect(
            statistics.pageCount - 2 - statistics.freePages - statistics.freeListPages
                == live.count, again)
        #expect(
            store.pageCount == max(live.max() ?? 1, store.freeListPages.max().map(Int.init) ?? 1)
                + 1, again)
        store.forEachFreeRun { first, count in
            #expect(live.isDisjoint(with: Int(first)..<Int(first) + count), again)
        }
    }

    @Test(arguments: StoreKind.allCases)
    func aLongReaderPinsOnlyWhatItSees(kind: StoreKind) throws {
        let store = try kind.make()
        var tree = ToyTree(store)
        var random = SeededRandom(seed: 3)
        try tree.change(&random, count: 40, overflow: false)
        let snapshot = store.versions.register(tree.transaction)
        let seen = try ToyTree.pages(store, root: tree.root).count
        for _ in 0..<300 { try tree.change(&random, count: 10, overflow: false) }
        try tree.checkpoint()
        let statistics = store.statistics
        #expect(statistics.pendingPages <= seen, "R9: 3000 retired since, \(seen) seen")
        #expect(statistics.pageCount < 4 * 60 + seen)
        #expect(statistics.pinnedPages.first?.pageCount == statistics.pendingPages)
        store.versions.release(snapshot)
        try tree.checkpoint()
        #expect(store.statistics.pendingPages == 0)
    }
}
