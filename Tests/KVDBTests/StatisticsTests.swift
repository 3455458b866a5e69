@_spi(Engine) import DatabaseTesting
@_spi(Engine) import KVDB
import StorageIO
import StorageIOTesting
import Testing
import WAL

/// What `statistics()` says, against the files.
@Suite struct StatisticsTests {
    @Test func theLogsBytesAreThoseOfItsRecords() throws {
        let files = CrashingFileSystem()
        var options = DatabaseOptions.manual
        options.logSegmentSize = 4096
        let database = try SimulatedDatabase.open(on: files, options)
        #expect(try database.statistics().unappliedLogByteCount == 0)
        try database.put("a", "b")
        let one = try database.statistics().unappliedLogByteCount
        #expect(one > 2 && one < 100)
        for number in 0..<200 {
            try database.put("key \(number)", [UInt8](repeating: 1, count: 50))
        }
        // Longer than a segment, so that it comes in parts.
        try database.put("long", [UInt8](repeating: 2, count: 10_000))
        let all = try database.statistics().unappliedLogByteCount
        let reader = try LogReader(
            files: files, path: SimulatedDatabase.testPath + "-wal", identity: nil)
        defer { reader.close() }
        var payload = 0
        var records = 0
        _ = try reader.forEachRecord(from: nil) { record throws(StorageError) in
            payload += record.payload.count
            records += 1
        }
        // A frame of a record has a header of 32 bytes, and is padded to eight; few records are in parts.
        #expect(records >= 202)
        #expect(all >= UInt64(payload) && all <= UInt64(payload + records * 48 + 64 * 32))

        let reopened = try SimulatedDatabase.open(on: files.survivors(.all), options)
        #expect(try reopened.statistics().unappliedLogByteCount == all)
        try reopened.checkpoint()
        #expect(try reopened.statistics().unappliedLogByteCount == 0)
    }

    /// Snapshots and the pages that each keeps come out in pairs.
    @Test func eachSnapshotHasThePagesThatItKeeps() throws {
        let database = try SimulatedDatabase.open(on: CrashingFileSystem(), .manual)
        var snapshots: [SimulatedSnapshot] = []
        for number in 0..<30 {
            snapshots.append(try database.snapshot())
            let transaction = try database.begin()
            try transaction.put("a", "\(number)")
            try transaction.commit()
        }
        try database.checkpoint()
        try database.put("a", "b")
        let live = try database.statistics().liveSnapshots
        #expect(live.map(\.transaction) == snapshots.map(\.transaction))
        #expect(live.filter { $0.pinnedPages > 0 }.count > 20)
        snapshots.removeFirst(29)
        #expect(try database.statistics().liveSnapshots.count == 1)
    }
}
