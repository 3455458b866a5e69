import StorageIO
import StorageIOTesting
import Testing

@testable import WAL

/// What whoever uses a log knows about it over crashes: what it appended, what was acknowledged,
/// and from where it would replay.
private struct Journal {
    /// The line that runs the test again, for what is found.
    let again: String
    var appended: [(entry: Entry, end: LogSequenceNumber)] = []
    /// How many of `appended` were synced for sure.
    var acknowledged = 0
    /// Replay starts here, behind this many records.
    var checkpoint: LogSequenceNumber = 0
    var checkpointed = 0
    /// Whether anything was ever appended, so that the log must be there (L7).
    var mustExist = false
    var nextTransaction: UInt64 = 1

    /// Opens the log and checks what it replays (R4): a prefix of what was appended that includes
    /// everything acknowledged, each record whole.
    mutating func open(_ files: CrashingFileSystem) throws -> WriteAheadLog<CrashingFileSystem> {
        let (log, entries) = try openLog(files, from: checkpoint, mustExist: mustExist)
        let count = checkpointed + entries.count
        try #require(
            count <= appended.count, "records that were never appended came back. \(again)")
        try #require(count >= acknowledged, "acknowledged records are missing. \(again)")
        try #require(entries == appended[checkpointed..<count].map(\.entry), "\(again)")
        if count > checkpointed { try #require(log.end == appended[count - 1].end, "\(again)") }
        appended.removeSubrange(count...)
        // What a reader may have seen now must never go away again (R3).
        acknowledged = count
        return log
    }

    /// Works with the log as a database would, until done or the file system crashes.
    mutating func work(
        _ log: WriteAheadLog<CrashingFileSystem>, _ random: inout SeededRandom, steps: Int
    ) throws {
        for _ in 0..<steps {
            switch random.below(12) {
            case 0..<5:
                let size = random.oneIn(5) ? random.below(9000) : random.below(600)
                let entry = Entry(nextTransaction, size: size)
                nextTransaction += 1
                let end = log.end
                do {
                    appended.append((entry, try log.append(entry)))
                    mustExist = true
                } catch {
                    // Refused, so not in the log; but a full buffer is written by append.
                    if log.end != end { appended.append((entry, log.end)) }
                    throw error
                }
            case 5..<9:
                let count = appended.count
                try log.sync(through: log.end)
                acknowledged = count
            case 9: try log.write(through: log.end)
            case 10: try log.reserve(random.below(20_000))
            default:
                // The checkpoint is durable before the log is told.
                guard acknowledged > checkpointed else { continue }
                checkpointed = random.number(in: checkpointed + 1...acknowledged)
                checkpoint = appended[checkpointed - 1].end
                try log.recycle(before: checkpoint)
            }
        }
    }

    mutating func session(_ files: CrashingFileSystem, seed: UInt64, steps: Int) throws {
        var random = SeededRandom(seed: seed)
        let log = try open(files)
        try work(log, &random, steps: steps)
    }

    /// Runs a session that may end in the crash that was asked for, and in nothing else.
    mutating func crashingSession(_ files: CrashingFileSystem, seed: UInt64, steps: Int) throws {
        do {
            try session(files, seed: seed, steps: steps)
        } catch let error as StorageError where files.hasCrashed {
            let code = error.cause?.error.code ?? error.code
            try #require(code == .inputOutput)
        }
    }
}

@Suite struct LogCrashTests {
    /// The operations at which a crash differs from one at the operation before.
    private static func changingOperations(_ body: (CrashingFileSystem) throws -> Void) rethrows
        -> [Int]
    {
        let files = CrashingFileSystem()
        return try changingOperations(on: files) { try body(files) }
    }

    private static func changingOperations(
        on files: CrashingFileSystem, _ body: () throws -> Void
    ) rethrows -> [Int] {
        final class Numbers: @unchecked Sendable {
            // Sendable: only one thread uses the file system.
            var list: [Int] = []
        }
        let numbers = Numbers()
        files.beforeOperation = { operation in
            if FileOperation.Kind.changing.contains(operation.kind) {
                numbers.list.append(operation.number)
            }
        }
        try body()
        files.beforeOperation = nil
        return numbers.list
    }

    @Test(arguments: Seeds.first(6))
    func r4ACrashAtEveryOperationLeavesAPrefixWithEverythingAcknowledged(seed: UInt64) throws {
        let steps = 40
        let operations = try Self.changingOperations { files in
            var journal = Journal(again: Seeds.again(seed))
            try journal.session(files, seed: seed, steps: steps)
        }
        #expect(operations.count > 10)
        for operation in operations {
            let files = CrashingFileSystem()
            files.crash(at: operation)
            var journal = Journal(again: Seeds.again(seed))
            try journal.crashingSession(files, seed: seed, steps: steps)
            for survival in 0..<12 {
                var after = journal
                let survivors = files.survivors(seed: UInt64(survival))
                try after.session(survivors, seed: seed + 1000, steps: 10)
                try after.session(
                    survivors.survivors(seed: UInt64(survival)), seed: seed, steps: 1)
            }
        }
    }

    @Test(arguments: Seeds.first(2))
    func r4ACrashAtEveryOperationOfRecoveryChangesNothing(seed: UInt64) throws {
        let operations = try Self.changingOperations { files in
            var journal = Journal(again: Seeds.again(seed))
            try journal.session(files, seed: seed, steps: 30)
        }
        for operation in operations {
            let files = CrashingFileSystem()
            files.crash(at: operation)
            var journal = Journal(again: Seeds.again(seed))
            try journal.crashingSession(files, seed: seed, steps: 30)
            for survival in 0..<6 {
                let torn = files.survivors(seed: UInt64(survival))
                let second = torn.survivors(.none)
                let recovery = try Self.changingOperations(on: second) {
                    var probe = journal
                    try probe.session(second, seed: seed + 7, steps: 12)
                }
                for crash in recovery {
                    let again = torn.survivors(.none)
                    again.crash(at: crash)
                    var after = journal
                    try after.crashingSession(again, seed: seed + 7, steps: 12)
                    for third in [1, 3, 4, 5] as [UInt64] {
                        var last = after
                        try last.session(again.survivors(seed: third), seed: seed + 9, steps: 6)
                    }
                }
            }
        }
    }

    /// A long life of crashes: power cuts at random operations and killed processes, whose writes
    /// the system still has, in turns.
    @Test(arguments: Seeds.first(150))
    func r4ALifeOfCrashes(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        var files = CrashingFileSystem()
        var journal = Journal(again: Seeds.again(seed))
        for _ in 0..<14 {
            let sessionSeed = random.next()
            switch random.below(3) {
            case 0:
                // A killed process: the log is dropped without being closed.
                try journal.session(files, seed: sessionSeed, steps: random.below(30))
            case 1:
                try journal.session(files, seed: sessionSeed, steps: random.below(30))
                files = files.survivors(seed: random.next())
            default:
                files.crash(at: files.operationCount + 1 + random.below(60))
                try journal.crashingSession(files, seed: sessionSeed, steps: 30)
                files = files.survivors(seed: random.next())
            }
        }
        try journal.session(files, seed: 0, steps: 0)
    }
}
