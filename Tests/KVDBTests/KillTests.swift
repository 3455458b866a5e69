@_spi(Engine) import DatabaseTesting
@_spi(Engine) import KVDB
import StorageIO
import StorageIOTesting
import Testing

/// R1 to R4 over a killed process: what it wrote is there, but nobody knows what of it was synced.
/// The next process must not build on that before it is durable.
@Suite struct KillTests {
    /// Kills at some operations of a run, and goes on from each with power cuts.
    final class Kills: @unchecked Sendable {
        // Sendable: only used by the thread that runs the script.
        var progress = CrashWorkload.Progress()
        var count = 0
        var findings: [String] = []

        func look(at files: CrashingFileSystem, _ operation: Int, _ workload: CrashWorkload) {
            count += 1
            do {
                try workload.checkKill(files, progress, seed: UInt64(operation))
            } catch {
                findings.append("operation \(operation): \(error)")
            }
        }
    }

    @Test(arguments: CrashTests.Kind.allCases)
    func aPowerCutAfterAKillTakesNothingThatTheNextProcessHasSeen(kind: CrashTests.Kind) throws {
        let workload = kind.workload(seed: 3)
        let files = CrashingFileSystem()
        let kills = Kills()
        let stride = CrashTests.isQuick ? 17 : 2
        files.beforeOperation = { [unowned files] operation in
            guard operation.number % stride == 0 else { return }
            kills.look(at: files, operation.number, workload)
        }
        try workload.run(on: files) { kills.progress = $0 }
        files.beforeOperation = nil
        #expect(kills.count > 20)
        #expect(kills.findings.isEmpty, "\(kills.findings.prefix(3))")
    }
}
