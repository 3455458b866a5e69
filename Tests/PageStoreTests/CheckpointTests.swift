import PageStore
import StorageIO
import StorageIOTesting
import Testing

/// Writers go on between the two halves of a checkpoint, and what it freezes stays as it was.
@Suite struct CheckpointTests {
    typealias Store = FilePageStore<CrashingFile>

    /// R1, R6: the checkpoint is of the version that it was begun with, whatever is replaced, freed
    /// and born meanwhile.
    @Test(arguments: Seeds.first(40))
    func writersGoOnDuringACheckpoint(seed: UInt64) throws {
        let again: Comment = "\(Seeds.again(seed))"
        var random = SeededRandom(seed: seed)
        let files = CrashingFileSystem()
        let store = try DurabilityTests.makeStore(files)
        var tree = ToyTree(store)
        var snapshots: [(slot: Int, root: PageNumber)] = []
        for _ in 0..<12 {
            for _ in 0..<random.below(4) {
                try tree.change(&random, count: 6, slots: 40)
                snapshots.append((store.versions.register(tree.transaction), tree.root))
            }
            let record = tree.record
            let entries = tree.entries
            try store.beginCheckpoint(record)
            // Now what only the snapshots held is reusable, though the checkpoint has it to write.
            while snapshots.count > 1 { store.versions.release(snapshots.removeFirst().slot) }
            for _ in 0..<random.below(3) { try tree.change(&random, count: 6, slots: 40) }
            if random.oneIn(2) { try store.writeOutDirty() }
            let isRunning = random.oneIn(2)
            if isRunning {
                try tree.begin()
                for _ in 0..<4 { try tree.set(&random, slots: 40, overflow: true) }
            }
            try store.finishCheckpoint()
            #expect(store.checkpoint == record, again)
            let reopened = try Store.open(
                on: try files.survivors(.none).open("store", .readWrite), options: smallOptions,
                check: ToyTree.check)
            #expect(reopened.checkpoint == record, again)
            #expect(try ToyTree.entries(reopened, root: record.catalogRoot) == entries, again)
            #expect(try ToyTree.problem(reopened, root: record.catalogRoot) == nil, again)
            if isRunning {
                for _ in 0..<4 { try tree.set(&random, slots: 40, overflow: true) }
                try tree.commit()
            }
            for snapshot in snapshots {
                #expect(try ToyTree.problem(store, root: snapshot.root) == nil, again)
            }
            #expect(try ToyTree.problem(store, root: tree.root) == nil, again)
        }
        for snapshot in snapshots { store.versions.release(snapshot.slot) }
        try tree.checkpoint()
        #expect(store.pressure.dirtyPages == 0, again)
        try tree.checkpoint()
        #expect(store.statistics.pendingPages == 0, again)
        let live = try ToyTree.pages(store, root: tree.root)
        let statistics = store.statistics
        #expect(
            statistics.pageCount - 2 - statistics.freePages - statistics.freeListPages
                == live.count, again)
    }

    /// A page that is to be written by the running checkpoint is not given out before it is.
    @Test func frozenPagesAreNotReused() throws {
        let files = CrashingFileSystem()
        let store = try DurabilityTests.makeStore(files)
        var tree = ToyTree(store)
        try tree.begin()
        tree.entries = try (0..<20).map { try tree.make(tag: $0) }
        try tree.commit()
        let snapshot = store.versions.register(1)
        let old = Set(tree.entries.map(\.page))
        try tree.begin()
        for entry in tree.entries { try tree.retire(entry) }
        tree.entries = []
        try tree.commit()
        // Dirty, not in this version, and held by the snapshot alone.
        try store.beginCheckpoint(tree.record)
        store.versions.release(snapshot)
        try tree.begin()
        let fresh = try (0..<20).map { try tree.make(tag: $0 + 100) }
        #expect(old.isDisjoint(with: fresh.map(\.page)))
        try store.finishCheckpoint()
        let later = try tree.make(tag: 200)
        #expect(old.contains(later.page))
    }
}
