@_spi(Engine) import DatabaseTesting
@_spi(Engine) import KVDB
import StorageIO
import StorageIOTesting
import Synchronization
import Testing

/// The rules of the architecture (`Docs/Architecture.md`) that can be seen from outside of a whole
/// database, by number. R4 is `CrashTests`; R12 is `Scripts/check-embedded`.
@Suite struct RuleTests {
    let logPath = SimulatedDatabase.testPath + "-wal"

    // MARK: R1, R2

    /// At every write to the data file all earlier ones are taken as done and the newest durable
    /// superblock as it is: had one of them hit a page that it reaches, the tree would be damaged.
    @Test func r1NoReachablePageIsOverwritten() throws {
        let workload = CrashWorkload.script(seed: 100)
        let files = CrashingFileSystem()
        let moments = Moments()
        files.beforeOperation = { operation in
            guard operation.path == SimulatedDatabase.testPath else { return }
            if operation.kind == .write || operation.kind == .sync {
                moments.add(files.survivors(.all), "\(operation)")
            }
        }
        try workload.run(on: files) { moments.progress = $0 }
        #expect(moments.all.count > 100)
        for moment in moments.all {
            do {
                let database = try SimulatedDatabase.open(on: moment.files, workload.options)
                try workload.checkPrefix(database, moment.progress)
                try database.checkSound()
            } catch {
                Issue.record("before \(moment.name): \(error)")
                return
            }
        }
    }

    /// When a superblock is written, nothing else that was written to the data file is unsynced,
    /// and the log is durable.
    @Test func r2TheSuperblockComesLast() throws {
        let files = CrashingFileSystem()
        let order = WriteOrder()
        files.beforeOperation = { order.note($0) }
        try CrashWorkload.script(seed: 101).run(on: files) { _ in }
        #expect(order.superblocks > 10)
        #expect(order.violations == [])
    }

    // MARK: R3

    /// While the log is being synced, no reader sees the commit; as soon as it returned, every
    /// reader does and it survives a power cut.
    @Test func r3NoReaderSeesACommitBeforeItIsDurable() throws {
        let files = CrashingFileSystem()
        let database = try SimulatedDatabase.open(on: files, .manual)
        try database.put("a", "old")
        let seen = Seen()
        let log = logPath
        files.beforeOperation = { [unowned database] operation in
            guard operation.path == log else { return }
            seen.add("\(operation.kind)", try? database.get("a"))
            seen.add("snapshot", try? database.snapshot().get("a"))
        }
        try database.put("a", "new")
        #expect(seen.values.count >= 4)
        #expect(seen.values.allSatisfy { $0 == Array("old".utf8) })
        files.beforeOperation = nil
        #expect(try database.get("a") == Array("new".utf8))
        let survivor = try SimulatedDatabase.open(on: files.survivors(.none), .manual)
        #expect(try survivor.get("a") == Array("new".utf8))
    }

    /// What a commit at `full` found to be so stays so after a crash, though it had nothing to change
    /// and what it saw was committed at a weaker level.
    @Test(arguments: [true, false])
    func r3ACommitThatChangesNothingMakesDurableWhatItSaw(logging: Bool) throws {
        var options = DatabaseOptions.manual
        options.usesLog = logging
        let files = CrashingFileSystem()
        let database = try SimulatedDatabase.open(on: files, options)
        try database.put("a", "1")
        try #require(try database.delete("a", durability: .buffered))
        #expect(try !database.delete("a", durability: .full))
        let again = try SimulatedDatabase.open(on: files.survivors(.none), options)
        #expect(try again.get("a") == nil)
    }

    /// A commit whose sync fails is never seen by a reader of that handle.
    @Test func r3NoReaderSeesACommitWhoseSyncFailed() throws {
        let files = CrashingFileSystem()
        let database = try SimulatedDatabase.open(on: files, .manual)
        try database.put("a", "old")
        files.fail(operation: files.count(of: .sync) + 1, of: .sync)
        let code = errorCode { try database.put("a", "new") }
        #expect(code == .inputOutput || code == .poisoned)
        #expect(try database.get("a") == Array("old".utf8))
        #expect(errorCode { try database.put("b", "1") } == .poisoned)
        #expect(database.poison != nil)
    }

