@_spi(Engine) import DatabaseTesting
@_spi(Engine) import KVDB
import StorageIOTesting
import Testing

/// Random operations on a database against plain sorted arrays: what ``ModelRun`` says, with fewer
/// seeds than `crashtest run model`, where the long form is.
///
/// Not covered: several threads (`ConcurrencyTests`), power cuts and faults (`CrashTests`).
///
/// `KVDB_SEEDS` and `KVDB_MODEL_STEPS` say how much, `KVDB_SEED` runs one seed alone.
@Suite struct ModelTests {
    static let seeds = Seeds.first(16)
    static let steps = environmentNumber("KVDB_MODEL_STEPS", default: 2000)

    @Test(arguments: seeds)
    func randomOperations(seed: UInt64) throws {
        var run = try ModelRun(seed: seed)
        do {
            try run.run(steps: Self.steps)
        } catch {
            Issue.record(
                """
                Seed \(seed), step \(run.step): \(error)
                \(Seeds.again(seed))
                """)
        }
    }
}
