import StorageIO
import StorageIOTesting
import Testing

@testable import PageStore

/// Every way in which a file can be no sound store has its own error.
@Suite struct OpenFailureTests {
    private func open(_ bytes: [UInt8]) -> StorageError? {
        storageError {
            _ = try FilePageStore.open(
                on: try FileFormatTests.file(bytes), options: smallOptions, check: ToyTree.check)
        }
    }

    private func sound() throws -> [UInt8] {
        let file = try InMemoryFileSystem().open("store", .create)
        let store = try FilePageStore.create(on: file, options: smallOptions, check: ToyTree.check)
        var tree = ToyTree(store)
        var random = SeededRandom(seed: 4)
        try tree.change(&random, count: 10)
        try tree.checkpoint()
        // Without the space that is kept behind the last page.
        return Array(try FileFormatTests.contents(file).prefix(store.pageCount << 12))
    }

    @Test func tellsTheKindsOfUnsoundFilesApart() throws {
        let sound = try sound()
        #expect(open(sound) == nil)
        #expect(open([])?.code == .emptyFile)
        #expect(open(Array("key,value\n".utf8))?.code == .notADatabase)
        #expect(open([UInt8](repeating: 0x20, count: 100_000))?.code == .notADatabase)
        #expect(open([UInt8](repeating: 0, count: 100_000))?.code == .notADatabase)
        #expect(open(Array("SQLite format 3\0".utf8))?.code == .notADatabase)
        for count in [20, 45, 512, 4096, 5000, 8191] {
            #expect(open(Array(sound.prefix(count)))?.code == .truncated, "\(count) bytes")
        }
        #expect(open(Array(sound.prefix(sound.count - 1)))?.code == .truncated)
        #expect(open(Array(sound.prefix(3 * 4096)))?.code == .truncated)
        var damaged = sound
        damaged[100] ^= 1
        damaged[4096 + 100] ^= 1
        #expect(open(damaged)?.code == .damaged)
        let error = storageError {
            _ = try FilePageStore.open(
                on: try FileFormatTests.file(sound),
                options: PageStoreOptions(sizeLimit: 5 << 12), check: ToyTree.check)
        }
        #expect(error?.code == .fileTooLarge)
    }

    @Test func refusesNewerFormats() throws {
        var bytes = try sound()
        for slot in 0..<2 {
            bytes[slot * 4096 + 40] = 2
            // However a newer format may compute its checksum.
            bytes[slot * 4096] ^= 0xFF
        }
        #expect(open(bytes)?.code == .unsupportedFormat)
        // A newer program has written one slot, soundly.
        bytes = try sound()
        var page = Array(bytes[0..<4096])
        page[40] = 2
        bytes.replaceSubrange(0..<4096, with: FileFormatTests.sealed(page))
        #expect(open(bytes)?.code == .unsupportedFormat)
    }

    @Test func saysWhenTheOtherSlotIsDamaged() throws {
        var bytes = try sound()  // generation 2 is in slot 1
        for offset in [32, 40, 72, 2000] {
            var copy = bytes
            copy[offset] ^= 1
            let store = try FilePageStore.open(
                on: try FileFormatTests.file(copy), options: smallOptions, check: ToyTree.check)
            #expect(store.otherSlotDamaged && store.generation == 2, "offset \(offset)")
        }
        bytes.replaceSubrange(0..<4096, with: [UInt8](repeating: 0, count: 4096))
        let store = try FilePageStore.open(
            on: try FileFormatTests.file(bytes), options: smallOptions, check: ToyTree.check)
        #expect(store.otherSlotDamaged, "generation 2 follows one that was in slot 0")
        bytes[4096 + 80] ^= 1
        #expect(open(bytes)?.code == .damaged)
    }

    @Test func createsOnlyInEmptyFiles() throws {
        let file = try FileFormatTests.file([1])
        let error = storageError {
            _ = try FilePageStore.create(on: file, options: smallOptions, check: ToyTree.check)
        }
        #expect(error?.code == .fileExists)
    }

    @Test func refusesHostileFreeLists() throws {
        typealias Format = FileFormatTests
        func file(
            _ pages: [Int: [UInt8]], head: UInt64 = 8, free: UInt64, lists: UInt64,
            root: UInt64 = 0
        ) -> StorageError? {
            var bytes = [UInt8](repeating: 0, count: 20 * 4096)
            let superblock = Format.superblock(
                freeListHead: head, freePages: free, freeListPages: lists, root: root)
            bytes.replaceSubrange(4096..<8192, with: superblock)
            for (page, content) in pages {
                bytes.replaceSubrange(page * 4096..<(page + 1) * 4096, with: content)
            }
            return open(bytes)
        }
        func page(
            number: UInt64 = 8, next: UInt64 = 0, index: UInt64 = 0, birth: UInt64 = 77,
            _ runs: [(UInt64, UInt64)]
        ) -> [UInt8] {
            Format.freeListPage(number: number, next: next, index: index, birth: birth, runs)
        }
        #expect(file([8: page([(4, 2)])], free: 2, lists: 1) == nil)
        let cases: [(String, StorageError?)] = [
            ("a superblock", file([8: page([(1, 2)])], free: 2, lists: 1)),
            ("beyond the end", file([8: page([(18, 3)])], free: 3, lists: 1)),
            ("overflowing", file([8: page([(18, 0xFFFF_FFFF)])], free: 3, lists: 1)),
            ("descending", file([8: page([(12, 1), (4, 1)])], free: 2, lists: 1)),
            ("overlapping", file([8: page([(4, 3), (6, 2)])], free: 5, lists: 1)),
            ("touching", file([8: page([(4, 2), (6, 2)])], free: 4, lists: 1)),
            ("empty run", file([8: page([(4, 0)])], free: 0, lists: 1)),
            ("itself", file([8: page([(7, 3)])], free: 3, lists: 1)),
            ("the root", file([8: page([(4, 2)])], free: 2, lists: 1, root: 5)),
            ("wrong count", file([8: page([(4, 2)])], free: 3, lists: 1)),
            ("a loop", file([8: page(next: 8, [(4, 2)])], free: 2, lists: 1)),
            ("too short", file([8: page([(4, 2)])], free: 2, lists: 2)),
            ("too long", file([8: page(next: 9, [(4, 2)])], free: 2, lists: 1)),
            ("wrong place", file([8: page(index: 1, [(4, 2)])], free: 2, lists: 1)),
            ("wrong number", file([8: page(number: 9, [(4, 2)])], free: 2, lists: 1)),
            ("from the future", file([8: page(birth: 78, [(4, 2)])], free: 2, lists: 1)),
            ("of an older checkpoint", file([8: page(birth: 76, [(4, 2)])], free: 2, lists: 1)),
            ("no page at all", file([:], free: 2, lists: 1)),
            ("into the superblocks", file([:], head: 1, free: 2, lists: 1)),
            ("out of the file", file([:], head: 20, free: 2, lists: 1)),
            (
                "a loop of two",
                file(
                    [
                        8: page(next: 9, [(4, 1)]),
                        9: page(number: 9, next: 8, index: 1, [(6, 1)]),
                    ], free: 2, lists: 3)
            ),
        ]
        for (name, error) in cases { #expect(error?.code == .damaged, "\(name)") }
    }
}
