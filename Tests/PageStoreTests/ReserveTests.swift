import PageStore
import StorageIO
import StorageIOTesting
import Testing

/// The pages that growth leaves on a full disk ("A full disk" in Docs/Guarantees.md): 12, and one for
/// each 512 of the file; half of them to deletes, the rest to the checkpoint.
@Suite struct ReserveTests {
    /// Takes pages until the disk is full; how many.
    private func fill(
        _ store: FilePageStore<CrashingFile>, for purpose: SpacePurpose
    ) throws(StorageError) -> Int {
        store.setPurpose(purpose)
        var count = 0
        while true {
            do throws(StorageError) {
                _ = try store.allocate()
                count += 1
            } catch {
                guard error.code == .diskFull else { throw error }
                return count
            }
        }
    }

    @Test(arguments: [40, 300, 1100, 3000])
    func growthLeavesPagesToDeletesAndThoseToTheCheckpoint(pages: Int) throws {
        let files = CrashingFileSystem()
        let store = try FilePageStore.create(
            on: try files.open("store", .create),
            options: PageStoreOptions(maximumFileSize: 64 << 20), check: ToyTree.check)
        files.capacity = UInt64(pages) * 4096
        try store.beginTransaction(1)
        #expect(!store.isSpaceShort)
        let grown = try fill(store, for: .growth)
        #expect(store.isSpaceShort)
        let removed = try fill(store, for: .removal)
        let checkpointed = try fill(store, for: .checkpoint)
        // The superblocks are two; not a page is left.
        #expect(2 + grown + removed + checkpointed == pages)
        let reserve = 12 + (2 + grown) / 512
        #expect(removed + checkpointed == reserve)
        #expect(removed == reserve - reserve / 2)
        // A full disk is no failure, and what is given back is there again.
        store.abortTransaction()
        try store.beginTransaction(1)
        #expect(try fill(store, for: .growth) == grown)
        files.capacity = UInt64(pages + 50) * 4096
        #expect(try fill(store, for: .growth) >= 49)
        #expect(store.poison == nil)
    }
}
