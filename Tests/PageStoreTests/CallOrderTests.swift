import StorageIO
import StorageIOTesting
import Testing

@testable import PageStore

/// Calls in the wrong order are errors: nothing stops the process, and nothing changes what a version
/// sees.
@Suite struct CallOrderTests {
    private func code(_ body: () throws -> Void) -> StorageError.Code? { storageError(body)?.code }

    /// A store with one committed, published and checkpointed version of a few pages.
    private func makeStore(_ kind: StoreKind) throws -> (any CheckpointedStorage, ToyTree) {
        let store = try kind.make()
        var tree = ToyTree(store)
        var random = SeededRandom(seed: 5)
        try tree.change(&random, count: 30)
        try tree.checkpoint()
        return (store, tree)
    }

    @Test(arguments: StoreKind.allCases)
    func writingOutsideOfATransactionIsRefused(kind: StoreKind) throws {
        let (store, tree) = try makeStore(kind)
        let page = try #require(tree.entries.first { $0.byteCount == 0 }).page
        let run = try #require(tree.entries.first { $0.byteCount > 0 })
        let before = store.statistics
        let token = store.beginRead()
        defer { store.endRead(token) }
        let birth = try store.page(page).birth
        #expect(code { _ = try store.allocate() } == .invalidArgument)
        #expect(code { _ = try store.allocateRun(upTo: 4) } == .invalidArgument)
        #expect(code { _ = try store.copy(page) } == .invalidArgument)
        #expect(code { try store.makeWritable(page) } == .invalidArgument)
        #expect(code { try store.retire(page, birth: birth) } == .invalidArgument)
        #expect(
            code {
                try lend([1, 2, 3]) { view throws(StorageError) in
                    _ = try store.allocateOverflow(view)
                }
            } == .invalidArgument)
        #expect(
            code { try store.retireOverflow(run.page, byteCount: Int(run.byteCount)) }
                == .invalidArgument)
        #expect(
            code { try store.fill(page..<page + 1, from: PageBuffer(pageCount: 1)) }
                == .invalidArgument)
        let after = store.statistics
        #expect(after.pageCount == before.pageCount && after.freePages == before.freePages)
        #expect(after.pendingPages == before.pendingPages)
        #expect(try ToyTree.problem(store, root: tree.root) == nil)
    }

    /// No page is writable after a commit or an abort, not even the last transaction's (R1).
    @Test func nothingIsWritableBetweenTransactions() throws {
        for kind in StoreKind.allCases {
            let (store, _) = try makeStore(kind)
            let token = store.beginRead()
            defer { store.endRead(token) }
            try store.beginTransaction(2)
            let page = try store.allocate()
            store.window.address(page).writeHeader(number: page, birth: 2, kind: .leaf)
            try store.makeWritable(page)
            try store.commitTransaction()
            #expect(code { try store.makeWritable(page) } == .invalidArgument)
            // In the next transaction it is an older version's, which only a copy may change.
            try store.beginTransaction(3)
            #expect(code { try store.makeWritable(page) } == .invalidArgument)
            #expect(try store.copy(page) != page)
            #expect(store.abortTransaction())
            #expect(code { try store.makeWritable(page) } == .invalidArgument)
        }
    }

    @Test(arguments: StoreKind.allCases) func transactionsInTheWrongOrder(kind: StoreKind) throws {
        let store = try kind.make()
        #expect(code { try store.commitTransaction() } == .invalidArgument)
        #expect(!store.abortTransaction())
        #expect(code { try store.extendTransaction(to: 2) } == .invalidArgument)
        #expect(code { try store.publish(1) } == .invalidArgument)
        #expect(code { try store.beginTransaction(0) } == .invalidArgument)
        try store.beginTransaction(1)
        #expect(code { try store.beginTransaction(2) } == .invalidArgument)
        #expect(code { try store.commitInPlace(2) } == .invalidArgument)
        #expect(code { try store.publish(1) } == .invalidArgument, "it is not committed yet")
        #expect(code { try store.beginCheckpoint(CheckpointRecord()) } == .invalidArgument)
        try store.extendTransaction(to: 4)
        #expect(code { try store.extendTransaction(to: 3) } == .invalidArgument)
        try store.commitTransaction()
        #expect(code { try store.commitTransaction() } == .invalidArgument)
        #expect(!store.abortTransaction(), "a committed transaction can't be taken back")
        #expect(code { try store.publish(5) } == .invalidArgument)
        try store.publish(4)
        try store.publish(2)
        #expect(code { try store.commitInPlace(4) } == .invalidArgument)
        try store.commitInPlace(5)
        try store.publish(5)
        #expect(code { try store.beginTransaction(5) } == .invalidArgument)
        try store.beginTransaction(6)
        #expect(store.abortTransaction())
        try store.beginTransaction(6)
        try store.commitTransaction()
    }

    @Test(arguments: StoreKind.allCases) func checkpointsInTheWrongOrder(kind: StoreKind) throws {
        let (store, tree) = try makeStore(kind)
        #expect(code { try store.finishCheckpoint() } == .invalidArgument)
        try store.beginCheckpoint(tree.record)
        #expect(code { try store.beginCheckpoint(tree.record) } == .busy)
        if kind == .file { #expect(code { try store.noteLogInUse() } == .busy) }
        try store.finishCheckpoint()
        #expect(code { try store.finishCheckpoint() } == .invalidArgument)
        try store.noteLogInUse()
        store.close()
        #expect(code { try store.beginTransaction(9) } == .closed)
        #expect(code { try store.beginCheckpoint(tree.record) } == .closed)
        #expect(code { try store.finishCheckpoint() } == .closed)
    }

    /// A checkpoint that one thread is writing is not written by another as well.
    @Test func aCheckpointIsFinishedOnce() throws {
        let files = CrashingFileSystem()
        let store = try FilePageStore.create(
            files: files, path: "store", options: smallOptions, check: ToyTree.check)
        var tree = ToyTree(store)
        var random = SeededRandom(seed: 6)
        try tree.change(&random, count: 30)
        try store.beginCheckpoint(tree.record)
        let second = Outcome()
        files.beforeOperation = { operation in
            guard operation.kind == .sync, second.code == nil else { return }
            second.code = .closed
            second.code = storageError { try store.finishCheckpoint() }?.code
        }
        try store.finishCheckpoint()
        files.beforeOperation = nil
        #expect(second.code == .busy)
        #expect(try ToyTree.problem(store, root: tree.root) == nil)
    }

    /// What a hook saw; it runs in the thread that set it.
    private final class Outcome: @unchecked Sendable {
        var code: StorageError.Code?
    }
}
