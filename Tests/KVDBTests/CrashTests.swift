@_spi(Engine) import DatabaseTesting
@_spi(Engine) import KVDB
import StorageIO
import StorageIOTesting
import Testing

/// R4: a power cut before every single file operation of a scripted life, and at every operation of the
/// recoveries after it.
///
/// Every case is one number of an operation and one variant of what survived. `KVDB_SEEDS`
/// says how many scripts are drawn, `KVDB_CRASH_VARIANTS` how many variants each operation gets (by
/// default a debug build takes two, others at each operation), `KVDB_SEED` runs one script alone.
@Suite struct CrashTests {
    static let seeds = Seeds.first(1)
    /// How many variants each operation gets; 0 for two, which take turns.
    static let variantCount = environmentNumber("KVDB_CRASH_VARIANTS", default: isQuick ? 0 : 10)
    /// Of how many recoveries one is crashed in again.
    static let recoveryStride = isQuick ? 24 : 3

    /// A debug build takes a sample, so that `swift test` stays a matter of a minute or two;
    /// the family `crash` of `Scripts/crashtest` runs far more in a release build.
    #if DEBUG
        static let isQuick = true
    #else
        static let isQuick = false
    #endif

    /// The kinds of script. Each is cut into slices so that they run side by side.
    enum Kind: String, CaseIterable, Sendable {
        case full, mixed, unlogged

        func workload(seed: UInt64) -> CrashWorkload {
            switch self {
            case .full: .script(seed: seed)
            case .mixed: .script(seed: seed, durability: [.full, .buffered, .written, .buffered])
            case .unlogged: .script(seed: seed, logging: false)
            }
        }
    }

    static let sliceCount = 8

    /// What is to be said when a case fails.
    private func place(
        _ kind: Kind, _ seed: UInt64, _ operation: Int, _ variant: Int, _ error: any Error
    ) -> String {
        """
        \(kind.rawValue) script of seed \(seed), crash at operation \(operation), variant \
        \(variant): \(error)
        \(Seeds.again(seed)), with KVDB_CRASH_OPERATION=\(operation) for this moment alone
        """
    }

    /// The operations that a slice looks at.
    private func operations(of count: Int, slice: Int) -> [Int] {
        let only = environmentNumber("KVDB_CRASH_OPERATION", default: 0)
        if only > 0 { return slice == 0 ? [only] : [] }
        return (1...count).filter { $0 % Self.sliceCount == slice }
    }

    /// Which variants an operation gets: of two, one that keeps nothing or everything, and one of the others.
    private func variants(at operation: Int) -> [Int] {
        Self.variantCount > 0
            ? Array(0..<Self.variantCount) : [operation % 2, 2 + operation / 2 % 4]
    }

    /// The survivors of a crash: nothing, everything, then the subsets in turn.
    private func survivors(
        of files: CrashingFileSystem, operation: Int, variant: Int
    ) -> CrashingFileSystem {
        if variant < 2 { return files.survivors(variant == 0 ? .none : .all) }
        let kinds: [Survival] = [.prefix, .tornLastWrite, .random, .garbage]
        return files.survivors(
            kinds[variant % kinds.count], seed: UInt64(operation * 1000 + variant))
    }

    /// How many operations a run without a crash has.
    private func operationCount(of workload: CrashWorkload) throws -> Int {
        let files = CrashingFileSystem()
        var last = CrashWorkload.Progress()
        try workload.run(on: files) { last = $0 }
        try #require(last.done == workload.steps.count)
        return files.operationCount
    }

    /// Runs `workload` into a crash at `operation`.
    private func crash(
        _ workload: CrashWorkload, at operation: Int
    ) throws -> (CrashingFileSystem, CrashWorkload.Progress) {
        let files = CrashingFileSystem()
        files.crash(at: operation)
        var progress = CrashWorkload.Progress()
        let code = errorCode { try workload.run(on: files) { progress = $0 } }
        try check(files.hasCrashed, "no crash came")
        // What a checkpoint beside a commit met is not the commit's error.
        try check(code != nil || progress.done == workload.steps.count, "the crash was swallowed")
        return (files, progress)
    }

    /// The database must open, hold a prefix, be sound, and take further commits for good.
    private func checkRecovery(
        _ files: CrashingFileSystem, _ workload: CrashWorkload, _ progress: CrashWorkload.Progress
    ) throws {
        // Before the first step there may be no database yet.
        var database = try SimulatedDatabase.open(on: files, workload.options)
        let count = try workload.checkPrefix(database, progress)
        try database.checkSound()
        var model = workload.states[count]
        for number in 0..<10 {
            let change = Change.put(numberKey(number * 61), Array("after \(number)".utf8))
            model.apply(change)
            try database.write { _ = try $0.apply(change) }
        }
        try database.close()
        database = try .open(on: files, workload.options)
        try model.check(database, "after ten more commits and a reopen:")
        try database.checkSound("after ten more commits and a reopen:")
    }

