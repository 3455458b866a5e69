@_spi(Engine) import KVDB
import StorageIO
import StorageIOTesting

/// A scripted life of a database: it splits and merges pages, holds values larger than a page,
/// checkpoints, recycles its log, commits a transaction too large to log, compacts, imports, uses
/// named tables, holds a snapshot over all that, and closes and opens again.
public struct CrashWorkload: Sendable {
    /// One step; all but `hold` and `release` end in one commit or change no content at all.
    public enum Step: Sendable {
        case commit([Change], Database.Durability)
        case abort([Change])
        case importEntries([ExportEvent], replacing: Bool)
        case sync
        case checkpoint
        case compact
        case hold
        case release
        case reopen
    }

    public let options: Database.Options
    public let steps: [Step]
    /// `states[n]` is the content after the first `n` steps.
    public let states: [DatabaseModel]

    public init(options: Database.Options, steps: [Step]) {
        self.options = options
        self.steps = steps
        var states = [DatabaseModel()]
        for step in steps { states.append(Self.state(after: step, states[states.count - 1])) }
        self.states = states
    }

    /// The content after `step` on `model`.
    public static func state(after step: Step, _ model: DatabaseModel) -> DatabaseModel {
        var model = model
        switch step {
        case .commit(let changes, _):
            for change in changes { model.apply(change) }
        case .importEntries(let events, let replacing):
            if replacing { model = DatabaseModel() }
            var table = ""
            for event in events {
                switch event {
                case .table(let name):
                    table = String(decoding: name, as: UTF8.self)
                    if !table.isEmpty { model.apply(.createTable(table)) }
                case .entry(let key, let value): model.apply(.put(key, value, table: table))
                case .description, .end: break
                }
            }
        default: break
        }
        return model
    }

    /// How far a run came.
    public struct Progress: Sendable {
        /// Steps begun.
        public var begun = 0
        /// Steps whose effect was promised to survive anything.
        public var durable = 0
        /// Steps that returned.
        public var done = 0

        public init() {}
    }

    /// Runs every step on `files`; `report` is told of each step's beginning and end, and `oracle` of
    /// what the database promises; what the oracle finds is thrown at the end.
    ///
    /// - Returns: the closed database's file system is left as it is.
    public func run(
        on files: CrashingFileSystem, oracle: OrderingOracle? = nil, report: (Progress) -> Void
    ) throws {
        var progress = Progress()
        var database = try SimulatedDatabase.open(on: files, options)
        var held: SimulatedSnapshot?
        for step in steps {
            progress.begun += 1
            report(progress)
            var isDurable = false
            var promised: Database.Durability?
            switch step {
            case .commit(let changes, let durability):
                try database.commit(changes, durability)
                isDurable = durability == .full
                // Without a log, a weaker commit is in memory only.
                promised = options.usesLog ? durability : nil
            case .abort(let changes):
                let transaction = try database.begin()
                for change in changes { _ = try transaction.apply(change) }
                transaction.abort()
            case .importEntries(let events, let replacing):
                var index = 0
                try database.importEntries(replacing: replacing) { () throws(StorageError) in
                    index += 1
                    return events[index - 1]
                }
                isDurable = true
            case .sync:
                try database.sync()
                isDurable = true
            case .checkpoint:
                try database.checkpoint()
                isDurable = true
            case .compact:
                try database.compact()
                isDurable = true
            case .hold: held = try database.snapshot()
            case .release: held = nil
            case .reopen:
                held = nil
                try database.close()
                database = try SimulatedDatabase.open(on: files, options)
                isDurable = true
            }
            progress.done += 1
            if isDurable { progress.durable = progress.done }
            if let oracle, let promised = isDurable ? .full : promised {
                let transaction = try database.snapshot().transaction
                oracle.committed(transaction: transaction, durability: promised)
            }
            report(progress)
        }
        _ = held
        held = nil
        try database.close()
        try oracle?.check()
        progress.durable = steps.count
        report(progress)
    }

    /// Throws unless `database` holds the state after exactly some prefix of the commits that
    /// includes every one promised (R4).
    ///
    /// - Returns: how many steps the state stands for.
    @discardableResult
    @_spi(Engine) public func checkPrefix<Store, Log>(
        _ database: DatabaseEngine<Store, Log>, _ progress: Progress
    ) throws -> Int {
        let snapshot = try database.snapshot()
        var differences: [String] = []
        for count in (progress.durable...progress.begun).reversed() {
            guard let difference = try states[count].difference(from: snapshot) else {
                return count
            }
            differences.append("not \(count) steps: \(difference)")
        }
        throw Mismatch("R4: \(differences.joined(separator: "; "))")
    }
}

