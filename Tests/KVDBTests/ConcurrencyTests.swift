@_spi(Engine) import DatabaseTesting
@_spi(Engine) import KVDB
import StorageIO
import StorageIOTesting
import Synchronization
import Testing

/// Many threads on one database in real files, with small budgets and the background thread.
///
/// Without `KVDB_THREAD_SECONDS` each test ends after a number of operations; with it the long ones
/// run for that time. `Scripts/check-threads` runs them under the thread sanitizer.
@Suite(.serialized) struct ConcurrencyTests {
    static let seconds = environmentNumber("KVDB_THREAD_SECONDS", default: 0)

    private static var options: DatabaseOptions {
        var options = DatabaseOptions()
        options.cacheBudget = 256 << 10
        options.dirtyBudget = 64 << 10
        options.logBudget = 128 << 10
        options.logSegmentSize = 32 << 10
        options.sizeLimit = 256 << 20
        options.syncInterval = .milliseconds(5)
        return options
    }

    /// Says when the writers are done: after a number of transfers, or by the clock.
    private final class Finish: Sendable {
        private let left: Atomic<Int>
        private let end: UInt64

        init(transfers: Int) {
            left = Atomic(transfers)
            end = System.now + UInt64(ConcurrencyTests.seconds) * 1_000_000_000
        }

        /// Whether to do one more.
        func next() -> Bool {
            if ConcurrencyTests.seconds > 0 { return System.now < end }
            return left.subtract(1, ordering: .relaxed).newValue >= 0
        }

        /// Ends it now.
        func stop() { left.store(-1 << 40, ordering: .relaxed) }
    }

    /// 4 writers move money, 8 readers look at snapshots, one thread keeps house: every snapshot is
    /// consistent, and versions only go forward (R3, R6).
    @Test(arguments: [Durability.full, .written, .buffered])
    func everySnapshotIsConsistent(durability: Durability) throws {
        let directory = try TemporaryDirectory()
        var options = Self.options
        options.durability = durability
        let path = directory.file("bank.db")
        let database = try FileDatabase.open(path, options: options)
        try Bank.open(database)
        let finish = Finish(transfers: 200)
        let writersLeft = Atomic(4)
        let commits = Atomic(0)
        try inParallel(13) { thread in
            switch thread {
            case 0..<4:
                defer { writersLeft.subtract(1, ordering: .relaxed) }
                var random = SeededRandom(seed: UInt64(thread))
                while finish.next() {
                    try Bank.transfer(database, &random)
                    commits.add(1, ordering: .relaxed)
                }
            case 4..<12:
                var last: UInt64 = 0
                var held: (FileSnapshot, Int)?
                var rounds = 0
                while writersLeft.load(ordering: .relaxed) > 0 {
                    let snapshot = try database.snapshot()
                    try check(snapshot.transaction >= last, "a version before the last one")
                    last = snapshot.transaction
                    let mark = try Bank.check(snapshot)
                    // One in ten is kept a while and looked at again.
                    if let (old, oldMark) = held {
                        try check(try Bank.check(old) == oldMark, "R6: a snapshot changed")
                    }
                    if rounds % 10 == 0 { held = (snapshot, mark) }
                    rounds += 1
                }
            default:
                var rounds = 0
                while writersLeft.load(ordering: .relaxed) > 0 {
                    switch rounds % 5 {
                    case 0: try database.checkpoint()
                    case 1: _ = try database.statistics()
                    case 2: try database.sync()
                    case 3 where rounds % 20 == 3: try database.compact()
                    case 4 where rounds % 20 == 4: try database.checkSound("while others work:")
                    default: System.yield()
                    }
                    rounds += 1
                }
            }
        }
        #expect(database.poison == nil)
        let mark = try Bank.check(try database.snapshot())
        #expect(mark <= commits.load(ordering: .relaxed))
        try database.checkSound()
        try database.close()
        let reopened = try FileDatabase.open(path, options: options)
        #expect(try Bank.check(try reopened.snapshot()) == mark)
        try reopened.checkSound()
        try reopened.close()
    }

