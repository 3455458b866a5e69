@_spi(Engine) import DatabaseTesting
@_spi(Engine) import KVDB
import StorageIO
import StorageIOTesting

/// A scenario on the simulated file system: what is there before, and the calls it makes.
struct SimulatedFaults {
    /// What calls fail with, and which.
    enum Kind: Int, CaseIterable, Sendable {
        case inputOutput, diskFull, permission

        var code: StorageError.Code {
            switch self {
            case .inputOutput: .inputOutput
            case .diskFull: .diskFull
            case .permission: .permissionDenied
            }
        }

        var calls: FileOperation.Kind {
            switch self {
            case .inputOutput: .all
            case .diskFull: .changing
            case .permission: [.open, .rename, .remove, .syncDirectory]
            }
        }
    }

    /// One fault: the `number`th call of those that this kind is about, and all later if it stays.
    struct Fault: Sendable {
        var kind: Kind
        var number: Int
        var isForever: Bool
    }

    let scenario: FaultScenario
    private let base: CrashingFileSystem
    private let state: DatabaseModel
    /// The kinds of the calls that the steps and the close make, in order.
    private(set) var calls: [FileOperation.Kind] = []

    init(_ scenario: FaultScenario) throws {
        self.scenario = scenario
        (base, state) = try Self.prepare(scenario)
        let counted = base.survivors(.all)
        let recorder = Recorder([])
        var world = Self.world(counted, [])
        counted.beforeOperation = { recorder.note($0) }
        defer { counted.beforeOperation = nil }
        world.clear = { counted.beforeOperation = nil }
        var trial = FaultTrial(scenario, world, state: state)
        try trial.run()
        calls = recorder.calls
    }

    /// What there is before faults begin.
    static func prepare(
        _ scenario: FaultScenario
    ) throws -> (files: CrashingFileSystem, state: DatabaseModel) {
        let files = CrashingFileSystem()
        var setup = FaultTrial(scenario, world(files, []), state: DatabaseModel())
        try setup.prepare()
        // The handle, where there is one, stays open until here: its process is killed.
        defer { withExtendedLifetime(setup) {} }
        return (files.survivors(.all), setup.state)
    }

    /// How many calls a fault of this kind can hit.
    func count(of kind: Kind) -> Int { calls.count { kind.calls.contains($0) } }

    /// Whether a fault of this kind can hit a sync with its `number`th call.
    func isSync(_ kind: Kind, _ number: Int) -> Bool {
        let hit = calls.lazy.filter { kind.calls.contains($0) }.dropFirst(number - 1).first
        return hit == .sync
    }

    /// Runs the scenario with these faults, and the oracle; how many of the faults came.
    ///
    /// - Parameter isCached: whether what a failing sync loses is still read from the system's cache.
    func run(_ faults: [Fault], isCached: Bool = false) throws -> Int {
        let files = base.survivors(.all)
        files.failedSync = SyncFailure(isCached ? .none : .random, isCached: isCached)
        for fault in faults {
            files.fail(
                operation: fault.number, of: fault.kind.calls, with: fault.kind.code,
                forever: fault.isForever)
        }
        let oracle = OrderingOracle(watching: files, path: SimulatedDatabase.testPath)
        let recorder = Recorder(faults)
        files.beforeOperation = { recorder.note($0) }
        defer { files.beforeOperation = nil }
        var world = Self.world(files, faults)
        world.fired = { recorder.fired }
        world.clear = {
            files.clearFaults()
            files.beforeOperation = nil
        }
        var trial = FaultTrial(scenario, world, state: state)
        try trial.run()
        // R1 and R2 hold in the order of all calls, those that failed too.
        try oracle.check()
        return recorder.firedFaults
    }

    private static func world(
        _ files: CrashingFileSystem, _ faults: [Fault]
    ) -> FaultWorld<CrashingFileSystem> {
        FaultWorld(
            files: files, path: SimulatedDatabase.testPath,
            codes: Set(faults.map(\.kind.code)),
            faultCount: faults.contains(where: \.isForever) ? .max : faults.count,
            fired: { [] }, clear: { files.clearFaults() },
            cuts: {
                (0..<6).map { ("survival \($0)", files.survivors(seed: UInt64($0))) }
            },
            bytes: { path in
                // A copy, so that no fault meets the look at it.
                let copy = files.survivors(.all)
                guard copy.paths.contains(path) else { return nil }
                return try? copy.open(path, .readOnly).readAll()
            },
            names: { files.paths })
    }

    /// Watches the calls and knows which of them fail.
    private final class Recorder: @unchecked Sendable {
        // Sendable: `lock` guards what changes.
        private let lock = Lock()
        private let faults: [Fault]
        private var counts: [Int]
        private var seen: [FileOperation.Kind] = []
        private var hits: [FiredFault] = []
        private var hitFaults: Set<Int> = []

        init(_ faults: [Fault]) {
            self.faults = faults
            counts = faults.map { _ in 0 }
        }

        var calls: [FileOperation.Kind] { lock.withLock { seen } }
        var fired: [FiredFault] { lock.withLock { hits } }
        var firedFaults: Int { lock.withLock { hitFaults.count } }

        func note(_ operation: FileOperation) {
            lock.withLock {
                seen.append(operation.kind)
                var isHit = false
                for (index, fault) in faults.enumerated()
                where fault.kind.calls.contains(operation.kind) {
                    counts[index] += 1
                    let comes =
                        counts[index] == fault.number
                        || fault.isForever && counts[index] > fault.number
                    guard comes else { continue }
                    hitFaults.insert(index)
                    if !isHit {
                        hits.append(FiredFault(operation, fault.kind.code))
                        isHit = true
                    }
                }
            }
        }
    }
}

extension FiredFault {
    init(_ operation: FileOperation, _ code: StorageError.Code) {
        let calls: [FileOperation.Kind: Call] = [
            .open: .open, .read: .read, .write: .write, .sync: .sync, .truncate: .truncate,
            .preallocate: .preallocate, .remove: .remove, .rename: .rename,
            .syncDirectory: .syncDirectory,
        ]
        self.init(
            call: calls[operation.kind] ?? .lock, target: Target(operation.path), code: code,
            offset: operation.offset)
    }
}

extension FiredFault.Target {
    init(_ path: String) {
        self = path.hasSuffix("-wal") ? .log : path.hasSuffix(".db") ? .data : .other
    }
}
