@_spi(Engine) import DatabaseTesting
@_spi(Engine) import KVDB
import PageStore
import StorageIO
import StorageIOTesting

/// R4: the power is cut before every file operation of a scripted life, and at each of these moments
/// the unsynced changes survive in many ways.
///
/// One case is one script and every fourth of its operations. A state counts when it differs from
/// the others of its moment. From each, the database must open with what exactly some prefix of the
/// commits makes, every promised one among them; verification must find nothing; ten further commits
/// must work and be there after a reopen. From a third of the states the database is closed without a
/// change first, which takes its log away, and opened again; so it is where the cut has left a superblock
/// torn. The run itself is held to R1, R2 and R3 by the order of its writes and syncs
/// (`OrderingOracle`).
struct CrashFamily: Family {
    static let name = "crash"
    static let unit = "states"
    static let gate = Goal.units(200_000)
    static let subset = Goal.units(20_000)
    static let slices: UInt64 = 4
    /// How many ways to survive are drawn for each moment.
    static let variants = Survival.variants.count

    func run(_ number: UInt64, _ account: inout Account) throws {
        let workload = CrashWorkload.numbered(number / Self.slices)
        let slice = Int(number % Self.slices)
        let files = CrashingFileSystem()
        let oracle = OrderingOracle(watching: files)
        let cuts = PowerCuts(workload, account)
        // The hook holds the file system in turn.
        files.beforeOperation = { [unowned files] operation in
            if cuts.isSuperblock(operation) { cuts.tear(files, operation) }
            guard operation.number % Int(Self.slices) == slice else { return }
            cuts.look(at: files, operation.number, variants: Self.variants)
        }
        defer { files.beforeOperation = nil }
        do {
            try workload.run(on: files, oracle: oracle) { cuts.progress = $0 }
        } catch {
            throw Failure("the run itself failed: \(error)")
        }
        account = cuts.account
        try cuts.rethrow()
    }
}

/// The states that power cuts leave during one run, each recovered from at once.
final class PowerCuts: @unchecked Sendable {
    // Sendable: only used by the thread that runs the script.
    let workload: CrashWorkload
    var account: Account
    var progress = CrashWorkload.Progress()
    private var failure: Failure?

    init(_ workload: CrashWorkload, _ account: Account) {
        self.workload = workload
        self.account = account
    }

    /// Recovers from every distinct state that a cut now leaves.
    func look(at files: CrashingFileSystem, _ operation: Int, variants: Int) {
        guard failure == nil, account.enter(operation) else { return }
        if operation % 12 < 4 {
            account.note("kills")
            do {
                try workload.checkKill(files, progress, seed: UInt64(operation))
            } catch {
                failure = Failure("operation \(operation): \(error)")
                return
            }
        }
        var seen: Set<UInt64> = []
        for variant in 0..<variants {
            let left = files.survivors(variant: variant, seed: UInt64(operation))
            guard seen.insert(left.fingerprint).inserted else { continue }
            account.units += 1
            do {
                try workload.checkRecovery(
                    left, progress, cutsAgain: variant % 2 == 1,
                    closesFirst: (operation + variant) % 3 == 0)
            } catch {
                failure = Failure("operation \(operation), variant \(variant): \(error)")
                return
            }
        }
    }

    /// Whether the operation writes a superblock of the database.
    func isSuperblock(_ operation: FileOperation) -> Bool {
        operation.kind == .write && operation.path == SimulatedDatabase.testPath
            && operation.offset < 2 << UInt64(PageLayout.pageShift)
    }

    /// Cuts the superblock off that is being written: the one sector of which a power cut may leave
    /// neither the old content nor the new one, because the other superblock stands in for it.
    func tear(_ files: CrashingFileSystem, _ operation: FileOperation) {
        guard failure == nil, account.only == nil || account.only == operation.number else {
            return
        }
        account.step = operation.number
        var random = SeededRandom(seed: UInt64(operation.number))
        for survival in [Survival.none, .all] {
            do {
                let left = files.survivors(survival, seed: UInt64(operation.number))
                let file = try left.open(operation.path, .readWrite)
                // What an opening writes again as it is, is durable already, and nothing stands in for it.
                let slot = operation.offset >> UInt64(PageLayout.pageShift)
                let generations = try [slot, 1 - slot].map { slot throws(StorageError) in
                    try file.readBytes(8, at: slot << UInt64(PageLayout.pageShift) + 72)
                        .reversed().reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
                }
                guard generations[0] < generations[1] else { continue }
                account.units += 1
                account.note("torn superblocks")
                try file.writeBytes(random.bytes(200), at: operation.offset + 300)
                try file.sync()
                file.close()
                try workload.checkRecovery(left, progress, closesFirst: true)
            } catch {
                failure = Failure("torn superblock at operation \(operation.number): \(error)")
                return
            }
        }
    }

    func rethrow() throws { if let failure { throw failure } }
}
