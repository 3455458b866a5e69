import StorageIO
import StorageIOTesting
import Testing

@testable import PageStore

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
            options: PageStoreOptions(sizeLimit: 64 << 20), check: ToyTree.check)
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

    /// Neither superblock is ever written where the disk has no room for it.
    @Test func bothSuperblocksHaveTheirRoomFromTheStart() throws {
        let folder = try TemporaryDirectory()
        let file = try POSIXFileSystem().open(folder.file("store"), .create)
        let store = try FilePageStore.create(on: file, check: ToyTree.check)
        try file.sync()
        if let count = try file.status()?.allocatedByteCount { #expect(count >= 2 * 4096) }
        store.close()
    }

    /// A superblock can claim pages by the million for a file of some kilobytes that is one hole. A
    /// five-hundredth of that would be hundreds of megabytes, taken from the disk by the first put.
    @Test func pagesThatAreNotOnTheDiskNeedNoReserve() throws {
        let folder = try TemporaryDirectory()
        let path = folder.file("store")
        let files = POSIXFileSystem()
        var store = try FilePageStore.create(on: files.open(path, .create), check: ToyTree.check)
        let claimed = 100_000_000
        let superblock = Superblock(
            identifier: store.identifier, generation: store.generation + 1,
            record: store.checkpoint, pageCount: PageNumber(claimed))
        store.close()
        let buffer = PageBuffer(pageCount: 1)
        superblock.encode(into: buffer.page(0), slot: 1)
        let file = try files.open(path, .readWrite)
        try unsafe file.write(buffer.bytes.buffer, at: 4096)
        try file.truncate(to: UInt64(claimed) << 12)

        store = try FilePageStore.open(on: file, check: ToyTree.check)
        try store.beginTransaction(1)
        #expect(try store.allocate() >= claimed)
        #expect(store.space.withLock { $0.filePages } - claimed < 10_000)
        #expect(try #require(file.status()?.allocatedByteCount) < 40 << 20)
        store.abortTransaction()
        store.close()
    }
}
