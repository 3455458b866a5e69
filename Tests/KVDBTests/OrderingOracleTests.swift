@_spi(Engine) import DatabaseTesting
@_spi(Engine) import KVDB
import StorageIO
import StorageIOTesting
import Testing

/// R1, R2 and R3 held by the order of the calls on the files; and that the oracle which holds them
/// finds what breaks them.
@Suite struct OrderingOracleTests {
    enum Kind: CaseIterable { case full, mixed, unlogged }

    @Test(arguments: Kind.allCases, Seeds.first(3))
    func aWholeLifeKeepsTheOrder(_ kind: Kind, _ seed: UInt64) throws {
        let again: Comment = "\(Seeds.again(seed))"
        let workload: CrashWorkload =
            switch kind {
            case .full: .script(seed: seed)
            case .mixed: .script(seed: seed, durability: [.full, .buffered, .written, .buffered])
            case .unlogged: .script(seed: seed, logging: false)
            }
        let files = CrashingFileSystem()
        let oracle = OrderingOracle(watching: files)
        try workload.run(on: files, oracle: oracle) { _ in }
        #expect(oracle.counts.superblocks > 10 && oracle.counts.commits > 10, again)
    }

    /// A process is killed, and another opens the database on what the system has, synced or not: a
    /// power cut may still take that away, so nothing older may be given up for it.
    @Test(arguments: 0..<4) func afterAKillNothingUnsyncedIsBuiltUpon(_ slice: Int) throws {
        let workload = CrashWorkload.script(seed: 1)
        let files = CrashingFileSystem()
        let failures = Failures()
        let stride = CrashTests.isQuick ? 3 : 1
        files.beforeOperation = { [unowned files] operation in
            guard operation.number % 4 == slice, operation.number / 4 % stride == 0,
                operation.number > 40
            else { return }
            failures.catching("killed before operation \(operation)") {
                let left = files.afterKill()
                let oracle = OrderingOracle(watching: left)
                let database = try SimulatedDatabase.open(on: left, workload.options)
                for round in 0..<3 {
                    try database.write { transaction in
                        for key in 0..<12 {
                            try transaction.put(
                                numberKey(key * 9 + round), [UInt8](repeating: 3, count: 700))
                        }
                    }
                    let number = try database.snapshot().transaction
                    oracle.committed(transaction: number, durability: .full)
                }
                try database.checkpoint()
                try oracle.check()
            }
        }
        defer { files.beforeOperation = nil }
        try workload.run(on: files) { _ in }
        #expect(failures.messages == [])
    }

    private final class Failures: @unchecked Sendable {
        // Sendable: only used by the thread that runs the script.
        private(set) var messages: [String] = []

        func catching(_ place: String, _ body: () throws -> Void) {
            guard messages.count < 3 else { return }
            do { try body() } catch { messages.append("\(place): \(error)") }
        }
    }
}