    /// Single puts change pages in place while snapshots come and go: each shows one version, in which of
    /// two keys the second is never ahead of the first, nor more than one behind (R6).
    @Test(arguments: [Durability.written, .buffered])
    func putsInPlaceBesideReaders(durability: Durability) throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("pairs.db")
        let database = try FileDatabase.open(path, options: Self.options)
        try database.write { transaction in
            for number in 0..<400 { try transaction.put(numberKey(number), numberKey(0)) }
        }
        let finish = Finish(transfers: 2000)
        let writersLeft = Atomic(3)
        @Sendable func pair(_ thread: Int) -> [[UInt8]] {
            [numberKey(100 * thread + 7), numberKey(100 * thread + 90)]
        }
        @Sendable func number(_ snapshot: FileSnapshot, _ key: [UInt8]) throws -> Int {
            guard let value = try snapshot.get(key) else { throw Mismatch("a key is gone") }
            return value.reduce(0) { $0 << 8 | Int($1) }
        }
        try inParallel(8) { thread in
            if thread < 3 {
                defer { writersLeft.subtract(1, ordering: .relaxed) }
                var next = 1
                while finish.next() {
                    for key in pair(thread) {
                        try database.put(key, numberKey(next), durability: durability)
                    }
                    next += 1
                }
            } else if thread < 7 {
                var seen = [Int](repeating: 0, count: 3)
                while writersLeft.load(ordering: .relaxed) > 0 {
                    let snapshot = try database.snapshot()
                    for writer in 0..<3 {
                        let keys = pair(writer)
                        let second = try number(snapshot, keys[1])
                        let first = try number(snapshot, keys[0])
                        try check(
                            first == second || first == second + 1,
                            "R6: \(first) and \(second) in one version")
                        try check(first >= seen[writer], "\(first) after \(seen[writer])")
                        let again = try number(snapshot, keys[1])
                        try check(again == second, "R6: \(again) where \(second) was")
                        seen[writer] = first
                    }
                    if seen[0] % 3 == 0 { System.yield() }
                }
            } else {
                while writersLeft.load(ordering: .relaxed) > 0 {
                    // Again when there is something to write.
                    let last = try database.statistics().lastTransaction
                    try database.checkpoint()
                    while try database.statistics().lastTransaction < last + 20,
                        writersLeft.load(ordering: .relaxed) > 0
                    { System.yield() }
                }
            }
        }
        #expect(database.poison == nil)
        try database.checkSound()
        let numbers = try (0..<3).map { thread in
            let snapshot = try database.snapshot()
            let both = try pair(thread).map { try number(snapshot, $0) }
            #expect(both[0] == both[1] && both[0] > 0)
            return both[0]
        }
        try database.close()
        let reopened = try FileDatabase.open(path, options: Self.options)
        for thread in 0..<3 {
            #expect(try reopened.get(pair(thread)[0]) == numberKey(numbers[thread]))
        }
    }

    /// Readers read on through compactions and checkpoints, and none of them waits for a writer:
    /// they finish their rounds while a write transaction stays open.
    @Test func readersDoNotWaitForAWriter() throws {
        let directory = try TemporaryDirectory()
        let database = try FileDatabase.open(directory.file("bank.db"), options: Self.options)
        try Bank.open(database)
        let transaction = try database.begin()
        try transaction.put("account/", "not committed")
        try inParallel(8) { _ in
            for _ in 0..<50 {
                try Bank.check(try database.snapshot())
                try check(try database.get("account/") == nil, "an uncommitted entry is seen")
            }
        }
        transaction.abort()
        try database.close()
    }

    /// Eight threads commit to one log; each commit that returned is there after a power cut.
    @Test func groupCommitFromEightThreads() throws {
        let files = CrashingFileSystem()
        var options = DatabaseOptions.small
        options.checkpointPolicy = .automatic
        let database = try SimulatedDatabase.open(on: files, options)
        try inParallel(8) { thread in
            for number in 0..<100 {
                try database.put(numberKey(thread * 1000 + number), numberKey(number))
            }
        }
        let survivor = try SimulatedDatabase.open(on: files.survivors(.none), options)
        #expect(try survivor.count() == 800)
        try survivor.checkSound()
        #expect(try database.statistics().lastTransaction >= 800)
        try database.close()
    }

    /// Weaker and stronger commits from several threads: the strong ones bring the weak ones along,
    /// and what a power cut leaves is the state after some commit that includes every strong one.
    @Test func mixedDurabilityKeepsTheOrder() throws {
        let files = CrashingFileSystem()
        var options = DatabaseOptions.small
        options.checkpointPolicy = .automatic
        let database = try SimulatedDatabase.open(on: files, options)
        let levels: [Durability] = [.full, .buffered, .written, .buffered]
        let durable = Atomic<UInt64>(0)
        try inParallel(4) { thread in
            for _ in 0..<100 {
                let transaction = try database.begin()
                let number = transaction.number
                let count = transaction.count
                try transaction.put(numberKey(Int(count)), numberKey(Int(number)))
                try transaction.commit(durability: levels[thread])
                if levels[thread] == .full { durable.max(count + 1, ordering: .relaxed) }
            }
        }
        let least = durable.load(ordering: .relaxed)
        for seed in 0..<12 as Range<UInt64> {
            let survivor = try SimulatedDatabase.open(on: files.survivors(seed: seed), options)
            let count = try survivor.count()
            #expect(count >= least && count <= 400)
            // Without gaps: keys are numbered in the order of their commits.
            #expect(try survivor.get(numberKey(Int(count))) == nil)
            if count > 0 { #expect(try survivor.contains(numberKey(Int(count) - 1))) }
            try survivor.checkSound()
        }
        try database.close()
    }

    /// A second writer waits as long as it is told to.
    @Test func theWriterLockTimesOut() throws {
        let directory = try TemporaryDirectory()
        let database = try FileDatabase.open(directory.file("lock.db"), options: Self.options)
        let transaction = try database.begin()
        try inParallel(4) { _ in
            let none = errorCode { try database.begin(timeout: .zero).abort() }
            try check(none == .timedOut, "no wait: \(String(describing: none))")
            let short = errorCode { try database.begin(timeout: .milliseconds(10)).abort() }
            try check(short == .timedOut, "a short wait: \(String(describing: short))")
        }
        try transaction.put("a", "2")
        try transaction.commit()
        try inParallel(4) { thread in
            let transaction = try database.begin(timeout: .seconds(60))
            try transaction.put(numberKey(thread), "x")
            try transaction.commit()
        }
        #expect(try database.count() == 5)
        try database.close()
    }

    /// A close while others read, write, checkpoint and verify: they get `closed`, nothing else, and
    /// what was acknowledged is there afterwards.
    @Test func closeWhileOthersUseTheHandle() throws {
        let directory = try TemporaryDirectory()
        for round in 0..<(Self.seconds > 0 ? 10 : 4) {
            let path = directory.file("close\(round).db")
            let database = try FileDatabase.open(path, options: Self.options)
            try Bank.open(database)
            let acknowledged = (0..<3).map { _ in Counter() }
            let isClosing = Atomic(false)
            try inParallel(8) { thread in
                if thread == 7 {
                    while acknowledged.contains(where: { $0.value < 20 }) { System.yield() }
                    isClosing.store(true, ordering: .relaxed)
                    while errorCode({ try database.close() }) == .busy { System.yield() }
                    return
                }
                var number = 0
                do {
                    while true {
                        switch thread {
                        case 0..<3:
                            try database.put(
                                numberKey(thread * 100_000 + number), numberKey(number))
                            acknowledged[thread].value += 1
                        case 3: try database.checkpoint()
                        case 4: try database.checkSound("while closing:")
                        default: try Bank.check(try database.snapshot())
                        }
                        number += 1
                    }
                } catch {
                    guard let known = error as? StorageError, known.code == .closed else {
                        throw error
                    }
                    try check(isClosing.load(ordering: .relaxed), "closed too early")
                }
            }
            let reopened = try FileDatabase.open(path, options: Self.options)
            for thread in 0..<3 {
                for number in 0..<acknowledged[thread].value {
                    #expect(try reopened.contains(numberKey(thread * 100_000 + number)))
                }
            }
            try reopened.checkSound()
            try reopened.close()
        }
    }

    /// A number that several threads look at.
    private final class Counter: Sendable {
        private let number = Atomic(0)

        var value: Int {
            get { number.load(ordering: .relaxed) }
            set { number.store(newValue, ordering: .relaxed) }
        }
    }
}
