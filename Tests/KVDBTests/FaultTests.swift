@_spi(Engine) import DatabaseTesting
@_spi(Engine) import KVDB
import StorageIO
import StorageIOTesting
import Testing

/// Each file operation of a scripted life fails once, with an input or output error and with a full
/// disk. The handle goes on as if nothing had been asked, or it is poisoned and only reads; nothing
/// acknowledged is lost, not even when the power is cut as well.
///
/// `KVDB_SEEDS` and `KVDB_SEED` as for the crash tests.
@Suite struct FaultTests {
    static let sliceCount = 8
    /// Of how many operations one fails.
    static let sampleStride = CrashTests.isQuick ? 24 : 1

    @Test(arguments: CrashTests.seeds, Array(0..<sliceCount))
    func everyOperationFailsOnce(seed: UInt64, slice: Int) throws {
        let workload = CrashWorkload.script(seed: seed)
        let files = CrashingFileSystem()
        try workload.run(on: files) { _ in }
        let only = environmentNumber("KVDB_CRASH_OPERATION", default: 0)
        for operation in 1...files.operationCount where operation % Self.sliceCount == slice {
            if only > 0 ? operation != only : operation / Self.sliceCount % Self.sampleStride != 0 {
                continue
            }
            for code in [StorageError.Code.inputOutput, .diskFull] {
                do {
                    var run = FaultRun(workload, failing: operation, with: code)
                    try run.run()
                } catch {
                    Issue.record(
                        """
                        Script of seed \(seed), \(code) at operation \(operation): \(error)
                        \(Seeds.again(seed)), with KVDB_CRASH_OPERATION=\(operation) for this alone
                        """)
                    return
                }
            }
        }
    }

    /// A disk that fills up, at every size: commits that don't fit fail, and the database goes on
    /// when there is room again.
    @Test func fullDiskAtEverySize() throws {
        // Neither is a whole number of pages, so the disk ends everywhere in one.
        let step = CrashTests.isQuick ? 9 << 10 : 3 << 10
        for capacity in stride(from: 12 << 10, to: 160 << 10, by: step) {
            let files = CrashingFileSystem()
            files.capacity = UInt64(capacity)
            do {
                try fillDisk(files)
            } catch {
                Issue.record("Disk of \(capacity) bytes: \(error)")
            }
        }
    }

    private func fillDisk(_ files: CrashingFileSystem) throws {
        var model = DatabaseModel()
        var random = SeededRandom(seed: 1)
        guard var database = try? SimulatedDatabase.open(on: files) else {
            // Not even an empty database fits; with room it does.
            files.capacity = nil
            try DatabaseModel().check(try SimulatedDatabase.open(on: files), "empty:")
            return
        }
        for number in 0..<60 {
            let change = Change.put(numberKey(random.below(100)), random.bytes(1500))
            switch errorCode({ try database.write { _ = try $0.apply(change) } }) {
            case nil: model.apply(change)
            case .diskFull:
                try check(database.poison == nil, "a full disk poisons: \(database.poison!)")
                try model.check(database, "after put \(number) met a full disk:")
            case let code: throw Mismatch("put \(number) failed with \(code!)")
            }
        }
        try database.checkSound("while the disk is full:")
        files.capacity = nil
        try database.put([1], [2])
        model.apply(.put([1], [2]))
        try database.checkpoint()
        try model.check(database, "with room again:")
        try database.checkSound("with room again:")
        try database.close()
        database = try SimulatedDatabase.open(on: files)
        try model.check(database, "after a reopen:")
    }
}
