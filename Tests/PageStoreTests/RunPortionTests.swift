@testable import PageStore
import StorageIO
import StorageIOTesting
import Testing

/// Long values portion by portion, held against both implementations of the seam.
@Suite struct RunPortionTests {
    private static let portion = 256 << 10
    /// Around each edge: of a page, of a portion, with the header before the value.
    private static let lengths = [
        0, 1, 4063, 4064, 4065, 9000, portion - 33, portion - 32, portion - 31, portion + 5000,
        2 * portion - 32, 3 * portion + 1,
    ]

    /// Writes a run in portions of random lengths.
    private func write(
        _ bytes: [UInt8], to store: any CheckpointedStorage, _ random: inout SeededRandom
    ) throws -> PageNumber {
        let draft = try store.beginRun(byteCount: bytes.count)
        var next = 0
        while next < bytes.count {
            let count = min(random.number(in: 1...150_000), bytes.count - next)
            try lend(Array(bytes[next..<next + count])) { view throws(StorageError) in
                try store.write(view, to: draft)
            }
            next += count
        }
        return try store.finishRun(draft)
    }

    private func read(
        _ store: any CheckpointedStorage, _ run: RunReader, _ range: Range<Int>
    ) throws -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < range.count {
            let token = store.beginRead()
            defer { store.endRead(token) }
            bytes += try store.portion(of: run, at: range.lowerBound + bytes.count)
                .prefix(range.count - bytes.count).array
        }
        return bytes
    }

    @Test(arguments: StoreKind.allCases, lengths) func whatIsWrittenIsRead(
        kind: StoreKind, length: Int
    ) throws {
        let store = try kind.make()
        var random = SeededRandom(seed: UInt64(length))
        let bytes = random.bytes(length)
        try store.beginTransaction(1)
        let page = try write(bytes, to: store, &random)
        let run = try store.openRun(page, byteCount: length)
        #expect(try read(store, run, 0..<length) == bytes)
        for _ in 0..<20 where length > 0 {
            let start = random.below(length)
            let range = start..<start + random.below(length - start + 1)
            #expect(try read(store, run, range) == Array(bytes[range]))
        }
        // As a whole, through the cache: the run is like any other.
        let token = store.beginRead()
        #expect(try store.overflow(page, byteCount: length).array == bytes)
        store.endRead(token)
        // Now it is in memory.
        #expect(try read(store, run, 0..<length) == bytes)
        #expect(try read(store, store.openRun(page, byteCount: length), 0..<length) == bytes)
        let copy = try store.copyRun(page, byteCount: length)
        #expect(copy != page)
        #expect(
            try read(store, store.openRun(copy, byteCount: length), 0..<length) == bytes)
        try store.retireOverflow(page, byteCount: length)
        try store.retireOverflow(copy, byteCount: length)
        #expect(store.statistics.freePages == store.pageCount - 2)
    }

    @Test(arguments: StoreKind.allCases) func anotherNumberOfBytesIsRefused(
        kind: StoreKind
    ) throws {
        let store = try kind.make()
        #expect(storageError { _ = try store.beginRun(byteCount: 10) }?.code == .invalidArgument)
        try store.beginTransaction(1)
        let draft = try store.beginRun(byteCount: 300_000)
        try lend([1, 2, 3]) { view throws(StorageError) in try store.write(view, to: draft) }
        #expect(storageError { _ = try store.finishRun(draft) }?.code == .invalidArgument)
        let tooMuch = [UInt8](repeating: 4, count: 299_998)
        #expect(
            storageError {
                try lend(tooMuch) { view throws(StorageError) in
                    try store.write(view, to: draft)
                }
            }?.code == .invalidArgument)
        #expect(draft.missingCount == 299_997)
        store.abandonRun(draft)
        #expect(store.statistics.freePages == store.pageCount - 2)
        // A second time it is nothing.
        store.abandonRun(draft)
        #expect(
            storageError { _ = try store.beginRun(byteCount: 1 << 30 + 1) }?.code == .valueTooLong)
        #expect(storageError { _ = try store.beginRun(byteCount: -1) }?.code == .valueTooLong)
    }

    @Test(arguments: StoreKind.allCases) func aSavepointGivesTheRunBack(kind: StoreKind) throws {
        let store = try kind.make()
        var random = SeededRandom(seed: 3)
        try store.beginTransaction(1)
        let kept = try write(random.bytes(400_000), to: store, &random)
        let used = store.pageCount - store.statistics.freePages
        try store.addSavepoint()
        _ = try write(random.bytes(700_000), to: store, &random)
        let draft = try store.beginRun(byteCount: 300_000)
        store.abandonRun(draft)
        try store.retireOverflow(kept, byteCount: 400_000)
        store.rollBackSavepoint()
        #expect(store.pageCount - store.statistics.freePages == used)
        _ = try store.openRun(kept, byteCount: 400_000)
        store.abortTransaction()
        #expect(store.statistics.freePages == store.pageCount - 2)
    }

    /// Each flipped bit is met: by the pass that opens the run, and where it comes later, by the portion's checksum.
    @Test func aFlippedBitIsDamage() throws {
        let file = try InMemoryFileSystem().open("store", .create)
        let store = try FilePageStore.create(on: file, options: smallOptions, check: ToyTree.check)
        var random = SeededRandom(seed: 4)
        let length = 3 * Self.portion
        try store.beginTransaction(1)
        let page = try write(random.bytes(length), to: store, &random)
        let run = try store.openRun(page, byteCount: length)
        func flip(_ offset: Int) throws {
            let place = UInt64(page) * 4096 + UInt64(offset)
            let byte = UnsafeMutableRawBufferPointer.allocate(byteCount: 1, alignment: 1)
            defer { unsafe byte.deallocate() }
            _ = try unsafe file.read(into: byte, at: place)
            unsafe byte[0] ^= 1
            try unsafe file.write(UnsafeRawBufferPointer(byte), at: place)
        }
        for offset in [0, 5, 9, 17, 21, 25, 29, 32, 4096, Self.portion, length + 31] {
            try flip(offset)
            #expect(
                storageError { _ = try store.openRun(page, byteCount: length) }?.code == .damaged,
                "\(offset)")
            let isMet =
                storageError { _ = try read(store, run, 0..<length) }?.code == .damaged
            #expect(isMet, "\(offset)")
            try flip(offset)
            _ = try store.openRun(page, byteCount: length)
        }
        // What a leaf may say of it.
        for wrong in [length - 1, length + 1, 1 << 30, -1, 1 << 40] {
            #expect(
                storageError { _ = try store.openRun(page, byteCount: wrong) }?.code == .damaged,
                "\(wrong)")
        }
        for wrong: PageNumber in [0, 1, 5000, .max] {
            #expect(
                storageError { _ = try store.openRun(wrong, byteCount: length) }?.code
                    == .damaged, "page \(wrong)")
        }
        #expect(storageError { _ = try store.openRun(page + 1, byteCount: length) } != nil)
    }

    @Test func longValuesTakeNoPlaceInTheCache() throws {
        let store = try StoreKind.file.make()
        var random = SeededRandom(seed: 5)
        try store.beginTransaction(1)
        let before = store.statistics.residentPages
        let page = try write(random.bytes(20 << 20), to: store, &random)
        let run = try store.openRun(page, byteCount: 20 << 20)
        _ = try read(store, run, 0..<20 << 20)
        #expect(store.statistics.residentPages == before)
        #expect(store.pressure.dirtyPages == 0)
    }
}
