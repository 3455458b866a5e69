@_spi(Engine) import KVDB
import StorageIO
import StorageIOTesting

/// A scripted life in which one file operation fails.
public struct FaultRun {
    private let workload: CrashWorkload
    private let files = CrashingFileSystem()
    /// R1 and R2 hold whatever fails.
    private let oracle: OrderingOracle
    private let operation: Int
    private var model = DatabaseModel()
    /// What the step that failed would have made of it.
    private var attempted: DatabaseModel?

    public init(_ workload: CrashWorkload, failing operation: Int, with code: StorageError.Code) {
        self.workload = workload
        self.operation = operation
        oracle = OrderingOracle(watching: files)
        files.fail(operation: operation, with: code)
    }

    /// Runs the script as far as it goes, reopens and checks.
    public mutating func run() throws {
        var database = try open()
        var held: SimulatedSnapshot?
        for step in workload.steps {
            switch step {
            case .hold:
                held = try database.snapshot()
                continue
            case .release:
                held = nil
                continue
            case .reopen:
                held = nil
                // After a failed close the log is still there.
                let problem = errorCode { try database.close() }
                try check(problem == nil || isFault(problem!), "close failed with \(problem!)")
                database = try open()
                try checkAlive(database, "after the script's reopen:")
                continue
            default: break
            }
            let next = CrashWorkload.state(after: step, model)
            if let code = errorCode({ try perform(step, database) }) {
                try check(isFault(code), "a step failed with \(code)")
                attempted = next
                if database.poison != nil { break }
                // Before the commit point: nothing has changed, and the handle goes on.
                try model.check(database, "after a failed step:")
                try database.checkSound("after a failed step:")
                attempted = nil
                continue
            }
            model = next
            if database.poison != nil { break }
        }
        if database.poison != nil { try checkPoisoned(database) }
        _ = held
        held = nil
        try checkCut()
        let problem = errorCode { try database.close() }
        try check(
            problem == nil || isFault(problem!) || problem == .poisoned,
            "the last close failed with \(problem!)")
        try checkCut()
        database = try open()
        try checkAlive(database, "after the last reopen:")
        try database.close()
        try oracle.check()
    }

    private func isFault(_ code: StorageError.Code) -> Bool {
        code == .inputOutput || code == .diskFull || code == .poisoned
    }

    /// Opens; once more when the fault hits the open itself.
    private func open() throws -> SimulatedDatabase {
        do {
            return try SimulatedDatabase.open(on: files, workload.options)
        } catch {
            try check(isFault(error.code), "open failed: \(error)")
            return try SimulatedDatabase.open(on: files, workload.options)
        }
    }

    private func perform(_ step: CrashWorkload.Step, _ database: SimulatedDatabase) throws {
        switch step {
        case .commit(let changes, let durability):
            try database.commit(changes, durability)
            // What follows takes every commit for durable.
            if durability != .full { try database.sync() }
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
        case .sync: try database.sync()
        case .checkpoint: try database.checkpoint()
        case .compact: try database.compact()
        case .hold, .release, .reopen: break
        }
    }

    /// A poisoned handle refuses to write, says why, and reads the last published state.
    private func checkPoisoned(_ database: SimulatedDatabase) throws {
        let code = errorCode { try database.put([9], [9]) }
        try check(code == .poisoned, "a poisoned handle wrote: \(String(describing: code))")
        let snapshot = try database.snapshot()
        // What was written and lost by a failed sync can't be read again once it was evicted; that
        // is an error then, and never something else's content.
        do { _ = try model.difference(from: snapshot) } catch {
            try check(error.code == .damaged || error.code == .poisoned, "reads: \(error)")
            return
        }
        if let difference = try model.difference(from: snapshot) {
            let isAttempted = try attempted?.difference(from: snapshot) == nil
            try check(
                attempted != nil && isAttempted, "a poisoned handle reads wrong: \(difference)")
        }
    }

    /// The database holds what was acknowledged, and perhaps the step that failed; then it is whole.
    private mutating func checkAlive(_ database: SimulatedDatabase, _ place: String) throws {
        // Until the fault has come, a check's own reads would take its place.
        guard files.operationCount >= operation else { return }
        let snapshot = try database.snapshot()
        if let difference = try model.difference(from: snapshot) {
            guard let attempted, try attempted.difference(from: snapshot) == nil else {
                throw Mismatch("\(place) acknowledged commits are gone: \(difference)")
            }
            model = attempted
        }
        attempted = nil
        try database.checkSound(place)
        try check(database.poison == nil, "\(place) poisoned: \(database.poison!)")
    }

    /// A power cut now would not lose anything either.
    private func checkCut() throws {
        for seed in 0..<6 as Range<UInt64> {
            var copy = self
            let survivors = files.survivors(seed: seed)
            let database = try SimulatedDatabase.open(on: survivors, workload.options)
            try copy.checkAlive(database, "after a power cut of kind \(seed):")
        }
    }
}