    /// A commit that is done publishes itself, and not the one behind it that is still being synced.
    @Test func r3ACommitDoesNotPublishTheNextOne() throws {
        let files = CrashingFileSystem()
        let database = try SimulatedDatabase.open(on: files, .manual)
        try database.put("warm", "up")
        let last = try database.statistics().lastTransaction
        let syncs = Operations()
        let isFirstDone = Atomic(false)
        let isSecondDone = Atomic(false)
        files.beforeOperation = { [unowned database] operation in
            guard operation.kind == .sync else { return }
            syncs.add(operation)
            if syncs.all.count == 1 {
                // The second one is in the log's buffer when a third could begin.
                while let transaction = try? database.begin() {
                    let number = transaction.number
                    transaction.abort()
                    if number == last + 3 { return }
                    System.yield()
                }
            } else {
                while !isFirstDone.load(ordering: .acquiring) { System.yield() }
                #expect((try? database.get("first")) == Array("1".utf8))
                #expect((try? database.contains("second")) == false)
            }
        }
        try inParallel(2) { thread in
            if thread == 0 {
                try database.put("first", "1")
                isFirstDone.store(true, ordering: .releasing)
            } else {
                while syncs.all.count != 1 { System.yield() }
                try database.put("second", "2")
                isSecondDone.store(true, ordering: .releasing)
            }
        }
        files.beforeOperation = nil
        #expect(isSecondDone.load(ordering: .acquiring) && syncs.all.count == 2)
        #expect(try database.contains("second"))
    }

    /// A commit that changed nothing makes durable what was committed before it, as any other does.
    @Test(arguments: [true, false]) func r3ACommitOfNothingIsACommit(logging: Bool) throws {
        let files = CrashingFileSystem()
        var options = DatabaseOptions.manual
        options.usesLog = logging
        let database = try SimulatedDatabase.open(on: files, options)
        try database.put("a", "1", durability: .buffered)
        try database.write(durability: .full) { transaction in
            try check(try transaction.get("a") == Array("1".utf8), "the commit is not seen")
        }
        let survivor = try SimulatedDatabase.open(on: files.survivors(.none), options)
        #expect(try survivor.get("a") == Array("1".utf8))
    }

    /// A transaction that changed nothing does not commit when what it has read never came out.
    @Test func r3ACommitOfNothingWaitsForWhatItHasRead() throws {
        let files = CrashingFileSystem()
        let database = try SimulatedDatabase.open(on: files, .manual)
        try database.put("a", "old")
        let reader = OpenTransaction()
        files.beforeOperation = { [unowned database] operation in
            guard operation.kind == .sync, reader.transaction == nil else { return }
            // The next transaction stands on a commit that is still being synced.
            reader.transaction = try? database.begin()
            reader.value = try? reader.transaction?.get("a")
        }
        files.fail(operation: files.count(of: .sync) + 1, of: .sync)
        #expect(errorCode { try database.put("a", "new") } != nil)
        files.beforeOperation = nil
        #expect(reader.value == Array("new".utf8))
        #expect(errorCode { try reader.transaction.take()?.commit() } != nil)
        #expect(try database.get("a") == Array("old".utf8))
    }

    /// A transaction that is begun in one place and ended in another.
    private final class OpenTransaction: @unchecked Sendable {
        // Sendable: only used by the thread that runs the test.
        var transaction: SimulatedTransaction?
        var value: [UInt8]?
    }

    // MARK: R4

    /// Commits during a checkpoint survive a power cut at any of its operations, however much of the
    /// log they go through: what the checkpoint frees in the log may only be used once its superblock
    /// is durable.
    @Test func r4CommitsDuringACheckpointAreNotLost() throws {
        let files = CrashingFileSystem()
        let database = try SimulatedDatabase.open(on: files, .manual)
        for number in 0..<30 { try database.put(numberKey(number), numberKey(number * 1000)) }
        try database.checkpoint()
        for number in 0..<30 {
            try database.put(numberKey(number), [UInt8](repeating: 1, count: 400))
        }
        let cuts = Cuts()
        files.beforeOperation = { [unowned database] operation in
            // The store makes other calls under a lock that a commit takes too.
            guard operation.path == SimulatedDatabase.testPath,
                operation.kind == .write || operation.kind == .sync, cuts.enter()
            else { return }
            defer { cuts.leave() }
            for _ in 0..<8 {
                let number = cuts.acknowledged
                guard
                    (try? database.put(numberKey(1000 + number), Array(repeating: 2, count: 900)))
                        != nil
                else { return }
                cuts.acknowledged += 1
            }
            for seed in 0..<6 as Range<UInt64> {
                cuts.all.append((files.survivors(seed: seed), cuts.acknowledged, "\(operation)"))
            }
        }
        try database.checkpoint()
        files.beforeOperation = nil
        #expect(cuts.all.count >= 24)
        for (survivors, acknowledged, place) in cuts.all {
            do {
                let reopened = try SimulatedDatabase.open(on: survivors, .manual)
                #expect(try reopened.count() == UInt64(30 + acknowledged))
                try reopened.checkSound(place)
            } catch {
                Issue.record("A power cut before \(place): \(error)")
            }
        }
    }

