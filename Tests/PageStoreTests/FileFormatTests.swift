import StorageIO
import StorageIOTesting
import Testing

@testable import PageStore

/// Builds each structure by hand from `Docs/FileFormat.md` and reads it; and the other way round.
@Suite struct FileFormatTests {
    /// A page from (offset, bytes) pairs; the rest is zero.
    static func page(_ parts: [(Int, [UInt8])]) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 4096)
        for (offset, part) in parts {
            bytes.replaceSubrange(offset..<offset + part.count, with: part)
        }
        return bytes
    }

    static func little(_ value: UInt64, _ size: Int) -> [UInt8] {
        (0..<size).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) }
    }

    /// With the checksum of bytes 4 ..< end set.
    static func sealed(_ bytes: [UInt8], end: Int = 4096) -> [UInt8] {
        let checksum = unsafe bytes.withUnsafeBytes {
            unsafe CRC32C.checksum(ByteView(UnsafeRawBufferPointer(rebasing: $0[4..<end])))
        }
        return little(UInt64(checksum), 4) + bytes[4...]
    }

    static func contents(_ file: InMemoryFile) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Int(try file.size()))
        _ = try unsafe bytes.withUnsafeMutableBytes { buffer throws in
            try unsafe file.read(into: buffer, at: 0)
        }
        return bytes
    }

    static func file(_ bytes: [UInt8]) throws -> InMemoryFile {
        let file = try InMemoryFileSystem().open("made", .create)
        try unsafe bytes.withUnsafeBytes { buffer throws in
            try unsafe file.write(buffer, at: 0)
        }
        return file
    }

    /// A superblock by the table, in slot 1.
    static func superblock(
        slot: UInt64 = 1, pageCount: UInt64 = 20, freeListHead: UInt64 = 0,
        freePages: UInt64 = 0, freeListPages: UInt64 = 0, root: UInt64 = 0
    ) -> [UInt8] {
        sealed(
            page([
                (4, little(slot, 4)), (8, little(77, 8)), (16, [5]),
                (32, Array("KVDBSWFT".utf8)), (40, little(1, 4)), (44, little(4096, 4)),
                (48, little(0, 4)), (52, little(1, 4)),
                (56, little(0x1122_3344_5566_7788, 8)), (64, little(0x99AA_BBCC_DDEE_FF00, 8)),
                (72, little(9, 8)), (80, little(77, 8)), (88, little(123_456_789_012, 8)),
                (96, little(3, 8)), (104, little(root, 4)), (108, [2]),
                (112, little(pageCount, 4)), (116, little(freeListHead, 4)),
                (120, little(freePages, 4)), (124, little(freeListPages, 4)),
            ]))
    }

    static func freeListPage(
        number: UInt64, next: UInt64 = 0, index: UInt64 = 0, birth: UInt64 = 77,
        _ runs: [(UInt64, UInt64)]
    ) -> [UInt8] {
        sealed(
            page([
                (4, little(number, 4)), (8, little(birth, 8)), (16, [4]), (20, little(next, 4)),
                (24, little(UInt64(runs.count), 4)), (28, little(index, 4)),
                (32, runs.flatMap { little($0.0, 4) + little($0.1, 4) }),
            ]))
    }

    @Test func superblockMatchesTheTable() throws {
        let expected = Superblock(
            identifier: StoreIdentifier(
                first: 0x1122_3344_5566_7788, second: 0x99AA_BBCC_DDEE_FF00),
            generation: 9,
            record: CheckpointRecord(
                transaction: 77, catalogRoot: 12, catalogHeight: 2, catalogCount: 3,
                logPosition: 123_456_789_012, usesLog: true),
            pageCount: 20, freeListHead: 5, freePageCount: 4, freeListPageCount: 1)
        let bytes = Self.superblock(freeListHead: 5, freePages: 4, freeListPages: 1, root: 12)
        let buffer = PageBuffer(pageCount: 1)
        expected.encode(into: buffer.page(0), slot: 1)
        #expect(buffer.bytes.array == bytes)
        #expect(Superblock.decode(buffer.page(0), slot: 1) == .valid(expected))
        #expect(Superblock.decode(buffer.page(0), slot: 0) == .damaged)
        #expect(bytes[128...].allSatisfy { $0 == 0 }, "all of it in one sector")
    }

    @Test func everyFlippedSuperblockByteIsSeen() {
        let bytes = Self.superblock()
        let buffer = PageBuffer(pageCount: 1)
        for offset in 0..<4096 {
            unsafe buffer.buffer(byteCount: 4096).copyBytes(from: bytes)
            buffer.page(0).store(bytes[offset] ^ 0x10, at: offset)
            let slot = Superblock.decode(buffer.page(0), slot: 1)
            if case .valid = slot { Issue.record("offset \(offset) passed") }
        }
    }

    @Test func pageHeaderMatchesTheTable() {
        let buffer = PageBuffer(pageCount: 1)
        buffer.page(0).writeHeader(
            number: 0x0102_0304, birth: 0x1112_1314_1516_1718, kind: .inner, level: 3)
        buffer.page(0).seal()
        let expected = Self.sealed(
            Self.page([
                (4, [4, 3, 2, 1]), (8, [0x18, 0x17, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11]),
                (16, [2]), (17, [3]),
            ]))
        #expect(buffer.bytes.array == expected)
    }

    /// A forged superblock may claim any number of pages, and its list name them all.
    @Test func aListOfPagesThatAreNotInTheFileTakesNoMemory() throws {
        let page = Self.freeListPage(number: 8, [(9, UInt64(UInt32.max) - 10)])
        var bytes = [UInt8](repeating: 0, count: 20 * 4096)
        bytes.replaceSubrange(8 * 4096..<9 * 4096, with: page)
        let superblock = Superblock(
            identifier: StoreIdentifier(first: 1, second: 2), generation: 1,
            record: CheckpointRecord(transaction: 77), pageCount: .max, freeListHead: 8,
            freePageCount: .max - 10, freeListPageCount: 1)
        let survey = FreeListSurvey(try Self.file(bytes), superblock, filePages: 20)
        #expect(survey.fault == nil)
        #expect(survey.runs == [9..<20] && survey.free.byteCount < 4096)
    }

    @Test func freeListMatchesTheTable() throws {
        var free = PageBitmap()
        free.insert(4..<7)
        free.insert(9)
        free.insert(15..<30)
        let buffer = FreeList.encode(free, below: 20, pages: [8], birth: 77)
        let page = Self.freeListPage(number: 8, [(4, 3), (9, 1), (15, 5)])
        #expect(buffer.bytes.array == page)
        let superblock = Self.superblock(freeListHead: 8, freePages: 9, freeListPages: 1)
        var bytes = [UInt8](repeating: 0, count: 20 * 4096)
        bytes.replaceSubrange(4096..<8192, with: superblock)
        bytes.replaceSubrange(8 * 4096..<9 * 4096, with: page)
        let store = try FilePageStore.open(
            on: try Self.file(bytes), options: smallOptions, check: ToyTree.check)
        #expect(store.freeListPages == [8])
        var runs: [[Int]] = []
        store.forEachFreeRun { runs.append([Int($0), $1]) }
        #expect(runs == [[4, 3], [9, 1], [15, 5]])
        #expect(store.identifier.first == 0x1122_3344_5566_7788)
        #expect(store.otherSlotDamaged, "slot 0 is blank, but this is not the first generation")
    }

    @Test func longFreeListsTakeSeveralPages() throws {
        let file = try InMemoryFileSystem().open("store", .create)
        let store = try FilePageStore.create(on: file, options: smallOptions, check: ToyTree.check)
        var tree = ToyTree(store)
        try tree.begin()
        let pages = try (0..<2400).map { _ in try store.allocate() }
        for page in pages where page % 2 == 0 { try store.retire(page, birth: 1) }
        for page in pages where page % 2 == 1 {
            let bytes = store.window.address(page)
            bytes.writeHeader(number: page, birth: 1, kind: .leaf)
            bytes.zero(32, count: 4064)
            bytes.store(ToyTree.leafMagic, at: 32)
        }
        try tree.commit()
        try tree.checkpoint()
        #expect(store.freeListPages.count == 3)
        let again = try FilePageStore.open(on: file, options: smallOptions, check: ToyTree.check)
        var before: [[Int]] = []
        var after: [[Int]] = []
        store.forEachFreeRun { before.append([Int($0), $1]) }
        again.forEachFreeRun { after.append([Int($0), $1]) }
        #expect(before == after && after.count > 1150)
        #expect(again.freeListPages == store.freeListPages)
    }

    @Test func overflowRunMatchesTheTable() throws {
        let value = ToyTree.bytes(42, 5000)
        let run = Self.sealed(
            Self.page([
                (4, Self.little(2, 4)), (8, Self.little(1, 8)), (16, [3]),
                (20, Self.little(5000, 4)), (24, Self.little(2, 4)),
            ]) + [UInt8](repeating: 0, count: 4096), end: 28)
        var expected = run
        let headerChecksum = Array(run[0..<4])
        expected.replaceSubrange(28..<32, with: headerChecksum)
        expected.replaceSubrange(32..<5032, with: value)
        expected = Self.sealed(expected, end: 5032)

        let file = try InMemoryFileSystem().open("store", .create)
        let store = try FilePageStore.create(on: file, options: smallOptions, check: ToyTree.check)
        var tree = ToyTree(store)
        try tree.begin()
        tree.entries = [try tree.make(tag: 42, byteCount: 5000)]
        #expect(tree.entries[0].page == 2)
        try tree.commit()
        try tree.checkpoint()
        #expect(Array(try Self.contents(file)[8192..<16384]) == expected)
    }

    /// R7: a run that is read beside the cache is checked as one that enters it, and what is wrong with it
    /// is said in the same words.
    @Test func everyFlippedByteOfARunIsSeenBesideTheCache() throws {
        let file = try InMemoryFileSystem().open("store", .create)
        let store = try FilePageStore.create(on: file, options: smallOptions, check: ToyTree.check)
        var tree = ToyTree(store)
        try tree.begin()
        let run = try tree.make(tag: 3, byteCount: 5000)
        tree.entries = [run]
        try tree.commit()
        try tree.checkpoint()
        let sound = try Self.contents(file)
        let start = Int(run.page) << 12
        let end = start + PageLayout.headerSize + 5000
        for offset in start..<end where offset < start + 64 || offset % 97 == 0 {
            var bytes = sound
            bytes[offset] ^= 0x04
            let errors = try [true, false].map { isBeside in
                let store = try FilePageStore.open(
                    on: try Self.file(bytes), options: smallOptions, check: ToyTree.check)
                return storageError {
                    let token = store.beginRead()
                    defer { store.endRead(token) }
                    var buffer: PageBuffer?
                    _ =
                        isBeside
                        ? try store.overflow(run.page, byteCount: 5000, beside: &buffer)
                        : try store.overflow(run.page, byteCount: 5000)
                }
            }
            #expect(errors[0]?.code == .damaged, "\(offset)")
            #expect(errors[0]?.message == errors[1]?.message, "\(offset)")
        }
    }

    /// R7: whatever byte of the file changes, either nothing that is in use shows it, or it is a
    /// typed error.
    @Test func everyFlippedByteIsSeenOrUnused() throws {
        let file = try InMemoryFileSystem().open("store", .create)
        let store = try FilePageStore.create(on: file, options: smallOptions, check: ToyTree.check)
        var tree = ToyTree(store)
        var random = SeededRandom(seed: 11)
        try tree.begin()
        for _ in 0..<6 { tree.entries.append(try tree.make(tag: random.next())) }
        tree.entries.append(try tree.make(tag: 3, byteCount: 5000))
        tree.entries.append(try tree.make(tag: 3, byteCount: 300))
        try tree.commit()
        try tree.change(&random, count: 3, slots: 6, overflow: false)
        try tree.checkpoint()
        try tree.checkpoint()
        let sound = try Self.contents(file)
        var used = try ToyTree.pages(store, root: tree.root)
        used.formUnion(store.freeListPages.map(Int.init))
        var unseen: Set<Int> = []
        for offset in stride(from: 0, to: sound.count, by: 1) where offset >= 8192 || offset < 512 {
            // Each byte of the headers, a sample of the rest.
            if offset % 4096 >= 64, offset % 4096 < 4090, offset % 97 != 0 { continue }
            var bytes = sound
            bytes[offset] ^= 0x04
            let flipped = try Self.file(bytes)
            let error = storageError {
                let store = try FilePageStore.open(
                    on: flipped, options: smallOptions, check: ToyTree.check)
                #expect(try ToyTree.problem(store, root: store.checkpoint.catalogRoot) == nil)
                if store.otherSlotDamaged { throw StorageError(.damaged, "other slot") }
            }
            let page = offset / 4096
            if let error {
                #expect(error.code == .damaged || error.code == .unsupportedFormat, "\(offset)")
            } else if used.contains(page) || page < 2 {
                unseen.insert(offset)
            }
        }
        // Behind the end of an overflow value lies nothing.
        let runs = tree.entries.filter { $0.byteCount > 0 }
        for offset in unseen {
            let run = runs.last { Int($0.page) * 4096 <= offset }
            #expect(
                run.map { offset >= Int($0.page) * 4096 + 32 + Int($0.byteCount) } ?? false,
                "offset \(offset) changed unseen")
        }
    }
}
