import PageStore
import StorageIO
import StorageIOTesting
import Synchronization
import Testing

/// What reaches the file, in which order, and what is left of it after a crash or a fault.
@Suite struct DurabilityTests {
    typealias Store = FilePageStore<CrashingFile>

    static func makeStore(
        _ files: CrashingFileSystem, _ options: PageStoreOptions = smallOptions
    ) throws(StorageError) -> Store {
        let file = try files.open("store", .create)
        let store = try Store.create(on: file, options: options, check: ToyTree.check)
        try files.syncDirectory(of: "store")
        return store
    }

    /// Watches the writes: which pages the durable superblock reaches, and whether all is synced.
    final class Oracle: @unchecked Sendable {
        // Only one thread writes in these tests.
        var protected: Set<Int> = []
        /// What the checkpoint under way will reach, its free list left out.
        var next: Set<Int> = []
        var isSuperblockPending = false
        var unsynced = 0
        var superblocks = 0
        var violations: [String] = []

        func note(_ operation: FileOperation) {
            switch operation.kind {
            case .sync:
                unsynced = 0
                if isSuperblockPending { protected = next }
                isSuperblockPending = false
            case .write where operation.offset < 8192:
                superblocks += 1
                if unsynced > 0 { violations.append("R2: superblock before sync") }
                unsynced += 1
                isSuperblockPending = true
            case .write:
                unsynced += 1
                let first = Int(operation.offset / 4096)
                let last = (Int(operation.offset) + operation.byteCount - 1) / 4096
                for page in first...last where protected.contains(page) {
                    violations.append("R1: page \(page) is overwritten")
                }
            case .truncate:
                if let last = protected.max(), operation.offset < UInt64(last + 1) << 12 {
                    violations.append("R1: page \(last) is cut off")
                }
            default: break
            }
        }
    }

    @Test(arguments: Seeds.first(6))
    func nothingDurableIsOverwritten(seed: UInt64) throws {
        let again: Comment = "\(Seeds.again(seed))"
        let files = CrashingFileSystem()
        let store = try Self.makeStore(files)
        let oracle = Oracle()
        files.beforeOperation = { oracle.note($0) }
        var tree = ToyTree(store)
        var random = SeededRandom(seed: seed)
        for round in 0..<60 {
            try tree.begin()
            for _ in 0..<random.below(12) {
                try tree.set(&random, slots: 60, overflow: true)
                if random.oneIn(8) { try store.writeOutDirty() }
            }
            if random.oneIn(5) {
                store.abortTransaction()
                tree = ToyTree(tree, at: tree.transaction - 1)
                tree.entries = try ToyTree.entries(store, root: tree.root)
            } else {
                try tree.commit()
            }
            if round % 5 == 4 {
                oracle.next = try ToyTree.pages(store, root: tree.root)
                try tree.checkpoint()
                oracle.protected = try ToyTree.pages(store, root: tree.root)
                oracle.protected.formUnion(store.freeListPages.map(Int.init))
            }
        }
        #expect(oracle.violations.isEmpty, again)
        #expect(oracle.superblocks == 12, again)
    }

    /// The script that crashes and faults are put into.
    ///
    /// - Returns: the roots' contents after each checkpoint, oldest first.
    private static func script(
        _ store: Store, _ states: inout [TransactionNumber: [ToyTree.Entry]]
    ) throws(StorageError) {
        var random = SeededRandom(seed: 77)
        var tree = ToyTree(store)
        for round in 0..<5 {
            try tree.change(&random, count: 12, slots: 30)
            states[tree.transaction] = tree.entries
            if round == 2 {
                try tree.begin()
                for _ in 0..<4 { try tree.set(&random, slots: 30, overflow: true) }
                try store.writeOutDirty()
                try tree.commit()
                states[tree.transaction] = tree.entries
            }
            try tree.checkpoint()
        }
        // Shrink, so that the tail is cut.
        try tree.begin()
        for entry in tree.entries { try tree.retire(entry) }
        tree.entries = []
        try tree.commit()
        states[tree.transaction] = []
        try tree.checkpoint()
        try tree.begin()
        try tree.commit()
        states[tree.transaction] = []
        try tree.checkpoint()
    }

    private static func problem(
        of files: CrashingFileSystem, _ states: [TransactionNumber: [ToyTree.Entry]],
        atLeast durable: TransactionNumber
    ) throws -> String? {
        let store = try Store.open(
            on: try files.open("store", .readWrite), options: smallOptions, check: ToyTree.check)
        let record = store.checkpoint
        if record.transaction < durable { return "lost checkpoint \(durable)" }
        let entries = try ToyTree.entries(store, root: record.catalogRoot)
        if entries != states[record.transaction] ?? [] { return "another state" }
        if let problem = try ToyTree.problem(store, root: record.catalogRoot) { return problem }
        // What is not in use is free: nothing leaks by a crash.
        let live = try ToyTree.pages(store, root: record.catalogRoot)
        let statistics = store.statistics
        guard
            live.count + statistics.freePages + statistics.freeListPages + 2
                == statistics.pageCount
        else { return "pages leak" }
        var tree = ToyTree(store)
        tree.entries = entries
        var random = SeededRandom(seed: 5)
        try tree.change(&random, count: 10)
        try tree.checkpoint()
        return try ToyTree.problem(store, root: tree.root)
    }

