#if KVDB_SCHEDULES
    @_spi(Engine) import DatabaseTesting
    @_spi(Engine) import KVDB
    import StorageIO
    import StorageIOTesting

    /// The files that each run of a scenario starts from.
    struct ScheduleImage: Sendable {
        let files: CrashingFileSystem?

        init(_ scenario: ScheduleScenario) throws {
            guard scenario.startsWithDatabase else {
                files = nil
                return
            }
            let files = CrashingFileSystem()
            var options = scenario.options
            options.checkpointPolicy = .manual
            let database = try SimulatedDatabase.open(on: files, options)
            try database.write { transaction in
                for key in ScheduleWorld.marks {
                    try transaction.put(key, ScheduleWorld.value(0))
                }
                for number in 0..<scenario.fillerCount {
                    try transaction.put(
                        ScheduleWorld.filler(number),
                        ScheduleWorld.fill(number, scenario.fillerByteCount))
                }
            }
            try scenario.prepare?(database)
            try database.close()
            self.files = files
        }
    }

    /// One run of a scenario: its database, and what is known about it.
    ///
    /// Every commit raises one number, which stands under several keys far apart; so a version is
    /// sound when all are equal, and versions are in the order of that number. Oracles: each read
    /// sees one version, none older than the thread has seen before, and, where all commits are
    /// `full`, none that a power cut at that moment would take (R3); a power cut at the moment of a
    /// commit's return, or before one operation of any thread, leaves every commit that returned
    /// before (R4), and opens; only allowed errors; the database verifies sound at
    /// the end, holds exactly the commits that returned, and keeps them through closing and opening.
    final class ScheduleWorld: @unchecked Sendable {
        // Sendable: its threads run one at a time, and the scheduler orders what they do.
        static let marks = ["a mark", "m mark", "z mark"].map { Array($0.utf8) }

        /// What a power cut leaves.
        private struct Cut {
            var files: CrashingFileSystem
            var number: Int
            var moment: String
            var verifies = false
        }

        let scenario: ScheduleScenario
        let files: CrashingFileSystem
        private(set) var problems: [String] = []
        private var opened: SimulatedDatabase?
        /// The numbers of the commits that returned.
        private(set) var acknowledged: [Int] = []
        /// What a power cut would have left when `number` was known to be safe.
        private var cuts: [Cut] = []
        /// No power cut from now on may take this number.
        private var safe = 0
        /// Whether a commit failed in a way that leaves open whether it is there.
        private(set) var isUncertain = false
        /// How many commits threw.
        var failedCommits = 0
        /// Those who hear of commits, and the number that each has read last.
        var listeners: [(listener: ScheduledListener, seen: Int)] = []

        /// What a scenario may draw from beside the schedule.
        let seed: UInt64
        /// Which of the files' operations a power cut comes before, and what it leaves.
        private let cutNumber: Int
        private let cutSeed: UInt64

        /// A run from `image`; `seed` says at which operation a power cut is looked at.
        init(_ scenario: ScheduleScenario, _ image: ScheduleImage, seed: UInt64) {
            self.scenario = scenario
            self.seed = seed
            files = image.files?.survivors(.all) ?? CrashingFileSystem()
            cutNumber = 1 + Int(seed % 24)
            cutSeed = seed / 24
        }

        /// Looks at one power cut under way, whoever's operation it comes before; and marks the operations
        /// that the scenario wants marked.
        private func watchOperations() {
            let number = files.operationCount + cutNumber
            files.beforeOperation = { [unowned self] operation in
                if scenario.markedOperations.contains(operation.kind) { schedulePoint() }
                guard operation.number == number, scenario.startsWithDatabase || safe > 0 else {
                    return
                }
                ScheduledRun.undisturbed {
                    cuts.append(
                        Cut(
                            files: files.survivors(seed: cutSeed), number: safe,
                            moment: "before \(operation)"))
                }
            }
        }

        /// The shared database, unless a thread has dropped it.
        var databaseIfOpen: SimulatedDatabase? { opened }

        /// Drops the shared handle; the database closes with the last use of it.
        func dropDatabase() {
            // Out of the property first: what the end of the last handle does takes its time.
            let dropped = opened
            opened = nil
            withExtendedLifetime(dropped) {}
        }

        /// The database that the scenario's threads share.
        var database: SimulatedDatabase { opened! }

        static func value(_ number: Int) -> [UInt8] {
            // Wide enough that a few make a page.
            numberKey(number, byteCount: 8) + [UInt8](repeating: UInt8(number & 0xff), count: 400)
        }

        static func filler(_ number: Int) -> [UInt8] { Array("f ".utf8) + numberKey(number) }

        static func fill(_ number: Int, _ byteCount: Int) -> [UInt8] {
            [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: byteCount)
        }

        /// Runs it all: as thread 0 of a ``ScheduledRun``.
        func run() {
            ScheduledRun.name("main")
            do {
                let threads = try ScheduledRun.undisturbed {
                    if scenario.startsWithDatabase {
                        opened = try SimulatedDatabase.open(on: files, scenario.options)
                    }
                    try scenario.beforeThreads?(self)
                    watchOperations()
                    return try scenario.threads.map { thread in
                        try SystemThread { [self] in
                            ScheduledRun.name(thread.name)
                            attempt(thread.name.description) { try thread.body(self) }
                        }
                    }
                }
                for thread in threads { thread.join() }
                files.beforeOperation = nil
                if problems.isEmpty { try ScheduledRun.undisturbed { try finish() } }
            } catch {
                note("at the end: \(error)")
            }
            ScheduledRun.undisturbed { opened = nil }
        }

        func note(_ problem: String) { problems.append(problem) }

        private func attempt(_ name: String, _ body: () throws -> Void) {
            do {
                try body()
            } catch let error as StorageError where scenario.allowed.contains(error.code) {
                // As the scenario says.
            } catch {
                note("\(name): \(error)")
            }
        }

        // MARK: What threads do

        /// Commits the next number.
        @discardableResult
        func commit(
            to database: SimulatedDatabase? = nil, durability: Durability? = nil,
            timeout: Duration? = nil,
            also: (borrowing SimulatedTransaction) throws -> Void = { _ in }
        ) throws -> Int {
            let database = database ?? self.database
            let transaction = try database.begin(timeout: timeout)
            let number =
                try transaction.get(Self.marks[0]).map(Self.number(of:)).map { $0 + 1 } ?? 1
            for key in Self.marks { try transaction.put(key, Self.value(number)) }
            try also(transaction)
            do {
                try transaction.commit(durability: durability)
            } catch {
                // A full disk is said to leave everything as it was; all else may be there or not.
                noteFailure(mayBeThere: error.code != .diskFull)
                throw error
            }
            noteCommit(number, durability)
            return number
        }

        /// Notes that a commit returned.
        func noteCommit(_ number: Int, _ durability: Durability?) {
            acknowledged.append(number)
            let isSafe = (durability ?? scenario.options.durability) == .full
            if isSafe { expect(number, "when commit \(number) returned") }
        }

        /// Notes that a commit threw.
        func noteFailure(mayBeThere: Bool) {
            failedCommits += 1
            if mayBeThere { isUncertain = true }
        }

        /// Notes that a power cut now must leave `number`.
        func expect(_ number: Int, _ moment: String) {
            ScheduledRun.undisturbed {
                cuts.append(Cut(files: files.survivors(.none), number: number, moment: moment))
                safe = max(safe, number)
            }
        }

        /// Notes that a power cut now must leave a database without a flaw, whatever it holds.
        func expectSound(_ moment: String) {
            ScheduledRun.undisturbed {
                cuts.append(
                    Cut(
                        files: files.survivors(.none), number: safe, moment: moment,
                        verifies: true))
            }
        }

        /// Reads a version; its number, which is not below `least`.
        @discardableResult
        func read(_ snapshot: SimulatedSnapshot, least: Int = 0) throws -> Int {
            let number = try Self.number(of: snapshot.get(Self.marks[0]))
            // A number that was acknowledged is held to the power cut at that moment.
            if scenario.commitsAreFull, number > 0, !acknowledged.contains(number) {
                expect(number, "when a reader saw \(number)")
            }
            for key in Self.marks {
                let other = try snapshot.get(key)
                guard other == Self.value(number) else {
                    throw Failure(
                        "version \(snapshot.transaction): \(number) and "
                            + "\(String(describing: try? Self.number(of: other)))")
                }
            }
            guard number >= least else { throw Failure("\(number) was read after \(least)") }
            return number
        }

        /// Takes a snapshot and reads it.
        @discardableResult
        func readNewest(least: Int = 0) throws -> Int {
            try read(database.snapshot(), least: least)
        }

        /// Reads some filler entries.
        func readFiller(_ numbers: some Sequence<Int>) throws {
            for number in numbers {
                let value = try database.get(Self.filler(number))
                guard value == Self.fill(number, scenario.fillerByteCount) else {
                    throw Failure("filler \(number) reads \(value?.count ?? -1) bytes")
                }
            }
        }

        /// Reads filler entries, each of one of these lengths.
        func readFiller(_ numbers: some Sequence<Int>, byteCounts: [Int]) throws {
            for number in numbers {
                let value = try database.get(Self.filler(number))
                guard byteCounts.contains(where: { value == Self.fill(number, $0) }) else {
                    throw Failure("filler \(number) reads \(value?.count ?? -1) bytes")
                }
            }
        }

        /// Puts filler entries, as one step: no thread comes between two of them.
        static func putFillers(
            _ numbers: some Sequence<Int>, _ byteCount: Int,
            _ transaction: borrowing SimulatedTransaction
        ) throws {
            try ScheduledRun.undisturbed {
                for number in numbers {
                    try transaction.put(filler(number), fill(number, byteCount))
                }
            }
        }

        static func number(of value: [UInt8]?) throws -> Int {
            guard let value, value.count == 408 else {
                throw Failure("no number: \(value.map { "\($0.count) bytes" } ?? "no entry")")
            }
            return value.prefix(8).reduce(0) { $0 << 8 | Int($1) }
        }

        // MARK: The end

        private func finish() throws {
            try scenario.atEnd?(self)
            let newest = acknowledged.max() ?? 0
            for cut in cuts {
                let least = cut.number
                try Self.check(cut.files, cut.moment, verifies: cut.verifies) { $0 >= least }
            }
            let isWhole: (Int) -> Bool = { [isUncertain] in
                isUncertain ? $0 >= newest : $0 == newest
            }
            if let opened, opened.poison == nil, !scenario.closesDatabase {
                let number = try readNewest()
                guard isWhole(number) else {
                    throw Failure("the last version is \(number), not \(newest)")
                }
                try opened.checkSound("at the end:")
                if !isUncertain, Set(acknowledged).count != acknowledged.count {
                    throw Failure("one number was committed twice: \(acknowledged)")
                }
                if scenario.commitsAreFull {
                    try Self.check(files.survivors(.none), "at the end", isWhole)
                }
                try opened.close()
            } else {
                try? opened?.close()
            }
            opened = nil
            try Self.check(files.survivors(.none), "after closing", verifies: true) {
                scenario.losesNothing ? isWhole($0) : true
            }
        }

        private static func check(
            _ files: CrashingFileSystem, _ moment: String, verifies: Bool = false,
            _ isRight: (Int) -> Bool
        ) throws {
            var options = DatabaseOptions.manual
            options.access = .readOnly
            do {
                let database = try SimulatedDatabase.open(on: files, options)
                defer { try? database.close() }
                let first = try number(of: database.get(marks[0]))
                for key in marks where try database.get(key) != value(first) {
                    throw Failure("a version is there in part")
                }
                guard isRight(first) else { throw Failure("it has \(first)") }
                if verifies { try database.checkSound() }
            } catch {
                throw Failure("a power cut \(moment): \(error)")
            }
        }
    }
#endif
