import PageStore
import StorageIO
import StorageIOTesting
import Testing

/// Pages that come as copies of others, and runs that are filled at once, in both stores.
@Suite struct PageRunTests {
    /// A leaf of a toy tree, written where a caller of `fill` would.
    private func write(
        _ tag: UInt64, _ number: PageNumber, _ store: any PageStorage, _ page: PageBytes
    ) {
        page.zero(0, count: PageLayout.pageSize)
        page.writeHeader(number: number, birth: store.transaction, kind: .leaf)
        page.store(ToyTree.leafMagic, at: 32)
        page.store(tag, at: 40)
        page.store(tag, at: 4088)
    }

    @Test(arguments: StoreKind.allCases) func aCopyTakesThePlaceOfItsPage(kind: StoreKind) throws {
        let store = try kind.make()
        var tree = ToyTree(store)
        try tree.begin()
        tree.entries = try (0..<5).map { try tree.make(tag: $0) }
        try tree.commit()
        let before = store.statistics
        let old = tree.entries[3].page

        try store.beginTransaction(2)
        let token = store.beginRead()
        let copy = try store.copy(old)
        #expect(copy != old)
        let page = try store.page(copy)
        #expect(page.number == copy)
        #expect(page.birth == 2)
        #expect(page.u64(40) == 3)
        #expect(page.u64(4088) == 3)
        #expect(try store.page(old).birth == 1, "older versions still see the page")
        #expect(store.statistics.pendingPages == before.pendingPages + 1)
        #expect(storageError { _ = try store.copy(old) }?.code == .damaged, "it is retired already")
        store.endRead(token)
        store.abortTransaction()
        #expect(store.statistics.pendingPages == before.pendingPages)
        #expect(
            store.pageCount - store.statistics.freePages == before.pageCount - before.freePages)
        #expect(try ToyTree.problem(store, root: tree.root) == nil)

        // The same for good.
        try tree.begin()
        let second = store.beginRead()
        tree.entries[3].page = try store.copy(old)
        store.endRead(second)
        try tree.commit()
        try tree.checkpoint()
        #expect(try ToyTree.problem(store, root: tree.root) == nil)
    }

    @Test(arguments: StoreKind.allCases) func aRunIsFilledAndItsRestGivenBack(
        kind: StoreKind
    ) throws {
        let store = try kind.make()
        var tree = ToyTree(store)
        let buffer = PageBuffer(pageCount: 16)
        try tree.begin()
        var wanted = 40
        while wanted > 0 {
            let run = try store.allocateRun(upTo: 16)
            #expect(!run.isEmpty && run.count <= 16)
            let filled = run.prefix(wanted)
            for (index, number) in filled.enumerated() {
                let tag = UInt64(1000 + wanted - index)
                write(tag, number, store, buffer.page(index))
                tree.entries.append(ToyTree.Entry(page: number, byteCount: 0, tag: tag))
            }
            try store.fill(filled.startIndex..<filled.endIndex, from: buffer)
            for page in filled.endIndex..<run.upperBound {
                try store.retire(page, birth: store.transaction)
            }
            wanted -= filled.count
        }
        try tree.commit()
        #expect(try ToyTree.problem(store, root: tree.root) == nil)
        #expect(store.pageCount - store.statistics.freePages == 2 + 40 + 1)
        try tree.checkpoint()
        #expect(try ToyTree.problem(store, root: tree.root) == nil)

        // Filled pages are the transaction's own: they may be changed in it, and an abort frees them.
        let used = store.pageCount - store.statistics.freePages
        try store.beginTransaction(store.transaction + 1)
        let run = try store.allocateRun(upTo: 4)
        for (index, number) in run.enumerated() { write(1, number, store, buffer.page(index)) }
        try store.fill(run, from: buffer)
        let token = store.beginRead()
        try store.makeWritable(run.lowerBound)
        try store.page(run.lowerBound).store(7 as UInt64, at: 40)
        #expect(try store.page(run.lowerBound).u64(40) == 7)
        store.endRead(token)
        store.abortTransaction()
        #expect(store.pageCount - store.statistics.freePages == used)
        #expect(try ToyTree.problem(store, root: tree.root) == nil)
    }

    @Test func runsTakeTheLowestFreePages() throws {
        let store = try StoreKind.file.make()
        try store.beginTransaction(1)
        for _ in 0..<40 { _ = try store.allocate() }
        for page: PageNumber in [10, 11, 12, 20] { try store.retire(page, birth: 1) }
        #expect(try store.allocateRun(upTo: 8) == 10..<13)
        #expect(try store.allocateRun(upTo: 8) == 20..<21)
        #expect(try store.allocateRun(upTo: 8) == 42..<50)
        #expect(try store.allocateRun(upTo: 1) == 50..<51)
    }

    @Test func onlyPagesOfTheTransactionAreFilled() throws {
        let store = try StoreKind.file.make()
        var tree = ToyTree(store)
        try tree.begin()
        tree.entries = [try tree.make(tag: 5)]
        try tree.commit()
        try tree.begin()
        let buffer = PageBuffer(pageCount: 2)
        let mine = try store.allocateRun(upTo: 1)
        let old = tree.entries[0].page
        for wrong in [old..<old + 1, mine.lowerBound..<mine.lowerBound + 2, 0..<1, 9000..<9001] {
            #expect(storageError { try store.fill(wrong, from: buffer) }?.code == .invalidArgument)
        }
        store.abortTransaction()
        #expect(try ToyTree.problem(store, root: tree.root) == nil)
    }
}
