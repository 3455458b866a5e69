import PageStore
import StorageIO
import StorageIOTesting
import Testing

/// A page that was written and has left the cache, and whose write the system then lost without
/// having said so: what the file holds in its place is whole, of the right number, and an earlier
/// page.
@Suite struct LossTests {
    private typealias Store = FilePageStore<InMemoryFile>

    /// A store in which the pages of `old` were replaced by `new`, at the same places, of which the
    /// file has `new` unsynced and the cache nothing.
    private struct Fixture {
        let store: Store
        let file: InMemoryFile
        /// The file before the new pages were written.
        let before: [UInt8]
        let old: ToyTree.Entry
        let new: ToyTree.Entry

        init(byteCount: Int) throws {
            let files = InMemoryFileSystem()
            let options = PageStoreOptions(
                cacheBudget: 64 << 10, dirtyBudget: 64 << 10, sizeLimit: 64 << 20)
            store = try Store.create(
                on: try files.open("store", .create), options: options, check: ToyTree.check)
            file = try files.open("store", .readWrite)
            var tree = ToyTree(store)
            try tree.begin()
            old = try tree.make(tag: 1, byteCount: byteCount)
            var others: [ToyTree.Entry] = []
            for tag in 2..<100 { others.append(try tree.make(tag: UInt64(tag), byteCount: 0)) }
            try tree.commit()
            try tree.checkpoint()
            // Retired, and its place free once that is durable.
            try tree.begin()
            try tree.retire(old)
            try tree.commit()
            try tree.checkpoint()
            before = try file.readAll()
            try tree.begin()
            new = try tree.make(tag: 7, byteCount: byteCount)
            try tree.commit()
            try store.writeOutDirty()
            for _ in 0..<4 {
                for entry in others {
                    let token = store.beginRead()
                    defer { store.endRead(token) }
                    _ = try store.page(entry.page)
                }
            }
        }

        /// Puts back what the file held where the new pages are.
        func lose() throws {
            let offset = Int(new.page) << 12
            let count = max(4096, (Int(new.byteCount) / 4096 + 2) * 4096)
            try file.writeBytes(
                Array(before[offset..<min(offset + count, before.count)]), at: UInt64(offset))
        }

        func read(isBeside: Bool = false) throws(StorageError) -> UInt64 {
            let token = store.beginRead()
            defer { store.endRead(token) }
            if isBeside {
                var buffer: PageBuffer?
                return try store.overflow(
                    new.page, byteCount: Int(new.byteCount), beside: &buffer
                ).load(at: 8, as: UInt64.self) ?? 0
            }
            if new.byteCount > 0 {
                return try store.overflow(new.page, byteCount: Int(new.byteCount))
                    .load(at: 8, as: UInt64.self) ?? 0
            }
            return try store.page(new.page).u64(40)
        }
    }

    // A node, a run through the cache, and one that is written past it.
    @Test(arguments: [0, 20_000, 300_000])
    func anEarlierPageIsNotTakenForTheOneThatWasWritten(byteCount: Int) throws {
        let fixture = try Fixture(byteCount: byteCount)
        try #require(fixture.new.page == fixture.old.page)
        try fixture.lose()
        let error = #expect(throws: StorageError.self) { _ = try fixture.read() }
        #expect(error?.code == .poisoned)
        #expect(error?.cause?.error.code == .inputOutput)
        #expect(error?.page == fixture.new.page)
        #expect(fixture.store.poison?.code == .inputOutput)
        #expect(throws: StorageError.self) { try fixture.store.writeOutDirty() }
    }

    @Test func anEarlierRunIsNotTakenForTheOneThatWasWrittenBesideTheCache() throws {
        let fixture = try Fixture(byteCount: 20_000)
        #expect(try fixture.read(isBeside: true) == 7)
        try fixture.lose()
        let error = #expect(throws: StorageError.self) { _ = try fixture.read(isBeside: true) }
        #expect(error?.code == .poisoned)
        #expect(error?.page == fixture.new.page)
        #expect(fixture.store.poison?.code == .inputOutput)
    }

    @Test(arguments: [0, 20_000, 300_000])
    func whatIsStillThereIsRead(byteCount: Int) throws {
        let fixture = try Fixture(byteCount: byteCount)
        #expect(try fixture.read() == 7)
        #expect(fixture.store.poison == nil)
    }
}
