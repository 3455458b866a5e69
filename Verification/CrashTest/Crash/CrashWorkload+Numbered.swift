@_spi(Engine) import DatabaseTesting
@_spi(Engine) import KVDB
import StorageIO
import StorageIOTesting

extension CrashWorkload {
    /// The scripts that cases draw from: in turns the fixed life with all commits durable, with
    /// weaker ones between, without a log, and a life of random steps.
    static func numbered(_ number: UInt64) -> CrashWorkload {
        let seed = number / 4
        switch number % 4 {
        case 0: return .script(seed: seed)
        case 1:
            return .script(seed: seed, durability: [.full, .buffered, .written, .buffered])
        case 2: return .script(seed: seed, logging: false)
        default: return .random(seed: seed)
        }
    }

    /// Thirty to fifty random steps with random budgets.
    static func random(seed: UInt64) -> CrashWorkload {
        var random = SeededRandom(seed: seed &+ 0x5eed)
        var options = DatabaseOptions.small
        options.usesLog = !random.oneIn(6)
        options.logBudget = random.element(of: [8 << 10, 12 << 10, 40 << 10])
        options.logSegmentSize = random.element(of: [4096, 4096, 8192])
        options.loggedTransactionLimit = random.element(of: [0, 3 << 10, 6 << 10, 1 << 20])
        options.dirtyBudget = random.element(of: [16 << 10, 16 << 10, 64 << 10])
        let keys = KeyGenerator(&random)
        var steps: [Step] = []
        var isHeld = false
        for _ in 0..<random.number(in: 30...50) {
            let changes = (0..<random.number(in: 1...25)).map { _ in
                random.oneIn(5) ? keys.tableChange(&random) : keys.change(&random)
            }
            switch random.below(40) {
            case 0...1: steps.append(.abort(changes))
            case 2: steps.append(.checkpoint)
            case 3: steps.append(.compact)
            case 4: steps.append(.sync)
            case 5:
                steps.append(.reopen)
                isHeld = false
            case 6...8:
                steps.append(isHeld ? .release : .hold)
                isHeld.toggle()
            case 9:
                steps.append(
                    .importEntries(importEvents(&random), replacing: random.oneIn(4)))
            case 10:
                let many = (0..<random.number(in: 40...80)).map { _ in keys.change(&random) }
                steps.append(.commit(many, .full))
            default:
                steps.append(
                    .commit(changes, random.element(of: [.full, .full, .written, .buffered])))
            }
        }
        for _ in 0..<random.below(12) {
            let put = Change.put(keys.key(&random), random.bytes(random.below(90)))
            steps.append(.commit([put], random.element(of: [.written, .written, .buffered])))
        }
        return CrashWorkload(options: options, steps: steps)
    }

    private static func importEvents(_ random: inout SeededRandom) -> [ExportEvent] {
        var events: [ExportEvent] = [.table([])]
        var count = 0
        for index in 0..<random.below(40) {
            events.append(
                .entry(key: numberKey(index * 3), value: random.bytes(random.below(200))))
            count += 1
        }
        events.append(.table(Array("imported".utf8)))
        for index in 0..<random.below(10) {
            events.append(.entry(key: numberKey(index), value: random.bytes(random.below(3000))))
            count += 1
        }
        events.append(.end(entryCount: UInt64(count)))
        return events
    }

    /// Throws unless the database on `files`, which a power cut left, opens with what some prefix of
    /// the commits makes, every promised one among them, is sound, and takes ten further commits for
    /// good.
    ///
    /// - Parameters:
    ///   - cutsAgain: whether the power is cut after them; otherwise the database is closed.
    ///   - closesFirst: whether it is closed without a change before them, and opened again.
    func checkRecovery(
        _ files: CrashingFileSystem, _ progress: Progress, cutsAgain: Bool = false,
        closesFirst: Bool = false
    ) throws {
        // Before the first step there may be no database yet.
        var database = try SimulatedDatabase.open(on: files, options)
        let count = try checkPrefix(database, progress)
        try database.checkSound()
        if closesFirst {
            // The log goes with it, so from here on the data file alone must say everything.
            try database.close()
            do {
                database = try .open(on: files, options)
                try states[count].check(database, "")
            } catch {
                throw Mismatch("opened after a close without a change: \(error)")
            }
        }
        var model = states[count]
        for number in 0..<10 {
            let change = Change.put(numberKey(number * 61), Array("after \(number)".utf8))
            model.apply(change)
            try database.write { _ = try $0.apply(change) }
        }
        // As often as not the power is cut again: what the first recovery built on is put to use.
        if cutsAgain {
            database = try .open(on: files.survivors(.none), options)
        } else {
            try database.close()
            database = try .open(on: files, options)
        }
        let place = "after ten more commits and \(cutsAgain ? "a power cut" : "a reopen"):"
        try model.check(database, place)
        try database.checkSound(place)
    }
}