    @Test(arguments: seeds, Array(0..<sliceCount))
    func r4CrashAtEveryOperation(seed: UInt64, slice: Int) throws {
        try crashEverywhere(.full, seed, slice)
    }

    @Test(arguments: seeds, Array(0..<sliceCount))
    func r4CrashAtEveryOperationWithWeakerCommits(seed: UInt64, slice: Int) throws {
        try crashEverywhere(.mixed, seed, slice)
    }

    @Test(arguments: seeds, Array(0..<sliceCount))
    func r4CrashAtEveryOperationWithoutLog(seed: UInt64, slice: Int) throws {
        try crashEverywhere(.unlogged, seed, slice)
    }

    /// What one leaves.
    private struct PowerCut {
        let operation: Int
        let variant: Int
        let files: CrashingFileSystem
        let progress: CrashWorkload.Progress
    }

    /// What power cuts leave at some moments of one run, which goes on behind them.
    private final class PowerCuts: @unchecked Sendable {
        // Sendable: only used by the thread that runs the script.
        var progress = CrashWorkload.Progress()
        var all: [PowerCut] = []
    }

    private func crashEverywhere(_ kind: Kind, _ seed: UInt64, _ slice: Int) throws {
        let workload = kind.workload(seed: seed)
        let wanted = Set(operations(of: try operationCount(of: workload), slice: slice))
        let files = CrashingFileSystem()
        let cuts = PowerCuts()
        files.beforeOperation = { [unowned files] operation in
            let number = operation.number
            guard wanted.contains(number) else { return }
            for variant in variants(at: number) {
                cuts.all.append(
                    PowerCut(
                        operation: number, variant: variant,
                        files: survivors(of: files, operation: number, variant: variant),
                        progress: cuts.progress))
            }
        }
        try workload.run(on: files) { cuts.progress = $0 }
        files.beforeOperation = nil
        #expect(Set(cuts.all.map(\.operation)) == wanted)
        var failures = 0
        for cut in cuts.all {
            do {
                try checkRecovery(cut.files, workload, cut.progress)
            } catch {
                Issue.record("\(place(kind, seed, cut.operation, cut.variant, error))")
                failures += 1
                if failures == 3 { return }
            }
        }
    }

    /// The run that a crash ends: the calls after it fail, and none is acknowledged.
    @Test(arguments: Kind.allCases) func aCrashEndsARun(kind: Kind) throws {
        let workload = kind.workload(seed: 0)
        let count = try operationCount(of: workload)
        for operation in stride(from: 1, through: count, by: max(1, count / 24)) {
            let (files, progress) = try crash(workload, at: operation)
            try checkRecovery(files.survivors(.none), workload, progress)
        }
    }

    /// A second power cut, at every operation of the recovery from the first.
    @Test(arguments: seeds, Array(0..<sliceCount))
    func r4CrashInsideRecovery(seed: UInt64, slice: Int) throws {
        let workload = Kind.full.workload(seed: seed)
        let count = try operationCount(of: workload)
        let only = environmentNumber("KVDB_CRASH_OPERATION", default: 0)
        // A sample: recoveries from neighbouring operations are alike.
        let sample = operations(of: count, slice: slice).filter {
            only > 0 || $0 / Self.sliceCount % Self.recoveryStride == 0
        }
        for operation in sample {
            let (files, progress) = try crash(workload, at: operation)
            let variant = operation % max(Self.variantCount, 6)
            do {
                try crashInRecovery(
                    survivors(of: files, operation: operation, variant: variant), workload,
                    progress)
            } catch {
                Issue.record("\(place(.full, seed, operation, variant, error))")
                return
            }
        }
    }

    private func crashInRecovery(
        _ files: CrashingFileSystem, _ workload: CrashWorkload, _ progress: CrashWorkload.Progress
    ) throws {
        let clean = files.survivors(.all)
        _ = try SimulatedDatabase.open(on: clean, workload.options)
        // The handle is gone, and with it closed: its operations count too.
        for second in 1...clean.operationCount {
            let again = files.survivors(.all)
            again.crash(at: second)
            _ = errorCode { _ = try SimulatedDatabase.open(on: again, workload.options) }
            let variants = [0, 1, 2 + second % 8]
            for variant in Self.isQuick ? [variants[second % 2], variants[2]] : variants {
                do {
                    try checkRecovery(
                        survivors(of: again, operation: second, variant: variant), workload,
                        progress)
                } catch {
                    throw Mismatch(
                        "then a crash at operation \(second) of the recovery, variant \(variant): "
                            + "\(error)")
                }
            }
        }
    }
}
