@_spi(Engine) import DatabaseTesting
@_spi(Engine) import KVDB
import PageStore
import StorageIO
import StorageIOTesting
import Synchronization
import WAL

/// Eight threads on one database, and what they saw held to strict serializability.
///
/// A case is a run of ``ListWorkload`` on files of the system, on the simulated file system with
/// crashes, on files in memory, or on the store without files; its history goes through
/// ``HistoryChecker`` and, by the engine's version numbers, through ``SerialReplay``. Small histories
/// beside it also go through ``SerialSearch``, as they are and with one thing changed, and the
/// methods must agree.
///
/// What a seed repeats is what each thread asks for, not how the threads fall; so a finding prints the
/// transactions of the cycle. Not covered: schedules that the system's scheduler never makes
/// (`schedule`), other processes (`process`).
struct HistoryFamily: Family {
    static var name: String { "history" }
    static var unit: String { "transactions" }
    static var gate: Goal { .units(500_000) }
    static var subset: Goal { .units(100_000) }

    func run(_ number: UInt64, _ account: inout Account) throws {
        var random = SeededRandom(seed: number)
        var workload = ListWorkload(seed: number)
        workload.lists = random.element(of: [2, 8, 8, 30])
        workload.turn = random.element(of: [20, 60, 200])
        workload.padding = random.element(of: [0, 0, 100, 900])
        let options = Self.options(&random)
        switch number % 4 {
        case 0:
            let directory = try TemporaryDirectory()
            try check(workload, number, &account) {
                try FileDatabase.open(directory.file("lists.db"), options: options)
            }
            account.note("on the system's files")
        case 1, 2:
            let files = CrashingFileSystem()
            let cuts = RandomCuts(files, &random)
            try check(workload, number, &account, cuts) {
                try SimulatedDatabase.open(on: files, options)
            }
        default:
            if number % 8 == 3 {
                try check(workload, number, &account, isKept: false) {
                    try InMemoryDatabase.openInMemory(options: options)
                }
            } else {
                let files = InMemoryFileSystem()
                try check(workload, number, &account) {
                    try DatabaseEngine<
                        FilePageStore<InMemoryFile>, WriteAheadLog<InMemoryFileSystem>
                    >.open("lists.db", files: files, options: options)
                }
            }
        }
    }

    private static func options(_ random: inout SeededRandom) -> DatabaseOptions {
        var options = DatabaseOptions()
        options.checkpointPolicy = random.element(of: [.automatic, .automatic, .inline])
        options.usesLog = !random.oneIn(8)
        options.cacheBudget = random.element(of: [64 << 10, 64 << 10, 256 << 10, 64 << 20])
        options.dirtyBudget = random.element(of: [16 << 10, 64 << 10, 8 << 20])
        options.logBudget = random.element(of: [8 << 10, 64 << 10, 4 << 20])
        options.logSegmentSize = random.element(of: [4096, 16 << 10, 256 << 10])
        options.loggedTransactionLimit = random.element(of: [300, 8 << 20, 8 << 20])
        options.syncInterval = .milliseconds(random.element(of: [1, 5]))
        options.sizeLimit = 256 << 20
        return options
    }

    // MARK: One run

    private func check<Store, Log>(
        _ workload: ListWorkload, _ number: UInt64, _ account: inout Account,
        _ cuts: RandomCuts? = nil, isKept: Bool = true,
        _ open: () throws -> DatabaseEngine<Store, Log>
    ) throws {
        let events = EventCounter()
        var database: DatabaseEngine<Store, Log>? = try open()
        cuts?.begin(events)
        var history = try workload.run(on: database!, events)
        cuts?.end()
        account.units += history.count
        let final = try workload.readAll(database!, events)
        for cut in cuts?.all ?? [] {
            account.step = cut.event
            var options = DatabaseOptions.small
            options.checkpointPolicy = .manual
            options.sizeLimit = 256 << 20
            let survivor = try SimulatedDatabase.open(on: cut.files, options)
            try survivor.checkSound("R4: after a crash at event \(cut.event)")
            history.append(
                try workload.readRecovered(survivor, crashedAt: cut.event, of: history))
            account.note("crashes")
        }
        history.append(final)
        try judge(history)
        try crossCheck(database!, workload, number, &account)
        try database!.checkSound()
        guard isKept else { return }
        try database!.close()
        database = try open()
        let reopened = try workload.readAll(database!, events)
        guard reopened.operations == final.operations else {
            throw Failure("R4: a reopen changed \(final)\nto \(reopened)")
        }
        try database!.close()
    }

    private func judge(_ history: [ListTransaction]) throws {
        let anomalies = HistoryChecker.check(history, isComplete: true)
        if let first = anomalies.first { throw Failure("\(anomalies.count) anomalies: \(first)") }
        if let problem = SerialReplay.problem(in: history) { throw Failure(problem) }
    }

    /// Small histories, on which three methods must agree.
    private func crossCheck<Store, Log>(
        _ database: DatabaseEngine<Store, Log>, _ workload: ListWorkload, _ number: UInt64,
        _ account: inout Account
    ) throws {
        var random = SeededRandom(seed: ~number)
        let events = EventCounter()
        var small = workload
        small.threads = 4
        small.transactionsPerThread = 4
        small.lists = 2
        small.keepsHouse = false
        for round in 0..<20 {
            small.seed = number &* 1000 &+ UInt64(round)
            small.firstList = workload.listEnd + 2 * round
            var history = try small.run(on: database, events)
            account.note("transactions of small histories", history.count)
            history.append(try small.readAll(database, events))
            try judge(history)
            guard SerialSearch.isExplained(history) else {
                throw Failure("no serial order was found for \(history)")
            }
            account.note("searched")
            let mutated = HistoryMutation.mutate(history, &random)
            let isSound = HistoryChecker.check(mutated, isComplete: true).isEmpty
            guard isSound == SerialSearch.isExplained(mutated) else {
                throw Failure("the methods disagree, the checker says \(isSound): \(mutated)")
            }
            account.note(isSound ? "changed, still sound" : "changed, refuted")
        }
    }
}

/// Power cuts at random operations of a run, and the event at each.
private final class RandomCuts: @unchecked Sendable {
    // Sendable: `lock` guards what changes.
    struct Cut {
        let event: Int
        let files: CrashingFileSystem
    }

    private let files: CrashingFileSystem
    private let lock = Lock()
    private var random: SeededRandom
    private var cuts: [Cut] = []
    private var untilNext = 0
    private var interval: Int

    init(_ files: CrashingFileSystem, _ random: inout SeededRandom) {
        self.files = files
        self.random = SeededRandom(seed: random.next())
        interval = random.element(of: [100, 1000, 3000])
    }

    var all: [Cut] { lock.withLock { cuts } }

    func begin(_ events: EventCounter) {
        untilNext = random.below(interval)
        files.beforeOperation = { [self] _ in
            let seed: UInt64? = lock.withLock {
                untilNext -= 1
                guard untilNext < 0, cuts.count < 8 else { return nil }
                untilNext = random.below(2 * interval)
                return random.next()
            }
            guard let seed else { return }
            // The event first: what had returned by then must survive.
            let event = events.tick()
            let survivors = files.survivors(
                variant: Int(truncatingIfNeeded: seed & 0xff), seed: seed >> 8)
            lock.withLock { cuts.append(Cut(event: event, files: survivors)) }
        }
    }

    func end() { files.beforeOperation = nil }
}
