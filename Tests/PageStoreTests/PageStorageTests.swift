import PageStore
import StorageIO
import StorageIOTesting
import Testing

/// The promises of the seam, held against both implementations.
@Suite struct PageStorageTests {
    @Test(arguments: StoreKind.allCases) func allocatesLowestFirstAndReuses(
        kind: StoreKind
    ) throws {
        let store = try kind.make()
        try store.beginTransaction(1)
        let pages = try (0..<40).map { _ in try store.allocate() }
        #expect(pages == Array(2..<42))
        // Born in the transaction: free at once, and found again from below.
        try store.retire(20, birth: 1)
        try store.retire(10, birth: 1)
        #expect(try store.allocate() == 10)
        #expect(try store.allocate() == 20)
        #expect(try store.allocate() == 42)
        try store.commitTransaction()
        #expect(store.pageCount == 43)
    }

    @Test(arguments: StoreKind.allCases) func abortFreesWhatWasBorn(kind: StoreKind) throws {
        let store = try kind.make()
        var tree = ToyTree(store)
        var random = SeededRandom(seed: 1)
        try tree.change(&random, count: 20)
        let before = store.statistics
        for _ in 0..<3 {
            var copy = tree
            try copy.begin()
            for _ in 0..<10 { try copy.set(&random, slots: 60, overflow: true) }
            store.abortTransaction()
        }
        let after = store.statistics
        #expect(after.pendingPages == before.pendingPages)
        #expect(
            after.pageCount - after.freePages == before.pageCount - before.freePages,
            "R5: an abort leaves no trace")
        #expect(try ToyTree.problem(store, root: tree.root) == nil)
        // The number of an aborted transaction is used again.
        try tree.change(&random, count: 20)
        #expect(try ToyTree.problem(store, root: tree.root) == nil)
    }

    @Test(arguments: StoreKind.allCases) func refusesToRetireTwice(kind: StoreKind) throws {
        let store = try kind.make()
        try store.beginTransaction(1)
        let page = try store.allocate()
        let other = try store.allocate()
        try store.commitTransaction()
        try store.beginTransaction(2)
        try store.retire(page, birth: 1)
        let mine = try store.allocate()
        try store.retire(mine, birth: 2)
        for (wrong, birth): (PageNumber, TransactionNumber) in [
            (page, 1), (mine, 2), (0, 1), (1, 1), (99, 1), (.max, 1), (other, 2), (other, 3),
        ] {
            let error = storageError { try store.retire(wrong, birth: birth) }
            #expect(error?.code == .damaged, "page \(wrong)")
            #expect(error?.page == wrong)
        }
        #expect(storageError { try store.retireOverflow(other, byteCount: 5) }?.code == .damaged)
        try store.retire(other, birth: 1)
    }

    @Test(arguments: StoreKind.allCases) func refusesReferencesToNoPage(kind: StoreKind) throws {
        let store = try kind.make()
        var tree = ToyTree(store)
        try tree.begin()
        let run = try tree.make(tag: 5, byteCount: 20_000)
        let leaf = try tree.make(tag: 6)
        let freed = try tree.make(tag: 7)
        let freedRun = try tree.make(tag: 7, byteCount: 9000)
        try tree.retire(freed)
        try tree.retire(freedRun)
        let token = store.beginRead()
        defer { store.endRead(token) }
        let wrong: [PageNumber] = [
            0, 1, run.page + 1, run.page + 4, freed.page, freedRun.page, freedRun.page + 1, 1000,
            .max,
        ]
        for page in wrong {
            #expect(storageError { _ = try store.page(page) }?.code == .damaged, "page \(page)")
        }
        #expect(
            storageError { _ = try store.overflow(leaf.page, byteCount: 5) }?.code == .damaged)
        #expect(
            storageError { _ = try store.overflow(run.page, byteCount: 5) }?.code == .damaged)
        #expect(
            storageError { _ = try store.overflow(run.page + 1, byteCount: 5) }?.code == .damaged)
    }

    @Test(arguments: StoreKind.allCases) func storesOverflowValuesOfEverySize(
        kind: StoreKind
    ) throws {
        let store = try kind.make()
        var tree = ToyTree(store)
        let sizes = [
            1, 4063, 4064, 4065, 8160, 8161, 100_000, (256 << 10) - 1, (256 << 10) + 1, 3_000_000,
        ]
        try tree.begin()
        tree.entries = try sizes.map { try tree.make(tag: UInt64($0), byteCount: $0) }
        try tree.commit()
        #expect(try ToyTree.problem(store, root: tree.root) == nil)
        try tree.checkpoint()
        #expect(try ToyTree.problem(store, root: tree.root) == nil)
        try tree.begin()
        let empty = try lend([]) { view throws(StorageError) in try store.allocateOverflow(view) }
        #expect(try store.overflow(empty, byteCount: 0).count == 0)
        try store.retireOverflow(empty, byteCount: 0)
        for entry in tree.entries { try tree.retire(entry) }
        tree.entries = []
        try tree.commit()
        try tree.checkpoint()
        // The root moves down to where the values were.
        try tree.begin()
        try tree.commit()
        try tree.checkpoint()
        try tree.checkpoint()
        #expect(store.statistics.pendingPages == 0)
        #expect(store.pageCount < 20, "R9: what was retired is given back")
    }

    /// Values of some pages each, none of which begins where the other's memory ends.
    @Test(arguments: StoreKind.allCases) func longValuesOutliveTheirNeighbors(
        kind: StoreKind
    ) throws {
        let store = try kind.make()
        var values: [(page: PageNumber, bytes: [UInt8])] = []
        try store.beginTransaction(1)
        for number in 0..<60 {
            let bytes = ToyTree.bytes(UInt64(number), 66_000 + number * 1237 % 9000)
            let page = try lend(bytes) { view throws(StorageError) in
                try store.allocateOverflow(view)
            }
            values.append((page, bytes))
        }
        try store.commitTransaction()
        try store.publish(1)
        try store.beginTransaction(2)
        for number in stride(from: 0, to: 60, by: 2) {
            try store.retireOverflow(values[number].page, byteCount: values[number].bytes.count)
        }
        try store.commitTransaction()
        try store.publish(2)
        // Frees what was retired.
        try store.beginTransaction(3)
        for number in stride(from: 1, to: 60, by: 2) {
            let (page, bytes) = values[number]
            let token = store.beginRead()
            defer { store.endRead(token) }
            #expect(try store.overflow(page, byteCount: bytes.count).array == bytes)
        }
        store.abortTransaction()
    }

    @Test(arguments: StoreKind.allCases) func growsNoFurtherThanAllowed(kind: StoreKind) throws {
        let store = try kind.make(PageStoreOptions(sizeLimit: 40 << 12))
        try store.beginTransaction(1)
        // What is kept for deletes and for the checkpoint is 6 pages of so few.
        for (purpose, count) in [(SpacePurpose.growth, 32), (.removal, 3), (.checkpoint, 3)] {
            store.setPurpose(purpose)
            for _ in 0..<count { _ = try store.allocate() }
            #expect(storageError { _ = try store.allocate() }?.code == .fileTooLarge)
        }
        #expect(store.poison == nil)
        store.abortTransaction()
        try store.beginTransaction(1)
        _ = try store.allocate()
    }

    @Test(arguments: StoreKind.allCases) func refusesWorkWhenClosed(kind: StoreKind) throws {
        let store = try kind.make()
        store.close()
        #expect(storageError { try store.beginTransaction(1) }?.code == .closed)
        #expect(storageError { try store.load(2) }?.code == .closed)
        #expect(storageError { try store.beginCheckpoint(.init()) }?.code == .closed)
    }

    @Test(arguments: StoreKind.allCases) func checksTheOrderOfCalls(kind: StoreKind) throws {
        let store = try kind.make()
        try store.beginTransaction(1)
        try store.commitTransaction()
        #expect(storageError { try store.beginTransaction(1) }?.code == .invalidArgument)
        let stale = CheckpointRecord(transaction: 0)
        #expect(storageError { try store.beginCheckpoint(stale) }?.code == .invalidArgument)
        let record = CheckpointRecord(transaction: 1)
        try store.beginCheckpoint(record)
        #expect(storageError { try store.beginCheckpoint(record) }?.code == .busy)
        try store.finishCheckpoint()
        #expect(store.checkpoint == record)
    }

    @Test(arguments: StoreKind.allCases) func writesOnPagesWrittenOutEarly(
        kind: StoreKind
    ) throws {
        let store = try kind.make()
        var tree = ToyTree(store)
        try tree.begin()
        tree.entries = try (0..<200).map { try tree.make(tag: $0) }
        try store.writeOutDirty()
        #expect(store.pressure.dirtyPages == 0)
        for index in 0..<200 {
            let token = store.beginRead()
            defer { store.endRead(token) }
            try store.makeWritable(tree.entries[index].page)
            let page = try store.page(tree.entries[index].page)
            let tag = UInt64(1000 + index)
            page.store(tag, at: 40)
            page.store(tag, at: 4088)
            tree.entries[index].tag = tag
        }
        try tree.commit()
        try tree.checkpoint()
        #expect(try ToyTree.problem(store, root: tree.root) == nil)
    }
}