    /// A crash at every operation, with several subsets of the unsynced writes each.
    @Test func opensToTheOldOrTheNewCheckpointAfterACrash() throws {
        var operation = 0
        while true {
            let files = CrashingFileSystem()
            let store = try Self.makeStore(files)
            let start = files.operationCount
            operation += 1
            files.crash(at: start + operation)
            var states: [TransactionNumber: [ToyTree.Entry]] = [:]
            let error = storageError { try Self.script(store, &states) }
            let durable = store.checkpoint.transaction
            for seed in 0..<8 as Range<UInt64> {
                let problem = try Self.problem(
                    of: files.survivors(seed: seed), states, atLeast: durable)
                #expect(problem == nil, "crash at operation \(operation), seed \(seed)")
            }
            if error == nil { break }
        }
        #expect(operation > 60)
    }

    /// A fault at every call: a typed error, reads go on, the store refuses to write, and reopening
    /// finds the old or the new checkpoint.
    @Test func survivesAFaultAtEveryCall() throws {
        var operation = 0
        while true {
            let files = CrashingFileSystem()
            let store = try Self.makeStore(files)
            operation += 1
            files.fail(operation: files.count(of: .changing) + operation, of: .changing)
            var states: [TransactionNumber: [ToyTree.Entry]] = [:]
            guard let error = storageError({ try Self.script(store, &states) }) else { break }
            #expect(error.code == .inputOutput, "operation \(operation)")
            #expect(store.poison?.code == .inputOutput)
            let again = storageError { try store.beginTransaction(1000) }
            #expect(again?.code == .poisoned && again?.cause?.error.code == .inputOutput)
            #expect(
                storageError { try store.finishCheckpoint() }?.code != .inputOutput)
            let record = store.checkpoint
            // What was durable is readable still.
            #expect(try ToyTree.problem(store, root: record.catalogRoot) == nil)
            for seed in 0..<3 as Range<UInt64> {
                let problem = try Self.problem(
                    of: files.survivors(seed: seed), states, atLeast: record.transaction)
                #expect(problem == nil, "fault at call \(operation), seed \(seed)")
            }
        }
        #expect(operation > 40)
    }

    /// A failing read is an error, once, and nothing else.
    @Test func aFailingReadChangesNothing() throws {
        let files = CrashingFileSystem()
        var tree = ToyTree(try Self.makeStore(files))
        var random = SeededRandom(seed: 2)
        try tree.change(&random, count: 30)
        try tree.checkpoint()
        tree.store.close()
        let store = try Store.open(
            on: try files.open("store", .readWrite), options: smallOptions, check: ToyTree.check)
        for _ in 0..<20 {
            files.fail(operation: files.count(of: .read) + 1, of: .read)
            _ = storageError { _ = try ToyTree.problem(store, root: tree.root) }
        }
        files.clearFaults()
        #expect(store.poison == nil)
        #expect(try ToyTree.problem(store, root: tree.root) == nil)
    }

    @Test func aFullDiskFailsTheTransactionAlone() throws {
        let files = CrashingFileSystem()
        let store = try Self.makeStore(files)
        var tree = ToyTree(store)
        var random = SeededRandom(seed: 8)
        try tree.change(&random, count: 20)
        try tree.checkpoint()
        files.capacity = UInt64(store.pageCount + 30) << 12
        var failures = 0
        for _ in 0..<30 {
            var next = tree
            let error = storageError {
                try next.begin()
                for _ in 0..<10 { try next.set(&random, slots: 250, overflow: true) }
                try next.commit()
            }
            if let error {
                #expect(error.code == .diskFull)
                store.abortTransaction()
                failures += 1
            } else {
                tree = next
            }
            let checkpoint = storageError { try tree.checkpoint() }
            #expect(checkpoint == nil || checkpoint?.code == .diskFull)
            #expect(try ToyTree.problem(store, root: tree.root) == nil)
        }
        #expect(failures > 0)
        #expect(store.poison == nil)
        // Space again, and all is as before.
        files.capacity = nil
        try tree.change(&random, count: 30)
        try tree.checkpoint()
        let again = try Store.open(
            on: try files.afterKill().open("store", .readWrite), options: smallOptions,
            check: ToyTree.check)
        #expect(again.checkpoint == tree.record)
        #expect(try ToyTree.problem(again, root: tree.root) == nil)
    }

    /// A full disk in the middle of a checkpoint takes it back.
    @Test func aFullDiskTakesTheCheckpointBack() throws {
        for call in 1...6 {
            let files = CrashingFileSystem()
            let store = try Self.makeStore(files)
            var tree = ToyTree(store)
            var random = SeededRandom(seed: 8)
            try tree.change(&random, count: 40)
            try tree.checkpoint()
            try tree.change(&random, count: 40)
            files.fail(
                operation: files.count(of: .write) + call, of: .write, with: .diskFull)
            let error = storageError { try tree.checkpoint() }
            if store.poison == nil, error != nil {
                #expect(error?.code == .diskFull)
                #expect(store.checkpoint.transaction == 1)
                try tree.change(&random, count: 10)
                try tree.checkpoint()
            }
            #expect(try ToyTree.problem(store, root: tree.root) == nil)
            let again = try Store.open(
                on: try files.afterKill().open("store", .readWrite), options: smallOptions,
                check: ToyTree.check)
            // A superblock that failed to be written may be there all the same.
            if store.poison == nil {
                #expect(again.checkpoint.transaction == store.checkpoint.transaction)
            }
            #expect(
                try ToyTree.problem(again, root: again.checkpoint.catalogRoot) == nil)
        }
    }

    /// R9: what is deleted leaves the file.
    @Test func theTailIsCutOff() throws {
        let files = CrashingFileSystem()
        let store = try Self.makeStore(files)
        var tree = ToyTree(store)
        try tree.begin()
        tree.entries = try (0..<240).map { try tree.make(tag: $0, byteCount: 9000) }
        try tree.commit()
        try tree.checkpoint()
        #expect(store.statistics.fileByteCount > 700 << 12)
        try tree.begin()
        for entry in tree.entries { try tree.retire(entry) }
        tree.entries = []
        try tree.commit()
        for _ in 0..<3 {
            try tree.begin()
            try tree.commit()
            try tree.checkpoint()
        }
        let size = try files.open("store", .readOnly).size()
        #expect(size == store.statistics.fileByteCount)
        // Besides the reserve for a full disk.
        #expect(size <= (10 + 12) << 12, "R9: \(size) bytes left")
    }

    /// R9: a steady writer's file does not grow.
    @Test func steadyUpdatesKeepTheFileSmall() throws {
        let files = CrashingFileSystem()
        let store = try Self.makeStore(files)
        var tree = ToyTree(store)
        try tree.begin()
        tree.entries = try (0..<100).map { try tree.make(tag: $0) }
        try tree.commit()
        for round in 0..<400 {
            try tree.begin()
            let slot = round % 100
            try tree.retire(tree.entries[slot])
            tree.entries[slot] = try tree.make(tag: UInt64(round))
            try tree.commit()
            if round % 10 == 9 { try tree.checkpoint() }
        }
        #expect(store.pageCount < 100 + 2 + 2 * 22 + 4, "R9")
    }

    @Test func readOnlyStoresNeverWrite() throws {
        let files = CrashingFileSystem()
        var tree = ToyTree(try Self.makeStore(files))
        var random = SeededRandom(seed: 2)
        try tree.change(&random, count: 30)
        try tree.checkpoint()
        tree.store.close()
        var options = smallOptions
        options.readOnly = true
        let store = try Store.open(
            on: try files.open("store", .readOnly), options: options, check: ToyTree.check)
        let changes = files.count(of: .changing)
        var copy = ToyTree(store)
        copy.entries = tree.entries
        for _ in 0..<10 { try copy.change(&random, count: 30, slots: 100) }
        try copy.begin()
        copy.entries.append(try copy.make(tag: 1, byteCount: 300_000))
        try copy.commit()
        try store.writeOutDirty()
        #expect(try ToyTree.problem(store, root: copy.root) == nil)
        #expect(storageError { try copy.checkpoint() }?.code == .readOnly)
        #expect(files.count(of: .changing) == changes)
        #expect(store.poison == nil)
    }

    @Test func storedPagesAreCheckedPastTheCache() throws {
        let files = CrashingFileSystem()
        let store = try Self.makeStore(files)
        var tree = ToyTree(store)
        try tree.begin()
        tree.entries = try (0..<5).map { try tree.make(tag: $0) }
        tree.entries.append(try tree.make(tag: 9, byteCount: 400_000))
        try tree.commit()
        try tree.checkpoint()
        for entry in tree.entries { try store.checkStored(entry.page) }
        let file = try files.open("store", .readWrite)
        for entry in tree.entries {
            let byte: [UInt8] = [0xEE]
            try unsafe byte.withUnsafeBytes { buffer throws in
                try unsafe file.write(
                    buffer, at: UInt64(entry.page) << 12 + (entry.byteCount > 0 ? 399_000 : 900))
            }
            let error = storageError { try store.checkStored(entry.page) }
            #expect(error?.code == .damaged && error?.page == entry.page)
        }
    }
}
