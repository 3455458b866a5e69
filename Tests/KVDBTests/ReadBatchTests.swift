import StorageIO
import StorageIOTesting
import Testing

@_spi(Engine) @testable import KVDB

/// Many keys read at once give what the same keys give one by one.
@Suite struct ReadBatchTests {
    private func gather<Store, Log>(
        _ snapshot: EngineSnapshot<Store, Log>, _ keys: [[UInt8]]
    ) throws -> [[UInt8]?] {
        var values: [[UInt8]?] = []
        try snapshot.withValues(of: keys) { index, value in
            #expect(index == values.count)
            values.append(value?.array)
        }
        return values
    }

    @Test(arguments: [0, 1, 31, 32, 33, 63, 64, 65, 300])
    func aBatchReadsWhatSingleReadsDo(count: Int) throws {
        let folder = try TemporaryDirectory()
        var options = DatabaseOptions()
        // Far smaller than the data, so that pages are read in on the way down.
        options.cacheBudget = 64 << 10
        let database = try FileDatabase.open(folder.file("my.db"), options: options)
        var random = SeededRandom(seed: UInt64(count))
        try database.write { transaction in
            for number in 0..<3000 {
                let length = random.oneIn(50) ? 5000 : random.below(200)
                try transaction.put("key \(number * 7)", random.bytes(length))
            }
        }
        try database.close()
        let reopened = try FileDatabase.open(folder.file("my.db"), options: options)
        let snapshot = try reopened.snapshot()
        var keys: [[UInt8]] = []
        for _ in 0..<count {
            switch random.below(20) {
            case 0: keys.append([])
            case 1: keys.append([UInt8](repeating: 107, count: 2000))
            case 2 where !keys.isEmpty: keys.append(keys[random.below(keys.count)])
            default: keys.append(Array("key \(random.below(22_000))".utf8))
            }
        }
        let values = try gather(snapshot, keys)
        #expect(values.count == count)
        for (key, value) in zip(keys, values) { #expect(try snapshot.get(key) == value) }
    }

    @Test func anEmptyDatabaseHasNone() throws {
        let database = try InMemoryDatabase.openInMemory()
        let keys = (0..<70).map { Array("\($0)".utf8) }
        let snapshot = try database.snapshot()
        #expect(try gather(snapshot, keys) == [[UInt8]?](repeating: nil, count: 70))
        #expect(try gather(snapshot, []) == [])
    }

    @Test func anErrorOfTheBodyEndsTheBatch() throws {
        let database = try InMemoryDatabase.openInMemory()
        try database.put("a", "1")
        let stop = StorageError(.invalidArgument, "Enough.")
        var seen = 0
        do throws(StorageError) {
            try database.snapshot().withValues(of: ["a", "b", "a"]) {
                (index, _) throws(StorageError) in
                seen += 1
                if index == 1 { throw stop }
            }
            Issue.record("nothing was thrown")
        } catch {
            #expect(error.code == .invalidArgument)
        }
        #expect(seen == 2)
    }

    @Test func aDamagedPageIsAnError() throws {
        let folder = try TemporaryDirectory()
        let path = folder.file("my.db")
        let database = try FileDatabase.open(path)
        try database.write { transaction in
            for number in 0..<5000 { try transaction.put("key \(number)", "value") }
        }
        let root = UInt64(try database.snapshot().version.main.page)
        try database.close()
        let file = try POSIXFileSystem().open(path, .readWrite)
        try file.writeBytes([0xA5], at: root * 4096 + 100)
        file.close()
        let again = try FileDatabase.open(path)
        let snapshot = try again.snapshot()
        do throws(StorageError) {
            try snapshot.withValues(of: (0..<100).map { "key \($0)" }) { _, _ in }
            Issue.record("damage was read")
        } catch {
            #expect(error.code == .damaged)
        }
    }
}
