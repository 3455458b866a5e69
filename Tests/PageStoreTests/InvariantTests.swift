import StorageIO
import StorageIOTesting
import Testing

@testable import PageStore

/// The checker of P1 to P8 speaks when one of them is broken, each in every way that it looks for.
@Suite struct InvariantTests {
    /// What can be spoiled of an allocator, and the invariant that then does not hold.
    private static let spoils:
        [(name: String, says: String, spoil: @Sendable (inout PageAllocator) -> Void)] =
            [
                ("a superblock is free", "P1: superblock 1", { $0.free.insert(1) }),
                ("a page beyond the end is free", "P1: page 100,", { $0.free.insert(100) }),
                ("a free page is pending", "P1: page 4 is free", { $0.pending.insert(4) }),
                ("a free page holds the list", "P1: page 4 is free", { $0.chain.insert(4) }),
                (
                    "a page is in both lists", "P1: page 9 is of",
                    {
                        $0.chain.insert(9)
                        $0.newChain.insert(9)
                    }
                ),
                ("a born page is free", "P2: page 20,", { $0.free.insert(20) }),
                ("a born page is beyond the end", "P2: page 90 ", { $0.born.insert(90) }),
                (
                    "a page set aside is free", "P2: page 21, set aside",
                    { allocator in
                        allocator.born.remove(21)
                        allocator.savepoints = [.init(retiredCount: 1)]
                        allocator.savepoints[0].aside = [.init(page: 21, count: 1)]
                        allocator.free.insert(21)
                    }
                ),
                ("no transaction runs", "P2: pages are born", { $0.running = 0 }),
                ("a free page is dirty", "P3: page 5 ", { $0.dirty.insert(5) }),
                ("a free page is frozen", "P3: page 5 ", { $0.frozen.insert(5) }),
                ("a dirty page is frozen", "P3: page 20 ", { $0.frozen.insert(20) }),
                ("a dirty page is beyond the end", "P3: page 80,", { $0.dirty.insert(80) }),
                ("a page is pending alone", "P4: a page is pending", { $0.pending.insert(30) }),
                ("a retired page is not pending", "P4: page 10 ", { $0.pending.remove(10) }),
                ("a page is retired twice", "P4: page 10 ", { $0.retired.append($0.retired[0]) }),
                ("a page was never born", "P5: page 10 ", { $0.retired[0].birth = 8 }),
                ("a death is another's", "P5: a run of the running", { $0.retired[0].death = 9 }),
                (
                    "a run waits for what is not committed", "P5: page 12,",
                    { $0.waiting[0].death = 8 }
                ),
                ("a version is published too early", "P6: published 9", { $0.published = 9 }),
                ("the head passes who writes", "P6: published 5, head 8", { $0.head = 8 }),
            ]

    /// In transaction 7 pages 20 and 21 are born and page 10 is retired; page 12 waits for the publication of
    /// version 6, pages 4 and 5 are free.
    private static func makeAllocator() throws -> PageAllocator {
        var allocator = PageAllocator()
        allocator.end = 64
        allocator.makeFree(4, 2)
        allocator.published = 5
        try allocator.begin(6)
        _ = try allocator.retire(12, count: 1, birth: 2)
        try allocator.commit()
        try allocator.begin(7)
        allocator.noteBorn(20..<22)
        allocator.dirty.insert(20)
        _ = try allocator.retire(10, count: 1, birth: 3)
        return allocator
    }

    @Test func aSoundAllocatorIsNotComplainedAbout() throws {
        var allocator = try Self.makeAllocator()
        #expect(allocator.brokenInvariant == nil)
        try allocator.addSavepoint()
        _ = try allocator.retire(21, count: 1, birth: 7)
        #expect(allocator.brokenInvariant == nil)
        _ = allocator.rollBackSavepoint()
        try allocator.commit()
        #expect(allocator.brokenInvariant == nil)
        try allocator.publish(7)
        _ = allocator.reclaim(held: [4])
        #expect(allocator.brokenInvariant == nil)
        #expect(allocator.buckets.count == 1)
        _ = allocator.reclaim(held: [])
        #expect(allocator.brokenInvariant == nil)
        #expect(allocator.pending.isEmpty)
    }

    @Test(arguments: Self.spoils.indices) func whatIsSpoiledIsNamed(_ index: Int) throws {
        let (name, says, spoil) = Self.spoils[index]
        var allocator = try Self.makeAllocator()
        spoil(&allocator)
        let broken = allocator.brokenInvariant
        #expect(broken?.hasPrefix(says) == true, "\(name): \(broken ?? "nothing is said")")
    }

    @Test func whatIsSpoiledOfAFilesSpaceIsNamed() throws {
        let files = InMemoryFileSystem()
        let store = try FilePageStore.create(
            on: try files.open("store", .create), check: ToyTree.check)
        try store.beginTransaction(1)
        #expect(try store.allocate() == 2)
        try store.commitTransaction()
        store.space.withLock { space in
            #expect(space.brokenInvariant == nil)
            space.allocator.newChain.insert(2)
            space.allocator.dirty.remove(2)
            #expect(space.brokenInvariant?.hasPrefix("P7: pages are frozen") == true)
            space.allocator.newChain.removeAll()
            space.superblock.freeListPageCount = 1
            #expect(space.brokenInvariant?.hasPrefix("P7: the durable free list") == true)
            space.superblock.freeListPageCount = 0
            let filePages = space.filePages
            space.filePages = 2
            #expect(space.brokenInvariant == "P8: the file ends before its space does.")
            space.filePages = filePages
            space.bounds.end.store(2, ordering: .relaxed)
            #expect(space.brokenInvariant == "P8: readers know another end than the allocator.")
        }
    }

    @Test func aBrokenInvariantStopsTheProcess() async {
        await #expect(processExitsWith: .failure) {
            let files = InMemoryFileSystem()
            let store = try FilePageStore.create(
                on: try files.open("store", .create), check: ToyTree.check)
            try store.beginTransaction(1)
            _ = try store.allocate()
            store.space.withLock { _ = $0.allocator.dirty.insert(1 << 20) }
            store.abortTransaction()
        }
    }
}
