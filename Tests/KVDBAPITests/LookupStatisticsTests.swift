import Foundation
@_spi(Engine) import KVDB
import StorageIO
import StorageIOTesting
import Testing

/// The counters of ``Database/statistics()``.
@Suite struct LookupStatisticsTests {
    private func loaded(entryCount: Int) throws -> InMemoryFileSystem {
        let files = InMemoryFileSystem()
        let database = try Database(at: "a.kvdb", files: files)
        let value = [UInt8](repeating: 1, count: 500)
        try database.write { transaction in
            for number in 0..<entryCount {
                try transaction.put(value, for: "key \(100_000 + number)")
            }
        }
        try database.close()
        return files
    }

    @Test func everyLookupCountsOnce() throws {
        let files = try loaded(entryCount: 1000)
        let database = try Database(at: "a.kvdb", files: files)
        let before = try database.statistics().lookups
        for number in 0..<100 {
            #expect(try database.get("key \(100_000 + number)") != nil)
        }
        #expect(try database.statistics().lookups == before + 100)
        let snapshot = try database.snapshot()
        for number in 0..<50 {
            #expect(try snapshot.get("key \(100_000 + number)") != nil)
        }
        #expect(try database.statistics().lookups == before + 150)
        // A scan of a thousand entries of 500 bytes goes through some 140 leaves.
        var visited = 0
        try database.scan { _, _ in
            visited += 1
            return true
        }
        #expect(visited == 1000)
        let scanned = try database.statistics().lookups - before - 150
        #expect((120...400).contains(scanned))
    }

    @Test func threadsCountTheirOwn() throws {
        let files = try loaded(entryCount: 1000)
        let database = try Database(at: "a.kvdb", files: files)
        let before = try database.statistics().lookups
        DispatchQueue.concurrentPerform(iterations: 8) { thread in
            for number in 0..<500 {
                _ = try? database.get("key \(100_000 + (thread * 100 + number) % 1000)")
            }
        }
        #expect(try database.statistics().lookups == before + 4000)
    }

    @Test func theHitRatioTellsWhetherTheCacheIsLargeEnough() throws {
        let files = try loaded(entryCount: 4000)
        func ratio(_ budget: Int) throws -> Double {
            let database = try Database(
                at: "a.kvdb", files: files, options: Database.Options(cacheBudget: budget))
            for _ in 0..<5 {
                for number in stride(from: 0, to: 4000, by: 7) {
                    _ = try database.get("key \(100_000 + number)")
                }
            }
            let ratio = try #require(try database.statistics().cacheHitRatio)
            try database.close()
            return ratio
        }
        let large = try ratio(64 << 20)
        let small = try ratio(256 << 10)
        #expect(large > 0.75 && large <= 1)
        #expect(small < 0.4 && small >= 0)
    }

    @Test func nothingIsMissingInMemory() throws {
        let database = try Database(inMemory: .init())
        try database.put("value", for: "key")
        _ = try database.get("key")
        let statistics = try database.statistics()
        #expect(statistics.lookups > 0 && statistics.cacheHitRatio == 1)
    }
}