extension CrashWorkload {
    /// The script itself; `seed` draws keys and values.
    ///
    /// - Parameters:
    ///   - durability: what commits ask for, in turns.
    ///   - logging: whether there is a log.
    public static func script(
        seed: UInt64, durability: [Database.Durability] = [.full], logging: Bool = true
    ) -> CrashWorkload {
        var script = Script(seed: seed, durability: durability)
        script.write()
        var options = Database.Options.small
        options.usesLog = logging
        options.logBudget = 12 << 10
        options.loggedTransactionLimit = 6 << 10
        return CrashWorkload(options: options, steps: script.steps)
    }

    private struct Script {
        var steps: [Step] = []
        private var random: SeededRandom
        private let durability: [Database.Durability]
        private var commits = 0

        init(seed: UInt64, durability: [Database.Durability]) {
            random = SeededRandom(seed: seed)
            self.durability = durability
        }

        private mutating func commit(_ changes: [Change]) {
            steps.append(.commit(changes, durability[commits % durability.count]))
            commits += 1
        }

        private mutating func put(
            _ numbers: some Sequence<Int>, length: Int, table: String = ""
        ) -> [Change] {
            numbers.map { .put(numberKey($0), random.bytes(length), table: table) }
        }

        /// Puts that change pages where they are, around a snapshot and checkpoints that keep them.
        private mutating func putAlone() {
            for step in [Step.hold, .checkpoint, .release, .checkpoint] {
                for number in 0..<6 {
                    let put = Change.put(
                        numberKey(random.below(12)), random.bytes(20 + random.below(60)))
                    steps.append(.commit([put], number % 3 == 2 ? .buffered : .written))
                }
                steps.append(step)
            }
        }

        mutating func write() {
            // Splits: at the right edge, then in the middle.
            for part in 0..<4 { commit(put((part * 8)..<(part * 8 + 8), length: 150)) }
            for _ in 0..<4 { commit(put((0..<4).map { _ in random.below(500) }, length: 200)) }
            steps.append(.abort(put(0..<20, length: 100)))
            steps.append(.hold)
            // Values of several pages, replaced and deleted.
            commit([.put(numberKey(7), random.bytes(9000))])
            commit([.put(numberKey(7), random.bytes(5000)), .put([], [])])
            steps.append(.checkpoint)
            commit([.delete(numberKey(7)), .put(numberKey(9), [])])
            // Tables.
            commit(put(0..<6, length: 40, table: "accounts") + put(600..<603, length: 10))
            commit([.createTable("empty"), .delete(numberKey(2), table: "accounts")])
            // Too large for the log: commits by a checkpoint of its own.
            commit(put((0..<40).map { 1000 + $0 * 7 }, length: 250))
            commit([.put(numberKey(1001), random.bytes(20))])
            steps.append(.release)
            // Merges.
            for part in 0..<4 { commit((0..<8).map { .delete(numberKey(part * 8 + $0)) }) }
            commit([.deleteRange(KeyRange(from: numberKey(1000), upTo: numberKey(1200)))])
            // A long value in portions, past the log: put, moved by a compaction, replaced, deleted.
            commit([.put(numberKey(1300), random.bytes(300_003))])
            steps.append(.compact)
            commit([.put(numberKey(1300), random.bytes(270_003)), .delete(numberKey(9))])
            commit([.delete(numberKey(1300))])
            // Enough to go round the log, over a snapshot.
            steps.append(.hold)
            for part in 0..<10 { commit(put((0..<2).map { part * 3 + $0 }, length: 900)) }
            steps.append(.sync)
            steps.append(.reopen)
            commit([.dropTable("empty"), .put(numberKey(3), random.bytes(30), table: "accounts")])
            var events: [ExportEvent] = [.table([])]
            for index in 0..<30 {
                events.append(.entry(key: numberKey(2000 + index), value: random.bytes(120)))
            }
            events.append(.table(Array("imported".utf8)))
            for _ in 0..<10 {
                events.append(
                    .entry(key: numberKey(random.below(50)), value: random.bytes(50)))
            }
            events.append(.end(entryCount: 40))
            steps.append(.importEntries(events, replacing: false))
            commit([.delete(numberKey(2003)), .put(numberKey(5), random.bytes(3000))])
            steps.append(.importEntries(events, replacing: true))
            commit(put(0..<5, length: 100))
            commit([.deleteRange(.all)])
            commit(put(0..<3, length: 10))
            putAlone()
        }
    }
}
