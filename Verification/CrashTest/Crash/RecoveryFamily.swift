@_spi(Engine) import DatabaseTesting
@_spi(Engine) import KVDB
import StorageIO
import StorageIOTesting

/// R4: the power is cut again before every file operation of the recovery from a cut, and once more
/// inside the recovery from that.
///
/// One case is one script, one moment of it and one way to survive the first cut. The second cut
/// comes before each operation of opening and closing the database, the third before each operation
/// of a sample of the recoveries after that.
struct RecoveryFamily: Family {
    static let name = "recovery"
    static let unit = "states"
    static let gate = Goal.units(20_000)
    static let subset = Goal.units(3000)
    static let variants = 6

    func run(_ number: UInt64, _ account: inout Account) throws {
        let workload = CrashWorkload.numbered(number / 8)
        var random = SeededRandom(seed: number)
        let total = try operationCount(of: workload)
        let first = random.number(in: 1...total)
        let files = CrashingFileSystem()
        files.crash(at: first)
        var progress = CrashWorkload.Progress()
        do { try workload.run(on: files) { progress = $0 } } catch {}
        guard files.hasCrashed else { throw Failure("no crash came at operation \(first)") }
        let left = files.survivors(variant: random.below(Survival.variants.count), seed: number)
        do {
            try cutRecovery(left, workload, progress, depth: 2, &account)
        } catch {
            throw Failure("crash at operation \(first), then \(error)")
        }
    }

    private func operationCount(of workload: CrashWorkload) throws -> Int {
        let files = CrashingFileSystem()
        try workload.run(on: files) { _ in }
        return files.operationCount
    }

    /// Cuts the power before each operation of the recovery of `files`.
    private func cutRecovery(
        _ files: CrashingFileSystem, _ workload: CrashWorkload, _ progress: CrashWorkload.Progress,
        depth: Int, _ account: inout Account
    ) throws {
        let clean = files.copy()
        let oracle = OrderingOracle(watching: clean)
        // The handle is gone at once, and with it closed: closing belongs to it.
        _ = try SimulatedDatabase.open(on: clean, workload.options)
        try oracle.check()
        for operation in 1...max(1, clean.operationCount) {
            if depth == 2 {
                guard account.enter(operation) else { continue }
            }
            let again = files.copy()
            again.crash(at: operation)
            _ = try? SimulatedDatabase.open(on: again, workload.options)
            var seen: Set<UInt64> = []
            for variant in 0..<Self.variants {
                let left = again.survivors(variant: variant, seed: UInt64(operation * 7 + depth))
                guard seen.insert(left.fingerprint).inserted else { continue }
                account.units += 1
                account.note(depth == 2 ? "second cuts" : "third cuts")
                do {
                    if depth == 2, variant == 2 + operation % 4, operation % 5 == 0 {
                        try cutRecovery(left, workload, progress, depth: 1, &account)
                    }
                    try workload.checkRecovery(
                        left, progress, cutsAgain: variant % 2 == 1,
                        closesFirst: (operation + variant) % 3 == 0)
                } catch {
                    throw Failure(
                        "at operation \(operation) of the recovery (\(variant)), \(error)")
                }
            }
        }
    }
}
