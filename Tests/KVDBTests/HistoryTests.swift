@_spi(Engine) import DatabaseTesting
@_spi(Engine) import KVDB
import StorageIO
import StorageIOTesting
import Testing

/// Eight threads on lists in one database, and what they saw held to strict serializability: the
/// short form of `crashtest run history`, and the form that runs under the thread sanitizer
/// (`Scripts/check-threads`). `KVDB_HISTORY_ROUNDS` says how often.
@Suite(.serialized) struct HistoryTests {
    static let rounds = environmentNumber("KVDB_HISTORY_ROUNDS", default: 1)

    @Test(arguments: [Durability.full, .buffered])
    func aHistoryIsStrictlySerializable(weakest: Durability) throws {
        for round in 0..<Self.rounds {
            let directory = try TemporaryDirectory()
            var options = DatabaseOptions.small
            options.checkpointPolicy = .automatic
            options.durability = weakest
            options.sizeLimit = 256 << 20
            options.syncInterval = .milliseconds(1)
            let database = try FileDatabase.open(directory.file("lists.db"), options: options)
            var workload = ListWorkload(seed: UInt64(round))
            workload.transactionsPerThread = 60
            workload.padding = [0, 200][round % 2]
            let events = EventCounter()
            var history = try workload.run(on: database, events)
            history.append(try workload.readAll(database, events))
            let anomalies = HistoryChecker.check(history, isComplete: true)
            #expect(anomalies.isEmpty, "\(anomalies.first!)")
            let problem = SerialReplay.problem(in: history)
            #expect(problem == nil, "\(problem!)")
            try database.checkSound()
            try database.close()
        }
    }
}
