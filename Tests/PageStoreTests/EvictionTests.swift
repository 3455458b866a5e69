import PageStore
import StorageIO
import StorageIOTesting
import Synchronization
import Testing

/// R8: the cache stays within its budget, and eviction takes nothing from under a reader.
@Suite struct EvictionTests {
    /// How many pages share a page of the system's memory: Scripts/check-page-sizes runs this with more than
    /// one. Memory comes and goes by as many.
    private static let group = AddressSpace.pageSize >> 12

    /// The pages that a cache of so many may have; four pages of the system's memory at least.
    private static func budget(_ pages: Int) -> Int { max(pages, 4 * group) }

    /// A store of `leaves` leaves and some overflow runs, ten times the cache, all written to the file.
    ///
    /// - Parameter isCommitted: whether the transaction has ended that made them.
    private func filled(
        leaves: Int, budgetPages: Int = 64, isCommitted: Bool = true
    ) throws -> (FilePageStore<InMemoryFile>, ToyTree, [ToyTree.Entry]) {
        let options = PageStoreOptions(
            cacheBudget: budgetPages << 12, dirtyBudget: 64 << 12, sizeLimit: 64 << 20)
        let file = try InMemoryFileSystem().open("store", .create)
        let store = try FilePageStore.create(on: file, options: options, check: ToyTree.check)
        var tree = ToyTree(store)
        var entries: [ToyTree.Entry] = []
        try tree.begin()
        for tag in 0..<leaves {
            let byteCount = tag % 16 == 15 ? 20_000 : 0
            entries.append(try tree.make(tag: UInt64(tag), byteCount: byteCount))
            if store.pressure.isDirtyBudgetSpent { try store.writeOutDirty() }
        }
        if isCommitted {
            try tree.commit()
            try tree.checkpoint()
        } else {
            try store.writeOutDirty()
        }
        return (store, tree, entries)
    }

    /// Throws unless the entry reads as it was written. (An `#expect` for each would take minutes.)
    private static func check(
        _ store: FilePageStore<InMemoryFile>, _ entry: ToyTree.Entry
    ) throws {
        let token = store.beginRead()
        defer { store.endRead(token) }
        let tags: [UInt64?]
        if entry.byteCount > 0 {
            let value = try store.overflow(entry.page, byteCount: Int(entry.byteCount))
            tags = [value.load(at: 8, as: UInt64.self), value.load(at: 19_000, as: UInt64.self)]
        } else {
            let page = try store.page(entry.page)
            tags = [page.u64(40), page.u64(4088)]
        }
        guard tags == [entry.tag, entry.tag] else { throw WrongEntry(entry: entry, tags: tags) }
    }

    private struct WrongEntry: Error {
        var entry: ToyTree.Entry
        var tags: [UInt64?]
    }

    private struct WrongVersion: Error {
        var problem: String
    }

