@_spi(Engine) import DatabaseTesting
import StorageIO
import StorageIOTesting
import Testing

@_spi(Engine) @testable import KVDB

/// Many changes in one call do what the same changes do one by one.
@Suite struct WriteBatchTests {
    private func entries<Store, Log>(
        _ snapshot: EngineSnapshot<Store, Log>, table: String = ""
    ) throws -> [[UInt8]: [UInt8]] {
        var entries: [[UInt8]: [UInt8]] = [:]
        try snapshot.forEach(table: table) { key, value in
            entries[key.array] = value.array
            return true
        }
        return entries
    }

    @Test(arguments: ["", "a table"])
    func manyChangesAreAsSingleOnes(table: String) throws {
        let folder = try TemporaryDirectory()
        let path = folder.file("my.db")
        var options = DatabaseOptions()
        // Far smaller than the data, so that pages are read in on the way.
        options.cacheBudget = 64 << 10
        options.dirtyBudget = 64 << 10
        var database = try FileDatabase.open(path, options: options)
        var model: [[UInt8]: [UInt8]] = [:]
        for (round, count) in [0, 1, 31, 32, 33, 64, 300, 2000, 500].enumerated() {
            var random = SeededRandom(seed: UInt64(round))
            var puts: [(key: [UInt8], value: [UInt8])] = []
            for _ in 0..<count {
                let length =
                    random.oneIn(40)
                    ? 1020 + random.below(10) : random.oneIn(60) ? 9000 : random.below(150)
                puts.append((Array("key \(random.below(5000))".utf8), random.bytes(length)))
            }
            var deletions = (0..<count / 3).map { _ in Array("key \(random.below(6000))".utf8) }
            deletions.append([UInt8](repeating: 107, count: 2000))
            for put in puts { model[put.key] = put.value }
            var expected = 0
            for key in deletions where model.removeValue(forKey: key) != nil { expected += 1 }
            try database.write { transaction in
                try transaction.put(contentsOf: puts, table: table)
                #expect(try transaction.delete(contentsOf: deletions, table: table) == expected)
            }
            if count > 0 {
                #expect(try entries(database.snapshot(), table: table) == model, "round \(round)")
            }
            #expect(try database.verify().isSound)
            if round % 3 == 2 {
                try database.close()
                database = try FileDatabase.open(path, options: options)
            }
        }
    }

    @Test func whatIsLoggedIsReplayed() throws {
        let files = CrashingFileSystem()
        let database = try SimulatedDatabase.open(on: files, .manual)
        var model: [[UInt8]: [UInt8]] = [:]
        for round in 0..<4 {
            var random = SeededRandom(seed: UInt64(round))
            let puts = (0..<250).map { _ in
                (key: Array("\(random.below(600))".utf8), value: random.bytes(random.below(90)))
            }
            let deletions = (0..<70).map { _ in Array("\(random.below(600))".utf8) }
            for put in puts { model[put.key] = put.value }
            for key in deletions { model[key] = nil }
            try database.write { transaction in
                try transaction.put(contentsOf: puts)
                try transaction.delete(contentsOf: deletions)
            }
        }
        let reopened = try SimulatedDatabase.open(on: files.survivors(.none), .manual)
        #expect(try entries(reopened.snapshot()) == model)
        #expect(try reopened.verify().isSound)
    }

    @Test func anIllegalEntryComesAfterThoseBeforeIt() throws {
        let database = try InMemoryDatabase.openInMemory()
        let long = [UInt8](repeating: 1, count: 1025)
        try database.write { transaction in
            do throws(StorageError) {
                try transaction.put(contentsOf: [
                    (key: [1], value: [1]), (key: [2], value: [2]), (key: long, value: [3]),
                    (key: [4], value: [4]),
                ])
                Issue.record("a key of 1025 bytes was put")
            } catch {
                #expect(error.code == .keyTooLong)
            }
            #expect(transaction.count == 2)
            try transaction.put([5], [5])
        }
        #expect(try entries(database.snapshot()) == [[1]: [1], [2]: [2], [5]: [5]])
    }

    @Test func dictionariesAndTextsAreSequences() throws {
        let database = try InMemoryDatabase.openInMemory()
        let letters = ["alpha": "a", "beta": "b", "gamma": "g"]
        try database.write { transaction in
            try transaction.put(contentsOf: letters)
            #expect(try transaction.delete(contentsOf: ["beta", "delta"]) == 1)
            #expect(try transaction.delete(contentsOf: [String]()) == 0)
            #expect(try transaction.delete(contentsOf: ["alpha"], table: "none") == 0)
        }
        #expect(try database.snapshot().get("gamma") == Array("g".utf8))
        #expect(try database.snapshot().count == 2)
    }
}
