@_spi(Engine) import KVDB
import StorageIO
import StorageIOTesting

extension CrashWorkload {
    /// Throws unless what a process finds after the last one was killed on `files` survives a power
    /// cut from then on (R3): the new process can't tell what of it was ever synced.
    ///
    /// It opens, makes a few commits that need not survive, small and large, with a checkpoint or
    /// without, and before each of its operations the power is cut in many ways.
    public func checkKill(
        _ files: CrashingFileSystem, _ progress: Progress, seed: UInt64
    ) throws {
        try checkLostLog(files.afterKill(), progress)
        let killed = files.afterKill()
        let database = try SimulatedDatabase.open(on: killed, options)
        let count = try checkPrefix(database, progress)
        let cuts = KilledCuts(self, count, seed: seed)
        killed.beforeOperation = { [unowned killed] _ in cuts.look(at: killed) }
        defer { killed.beforeOperation = nil }
        var random = SeededRandom(seed: seed)
        for length in [20, 900, 6000] {
            let changes = (0..<3).map { _ in
                Change.put(numberKey(random.below(100)), random.bytes(length))
            }
            for change in changes { cuts.next.apply(change) }
            try database.write(durability: .written) { transaction in
                for change in changes { _ = try transaction.apply(change) }
            }
            cuts.states.append(cuts.next)
        }
        if seed % 2 == 0 { try database.checkpoint() }
        cuts.look(at: killed)
        try cuts.rethrow()
    }

    /// A log that someone deletes after the kill is missed, unless nothing that was promised needs it.
    private func checkLostLog(_ killed: CrashingFileSystem, _ progress: Progress) throws {
        let log = SimulatedDatabase.logPath(of: SimulatedDatabase.testPath)
        guard try killed.exists(log), try killed.exists(SimulatedDatabase.testPath) else { return }
        try killed.remove(log)
        let database: SimulatedDatabase
        do {
            database = try .open(on: killed, options)
        } catch {
            guard error.code == .damaged else { throw error }
            return
        }
        do {
            try checkPrefix(database, progress)
        } catch {
            throw Mismatch("opened after a kill without its log: \(error)")
        }
    }
}

/// The power cuts after a kill.
private final class KilledCuts: @unchecked Sendable {
    // Sendable: only used by the thread that runs the script.
    private let workload: CrashWorkload
    /// What the database may hold: what the process found, and what it made of that.
    var states: [DatabaseModel]
    /// The state that is being made.
    var next: DatabaseModel
    private var seed: UInt64
    private var failure: Mismatch?

    init(_ workload: CrashWorkload, _ count: Int, seed: UInt64) {
        self.workload = workload
        states = [workload.states[count]]
        next = workload.states[count]
        self.seed = seed
    }

    func look(at files: CrashingFileSystem) {
        guard failure == nil else { return }
        seed &+= 1
        for variant in 0..<2 {
            do {
                try check(files.survivors(variant: Int(seed &* 7 % 97) + variant, seed: seed))
            } catch {
                failure = Mismatch("after a kill and then a power cut: \(error)")
            }
        }
    }

    private func check(_ files: CrashingFileSystem) throws {
        let database = try SimulatedDatabase.open(on: files, workload.options)
        let snapshot = try database.snapshot()
        var differences: [String] = []
        for state in states + [next] {
            guard let difference = try state.difference(from: snapshot) else {
                return try database.checkSound()
            }
            differences.append(difference)
        }
        throw Mismatch("what the killed process left is gone: \(differences)")
    }

    func rethrow() throws { if let failure { throw failure } }
}