    @Test func residentPagesStayWithinTheBudget() throws {
        let (store, _, entries) = try filled(leaves: 640)
        #expect(store.pressure.residentPages <= Self.budget(64) + 64 + 16)
        var random = SeededRandom(seed: 5)
        var most = 0
        for _ in 0..<6400 {
            try Self.check(store, entries[random.below(entries.count)])
            most = max(most, store.pressure.residentPages)
        }
        // One operation's loads, and one batch that waits for it to end.
        #expect(
            most <= Self.budget(64) + (8 + 16) * Self.group,
            "R8: \(most) pages resident with a budget of \(Self.budget(64))")
        #expect(store.statistics.evictions > 1000)
        #expect(store.statistics.dirtyPages == 0)
    }

    @Test func anOpenReadKeepsItsPages() throws {
        let (store, _, entries) = try filled(leaves: 640)
        let leaf = entries[3]
        let token = store.beginRead()
        let page = try store.page(leaf.page)
        for entry in entries { try Self.check(store, entry) }
        // Whatever its state is now, the memory is still there.
        #expect(page.u64(40) == leaf.tag && page.u64(4088) == leaf.tag)
        #expect(try store.page(leaf.page).u64(40) == leaf.tag)
        store.endRead(token)
        for entry in entries { try Self.check(store, entry) }
        #expect(store.pressure.residentPages <= Self.budget(64) + 64 + 16, "R8")
    }

    /// Clean pages are evicted between dirty ones, a dirty page beside each: whoever gives back more than the
    /// clean page's memory sets the dirty one to zero.
    @Test func dirtyPagesOutliveTheEvictionOfTheirNeighbors() throws {
        let (store, _, entries) = try filled(leaves: 640, isCommitted: false)
        let leaves = entries.filter { $0.byteCount == 0 }
        for entry in leaves where entry.page % 2 == 0 {
            let token = store.beginRead()
            defer { store.endRead(token) }
            try store.makeWritable(entry.page)
            // What the test sees in it later, and only there: the file has it otherwise.
            try store.page(entry.page).store(UInt64(7), at: 48)
        }
        let dirty = store.pressure.dirtyPages
        #expect(dirty > 250)
        for _ in 0..<3 { for entry in entries { try Self.check(store, entry) } }
        for entry in leaves where entry.page % 2 == 0 {
            #expect(try store.page(entry.page).u64(48) == 7, "page \(entry.page)")
        }
        #expect(store.pressure.dirtyPages == dirty)
        // The dirty pages, what shares memory with them, and the cache.
        #expect(
            store.pressure.residentPages <= dirty * max(2, Self.group) + Self.budget(64) + 16)
        store.abortTransaction()
    }

    @Test func freedMemoryIsGivenBack() throws {
        let (store, tree, _) = try filled(leaves: 64, budgetPages: 16)
        try store.beginTransaction(tree.transaction + 1)
        for tag in 0..<1000 { _ = try tree.make(tag: UInt64(tag)) }
        #expect(store.pressure.residentPages >= 1000)
        store.abortTransaction()
        #expect(store.pressure.residentPages <= Self.budget(16) + 16, "R8")
        #expect(store.pressure.dirtyPages == 0)
    }

    @Test func bigValuesCostNoMemoryToStore() throws {
        let (store, _, _) = try filled(leaves: 16)
        try store.beginTransaction(2)
        let before = store.pressure.residentPages
        let value = ToyTree.bytes(7, 8 << 20)
        let page = try lend(value) { view throws(StorageError) in
            try store.allocateOverflow(view)
        }
        #expect(store.pressure.residentPages <= before, "R8")
        #expect(store.pressure.dirtyPages == 0)
        let token = store.beginRead()
        let stored = try store.overflow(page, byteCount: value.count)
        #expect(stored.array == value)
        store.endRead(token)
        // Retired unread: the header has a checksum of its own.
        let loads = store.statistics.loads
        try store.retireOverflow(page, byteCount: value.count)
        #expect(store.statistics.loads == loads)
    }

    /// A pass over big values leaves the cache as it is: those in it are lent from there, the others from
    /// the buffer.
    @Test func bigValuesAreReadBesideTheCache() throws {
        let (store, _, entries) = try filled(leaves: 640)
        let runs = entries.filter { $0.byteCount > 0 }
        for entry in runs.prefix(2) { try Self.check(store, entry) }
        let resident = store.pressure.residentPages
        let evictions = store.statistics.evictions
        var buffer: PageBuffer?
        let passing = try (0..<3).map { _ in
            try runs.filter { entry in
                let token = store.beginRead()
                defer { store.endRead(token) }
                let loads = store.statistics.loads
                let value = try store.overflow(
                    entry.page, byteCount: Int(entry.byteCount), beside: &buffer)
                #expect(value.array == ToyTree.bytes(entry.tag, Int(entry.byteCount)))
                return store.statistics.loads == loads + 5
            }
        }
        #expect(passing[0].count > runs.count / 2 && passing[0].count <= runs.count - 2)
        #expect(passing[1] == passing[0] && passing[2] == passing[0])
        #expect(store.window.resident(runs[1].page) != nil)
        #expect(store.pressure.residentPages == resident, "R8")
        #expect(store.statistics.evictions == evictions)
        #expect(buffer?.pageCount == 5)
    }

    /// Four readers over ten times the budget, while a writer replaces pages, writes out early and
    /// checkpoints. Run under ThreadSanitizer too.
    @Test func readersAndAWriterWorkAtOnce() throws {
        let (store, first, _) = try filled(leaves: 320, budgetPages: 48)
        let root = Atomic<UInt64>(0)  // version << 32 | root page
        let isOver = Atomic<Bool>(false)
        let reads = Atomic<Int>(0)
        var tree = first
        var random = SeededRandom(seed: 9)
        for _ in 0..<6 { try tree.change(&random, count: 40, slots: 200) }
        root.store(tree.transaction << 32 | UInt64(tree.root), ordering: .sequentiallyConsistent)
        let failure = FirstError()
        let threads = try (0..<4).map { _ in
            try SystemThread {
                while !isOver.load(ordering: .relaxed) {
                    var seen = root.load(ordering: .sequentiallyConsistent)
                    let slot = store.versions.register(seen >> 32)
                    while true {
                        let now = root.load(ordering: .sequentiallyConsistent)
                        if now == seen { break }
                        seen = now
                        store.versions.update(slot, seen >> 32)
                    }
                    let page = PageNumber(truncatingIfNeeded: seen)
                    do {
                        let problem = try ToyTree.problem(store, root: page)
                        if let problem { throw WrongVersion(problem: problem) }
                    } catch {
                        failure.take(error)
                    }
                    store.versions.release(slot)
                    reads.wrappingAdd(1, ordering: .relaxed)
                }
            }
        }
        for round in 0..<200 {
            try tree.begin()
            for _ in 0..<8 { try tree.set(&random, slots: 200, overflow: true) }
            if round % 7 == 0 { try store.writeOutDirty() }
            try tree.commit(publish: false)
            root.store(
                tree.transaction << 32 | UInt64(tree.root), ordering: .sequentiallyConsistent)
            try store.publish(tree.transaction)
            if round % 10 == 9 { try tree.checkpoint() }
        }
        while reads.load(ordering: .relaxed) < 40 { System.yield() }
        isOver.store(true, ordering: .relaxed)
        for thread in threads { thread.join() }
        try failure.rethrow()
        #expect(store.statistics.evictions > 0)
        #expect(try ToyTree.problem(store, root: tree.root) == nil)
        try tree.checkpoint()
        #expect(store.statistics.pendingPages == 0)
    }
}
