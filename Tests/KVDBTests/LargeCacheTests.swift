import StorageIO
import StorageIOTesting
@_spi(Engine) import DatabaseTesting
import Testing

@_spi(Engine) @testable import KVDB

/// A cache that is large enough for large pages of memory reads the same as any other.
@Suite struct LargeCacheTests {
    private static func value(_ number: Int) -> [UInt8] {
        [UInt8](repeating: UInt8(truncatingIfNeeded: number &* 31), count: 100 + number % 90)
    }

    @Test func readsOfManyThreadsWhileMemoryBecomesLarge() throws {
        let folder = try TemporaryDirectory()
        var options = DatabaseOptions()
        options.cacheBudget = 1 << 30
        let path = folder.file("large.db")
        // Some 4 MiB: more large pages than one.
        let count = 20_000
        let database = try FileDatabase.open(path, options: options)
        try database.write { transaction in
            for number in 0..<count { try transaction.put("key \(number)", Self.value(number)) }
        }
        try database.close()
        for round in 0..<3 {
            let reopened = try FileDatabase.open(path, options: options)
            // Few pages, in small memory; all threads cross the border at some time.
            let first = try reopened.get("key \(round)")
            #expect(first == Self.value(round))
            try inParallel(4) { thread in
                var random = SeededRandom(seed: UInt64(round * 4 + thread))
                for _ in 0..<2000 {
                    let number = random.below(count)
                    let value = try reopened.get("key \(number)")
                    #expect(value == Self.value(number))
                }
            }
            try reopened.put("more", Self.value(round))
            let total = try reopened.count()
            #expect(total == UInt64(count + 1))
            try reopened.checkSound()
            try reopened.close()
        }
    }
}
