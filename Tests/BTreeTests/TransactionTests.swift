import PageStore
import StorageIO
import StorageIOTesting
import Testing

@testable import BTree

/// A tree changes only inside a write transaction of its store.
@Suite struct TransactionTests {
    /// A change outside of a transaction throws, and no version sees anything of it (R1).
    @Test func changesNothingOutside() throws {
        let harness = try TreeHarness()
        try harness.write { tree in
            for number in 0..<3000 { try tree.put(key(number), [1]) }
        }
        let before = harness.tree
        func code(_ body: (inout MemoryTree) throws -> Void) -> StorageError.Code? {
            var tree = harness.tree
            do {
                try body(&tree)
                return nil
            } catch {
                return (error as? StorageError)?.code
            }
        }
        #expect(code { try $0.put(key(7), [2]) } == .invalidArgument, "the same size, in place")
        #expect(code { try $0.put(key(7000), [2]) } == .invalidArgument, "a new entry")
        #expect(
            code { try $0.put(key(7), [UInt8](repeating: 2, count: 5000)) } == .invalidArgument)
        #expect(code { tree in try lend(key(7)) { _ = try tree.delete($0) } } == .invalidArgument)
        #expect(
            code { tree in
                try lend(key(7)) { (low: ByteView) in
                    try lend(key(900)) { (high: ByteView) in
                        _ = try tree.deleteRange(from: low, to: high)
                    }
                }
            } == .invalidArgument)
        #expect(code { try $0.deleteAll() } == .invalidArgument)
        #expect(try before.value(key(7)) == [1])
        try harness.check()
        // And after an abort.
        try harness.begin()
        try harness.tree.put(key(7), [3])
        harness.abort()
        #expect(code { try $0.put(key(7), [2]) } == .invalidArgument)
        #expect(try harness.tree.value(key(7)) == [1])
        try harness.check()
    }

    /// A call without a transaction changes nothing, so the same tree can be written to when there is one.
    @Test func aTreeGoesOnAfterARefusalOutside() throws {
        let harness = try TreeHarness()
        try harness.write { tree in
            for number in 0..<3000 { try tree.put(key(number), [1]) }
        }
        var tree = harness.tree
        #expect(throws: StorageError.self) { try tree.put(key(7), [2]) }
        #expect(throws: StorageError.self) {
            try tree.put(key(7), [UInt8](repeating: 2, count: 5000))
        }
        #expect(throws: StorageError.self) { try tree.delete(key(7)) }
        #expect(throws: StorageError.self) { try tree.deleteRange(key(7), key(900)) }
        #expect(throws: StorageError.self) { try tree.deleteAll() }
        #expect(tree.root == harness.tree.root)
        try harness.begin()
        try tree.put(key(7), [9])
        #expect(try tree.value(key(7)) == [9])
        #expect(tree.count == 3000)
        harness.abort()
    }

    /// Durable versions in a file are as safe.
    @Test func changesNothingDurable() throws {
        let files = CrashingFileSystem()
        let store = try FilePageStore.create(
            files: files, path: "tree", options: PageStoreOptions(sizeLimit: 1 << 26),
            check: NodeCheck.check)
        var tree = BPlusTree(store: store)
        try store.beginTransaction(1)
        for number in 0..<500 {
            try lend(key(number)) { key in try lend([1]) { _ = try tree.put(key, $0) } }
        }
        try store.commitTransaction()
        try store.publish(1)
        func record(_ version: TransactionNumber) -> CheckpointRecord {
            CheckpointRecord(
                transaction: version, catalogRoot: tree.root.page,
                catalogHeight: tree.root.height, catalogCount: tree.root.entryCount)
        }
        try store.beginCheckpoint(record(1))
        try store.finishCheckpoint()
        for number in 0..<500 {
            // What failed half-way is left alone.
            var copy = tree
            #expect(throws: StorageError.self) {
                try lend(key(number)) { key in try lend([2]) { _ = try copy.put(key, $0) } }
            }
        }
        #expect(store.pressure.dirtyPages == 0)
        try store.beginTransaction(2)
        try lend(key(1000)) { key in try lend([2]) { _ = try tree.put(key, $0) } }
        try store.commitTransaction()
        try store.publish(2)
        try store.beginCheckpoint(record(2))
        try store.finishCheckpoint()
        #expect(try tree.checkInvariants { _, _, _, _ in }.entryCount == 501)
        for number in 0..<500 {
            #expect(try lend(key(number)) { try tree.get($0) } == [1])
        }
    }
}
