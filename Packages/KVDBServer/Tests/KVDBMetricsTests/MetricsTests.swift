import KVDB
import KVDBMetrics
import MetricsTestKit
import StorageIOTesting
import Testing

/// What a database measures.
struct MetricsTests {
    @Test func eventsAndStatisticsAreRecorded() throws {
        let factory = TestMetrics()
        let metrics = DatabaseMetrics(
            label: "store", dimensions: [("shard", "7")], factory: factory)
        var options = Database.Options(checkpointPolicy: .manual)
        options.measure(with: metrics)
        let files = CrashingFileSystem()
        let database = try Database(at: "m.kvdb", files: files, options: options)
        for number in 0..<3 { try database.put("\(number)", for: "a", durability: .buffered) }
        try database.sync()
        try database.checkpoint()
        let snapshot = try database.snapshot()
        metrics.record(try database.statistics())
        withExtendedLifetime(snapshot) {}

        let dimensions = [("shard", "7")]
        #expect(try factory.expectTimer("store.sync.duration", dimensions).values.count >= 1)
        #expect(try factory.expectCounter("store.sync.commits", dimensions).totalValue >= 3)
        #expect(try factory.expectTimer("store.checkpoint.duration", dimensions).values.count == 1)
        #expect(try factory.expectCounter("store.checkpoint.pages", dimensions).totalValue > 0)
        #expect(try factory.expectGauge("store.snapshots", dimensions).lastValue == 1)
        #expect(try factory.expectGauge("store.version", dimensions).lastValue ?? 0 >= 3)
        #expect(try factory.expectGauge("store.file.bytes", dimensions).lastValue ?? 0 > 0)

        files.fail(operation: files.count(of: .sync) + 1, of: .sync, forever: true)
        #expect(throws: (any Error).self) { try database.put("1", for: "b") }
        #expect(try factory.expectCounter("store.failures", dimensions).totalValue == 1)
    }
}