    // MARK: R5

    /// Abort, an error and a drop leave no trace: not in the handle, not in the file, not in its
    /// size, not after a reopen.
    @Test(arguments: ["abort", "error", "drop"])
    func r5NoTrace(ending: String) throws {
        let files = CrashingFileSystem()
        var database = try SimulatedDatabase.open(on: files)
        var model = DatabaseModel()
        for number in 0..<200 { model.apply(.put(numberKey(number), numberKey(number))) }
        model.apply(.put([1], [2], table: "kept"))
        try database.write { transaction in
            for number in 0..<200 { try transaction.put(numberKey(number), numberKey(number)) }
            try transaction.put([UInt8(1)], [UInt8(2)], table: "kept")
        }
        try database.checkpoint()
        try database.checkpoint()
        let before = try database.statistics()
        for round in 0..<20 {
            try leave(database, ending, seed: UInt64(round))
            try model.check(database, "round \(round)")
        }
        let after = try database.statistics()
        #expect(after.lastTransaction == before.lastTransaction)
        #expect(after.pendingPages <= before.pendingPages)
        #expect(after.logByteCount == before.logByteCount)
        #expect(after.pageCount - after.freePages <= before.pageCount - before.freePages)
        #expect(database.poison == nil)
        try database.checkSound()
        try database.close()
        database = try .open(on: files)
        try model.check(database, "after a reopen")
        try database.compact()
        let compact = try database.statistics()
        // But for the place of a page or two of the catalog and the free list.
        let limit = before.fileByteCount + 2 * 4096
        #expect(compact.fileByteCount <= limit, "\(compact), before \(before)")
    }

    private struct Refused: Error {}

    private func leave(_ database: SimulatedDatabase, _ ending: String, seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let keys = KeyGenerator(kind: .numbers, space: 300, valueLength: 200)
        var changes = (0..<100).map { _ in keys.tableChange(&random) }
        changes += (0..<100).map { _ in keys.change(&random) } + [.dropTable("kept")]
        // Larger than the dirty budget: some of it is written to the file before it ends.
        changes += (0..<20).map { .put(numberKey(1000 + $0), random.bytes(5000)) }
        switch ending {
        case "error":
            do {
                try database.write { transaction in
                    for change in changes { _ = try transaction.apply(change) }
                    throw Refused()
                }
            } catch is Refused {}
        case "drop":
            let transaction = try database.begin()
            for change in changes { _ = try transaction.apply(change) }
        default:
            let transaction = try database.begin()
            for change in changes { _ = try transaction.apply(change) }
            transaction.abort()
        }
    }

    // MARK: R6

    /// Snapshots show their version through commits, checkpoints, compactions and evictions.
    @Test func r6ASnapshotSeesOneVersion() throws {
        let files = CrashingFileSystem()
        let database = try SimulatedDatabase.open(on: files)
        var model = DatabaseModel()
        var held: [(snapshot: SimulatedSnapshot, model: DatabaseModel)] = []
        var random = SeededRandom(seed: 6)
        let keys = KeyGenerator(kind: .paths, space: 400, valueLength: 150)
        for round in 0..<60 {
            try database.write { transaction in
                for _ in 0..<25 {
                    let change =
                        random.oneIn(5) ? keys.tableChange(&random) : keys.change(&random)
                    model.apply(change)
                    _ = try transaction.apply(change)
                }
            }
            if round % 6 == 0 { held.append((try database.snapshot(), model)) }
            if round % 10 == 3 { try database.checkpoint() }
            if round % 20 == 13 { try database.compact() }
            if round % 15 == 14 { held.remove(at: random.below(held.count)) }
            for one in held {
                #expect(try one.model.difference(from: one.snapshot) == nil)
            }
        }
        #expect(try database.statistics().evictions > 0)
        try database.checkSound()
    }
}
