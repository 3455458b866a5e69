import StorageIO
import StorageIOTesting
import Testing

@_spi(Engine) @testable import KVDB

extension Table where Key == String, Value == Int {
    fileprivate static var numbers: Table { Table("numbers") }
    fileprivate static var others: Table { Table("others") }
}

/// What an observed closure reads is what it is called again for.
struct ObserveTests {
    /// A way to read of a table with the keys b, d, … j, and the puts that it is called again for, and those that it is not.
    struct Reading: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let touching: [String]
        let beside: [String]
        let read: @Sendable (Database.Snapshot) throws -> Void

        init(
            _ name: String, touching: [String], beside: [String],
            _ read: @escaping @Sendable (SnapshotTable<String, Int>) throws -> Void
        ) {
            testDescription = name
            self.touching = touching
            self.beside = beside
            self.read = { try read($0[.numbers]) }
        }
    }

    private static func firstByte(_ key: RawSpan) -> UInt8 { withByteView(of: key) { $0[0] } }

    static let readings: [Reading] = [
        Reading("get", touching: ["d"], beside: ["c", "e", "dd"]) { _ = try $0.get("d") },
        Reading("get of nothing", touching: ["c"], beside: ["b", "d"]) { _ = try $0.get("c") },
        Reading("lent value", touching: ["d"], beside: ["c", "e"]) {
            _ = try $0.withValue(for: "d") { _ in }
        },
        Reading("contains", touching: ["d"], beside: ["c", "e"]) { _ = try $0.contains("d") },
        Reading("many", touching: ["b", "j"], beside: ["d", "k"]) {
            _ = try $0.get(many: ["b", "j"])
        },
        Reading("count", touching: ["a", "z"], beside: []) { _ = try $0.count },
        Reading("emptiness", touching: ["a", "z"], beside: []) { _ = try $0.isEmpty },
        Reading("count of a range", touching: ["c", "d", "e"], beside: ["b", "f"]) {
            _ = try $0.count(in: "c"..<"f")
        },
        Reading("rank", touching: ["a", "c"], beside: ["d", "e"]) { _ = try $0.rank(of: "d") },
        Reading("entry", touching: ["a", "z"], beside: []) { _ = try $0.entry(at: 1) },
        Reading("first", touching: ["a", "b"], beside: ["c", "z"]) { _ = try $0.first() },
        Reading("last", touching: ["j", "z"], beside: ["a", "i"]) { _ = try $0.last() },
        Reading("first of a range", touching: ["c", "d"], beside: ["b", "e"]) {
            _ = try $0.first(in: "c"...)
        },
        Reading("last of a range", touching: ["h", "i"], beside: ["g", "j"]) {
            _ = try $0.last(in: ..<"j")
        },
        Reading("first of an empty range", touching: ["k", "z"], beside: ["j"]) {
            _ = try $0.first(in: "k"...)
        },
        Reading("visit", touching: ["d", "g"], beside: ["c", "h"]) {
            try $0.forEach(in: "d"..<"h") { _, _ in }
        },
        Reading("visit that ends early", touching: ["a", "d"], beside: ["e", "z"]) {
            try $0.scan { key, _ in firstByte(key) < 100 }
        },
        Reading("visit backward that ends early", touching: ["h", "z"], beside: ["a", "g"]) {
            try $0.scan(order: .descending) { key, _ in firstByte(key) > 104 }
        },
        Reading("keys visited", touching: ["d", "g"], beside: ["c", "h"]) {
            try $0.scanKeys(in: "d"..<"h") { _ in true }
        },
        Reading("entries", touching: ["d", "g"], beside: ["c", "h"]) {
            _ = try $0.entries(in: "d"..<"h")
        },
        Reading("a page of entries", touching: ["a", "d"], beside: ["e", "z"]) {
            _ = try $0.entries(limit: 2)
        },
        Reading("a page of keys", touching: ["h", "z"], beside: ["a", "g"]) {
            _ = try $0.keys(order: .descending, limit: 2)
        },
        Reading("cursor", touching: ["a", "z"], beside: []) {
            var cursor = try $0.cursor()
            try cursor.seek(to: "d")
        },
    ]

    @Test(arguments: readings)
    func readsAreNoted(_ reading: Reading) async throws {
        let database = try Database(inMemory: .init())
        for key in ["b", "d", "f", "h", "j"] { try await database[.numbers].put(0, for: key) }
        let calls = Counter()
        let values = database.observe { snapshot in
            calls.add(1)
            try reading.read(snapshot)
            return snapshot.version
        }
        let observers = database.engine.core.observers
        for key in reading.touching + reading.beside {
            var iterator = values.makeAsyncIterator()
            #expect(try await iterator.next() == database.version)
            let value = try database[.numbers].get(key)
            let before = calls.value
            try await database[.others].put(1, for: key)
            try await database[.numbers].put(1, for: key)
            let isTold = observers.readyCount == 1
            #expect(isTold == reading.touching.contains(key), "\(key)")
            #expect(calls.value == before)
            if isTold { #expect(try await iterator.next() == database.version) }
            // As it was, for the next key.
            if let value {
                try await database[.numbers].put(value, for: key)
            } else {
                try await database[.numbers].delete(key)
            }
        }
    }

    @Test func theDefaultTableAndNamesAreNoted() async throws {
        let database = try Database(inMemory: .init())
        let calls = Counter()
        var gets = database.observe { snapshot in
            calls.add(1)
            return try snapshot.get("a")
        }.makeAsyncIterator()
        var names = database.observe { try $0.tableNames() }.makeAsyncIterator()
        #expect(try await gets.next() == .some(nil))
        #expect(try await names.next() == [])
        let observers = database.engine.core.observers
        try await database.put("1", for: "b")
        #expect(observers.readyCount == 0)
        try await database.put("1", for: "a")
        #expect(observers.readyCount == 1)
        #expect(try await gets.next() == [49])
        try await database[.numbers].put(1, for: "a")
        #expect(try await names.next() == ["numbers"])
        try await database[.numbers].put(1, for: "b")
        #expect(observers.readyCount == 0)
        try await database.write { _ = try $0.drop(.numbers) }
        #expect(try await names.next() == [])
        #expect(calls.value == 2)
    }

    /// What is read may depend on what was read before.
    @Test func whatTheLastCallReadCounts() async throws {
        let database = try Database(inMemory: .init())
        try await database.put("x", for: "which")
        var values = database.observe { snapshot in
            guard let key = try snapshot.get("which") else { return nil as [UInt8]? }
            return try snapshot.get(key)
        }.makeAsyncIterator()
        let observers = database.engine.core.observers
        #expect(try await values.next() == .some(nil))
        try await database.put("y", for: "which")
        #expect(try await values.next() == .some(nil))
        try await database.put("1", for: "x")
        #expect(observers.readyCount == 0)
        try await database.put("2", for: "y")
        #expect(try await values.next() == [50])
    }

    /// A commit that comes while the closure runs, after it has read.
    @Test func noCommitIsMissedWhileTheClosureRuns() async throws {
        let database = try Database(inMemory: .init())
        let (hasRead, goOn) = (Gate(), Gate())
        let calls = Counter()
        let values = database.observe { snapshot in
            calls.add(1)
            let count = try snapshot[.numbers].count
            if calls.value == 1 {
                hasRead.open()
                goOn.pass()
            }
            return count
        }
        let counts = Task {
            var counts: [Int] = []
            for try await count in values {
                counts.append(count)
                if count == 1 { break }
            }
            return counts
        }
        while calls.value == 0 { await Task.yield() }
        await Task { hasRead.pass() }.value
        try await database[.numbers].put(1, for: "a")
        goOn.open()
        #expect(try await counts.value == [0, 1])
        #expect(calls.value == 2)
    }

    @Test func itEndsByCancellationCloseAndErrors() async throws {
        struct Refusal: Error {}
        let database = try Database(inMemory: .init())
        let tasks = (0..<4).map { number in
            let values = database.observe { snapshot in
                let count = try snapshot[.numbers].count
                if number == 3, count > 0 { throw Refusal() }
                return count
            }
            return Task {
                var seen: [Int] = []
                for try await count in values { seen.append(count) }
                return seen
            }
        }
        await database.awaitListeners(4)
        tasks[0].cancel()
        #expect(try await tasks[0].value == [0])
        try await database[.numbers].put(1, for: "a")
        await #expect(throws: Refusal.self) { try await tasks[3].value }
        await database.awaitListeners(2)
        try await database.close()
        #expect(try await tasks[1].value == [0, 1])
        #expect(try await tasks[2].value == [0, 1])
        var late = database.observe { try $0.count }.makeAsyncIterator()
        #expect(try await late.next() == nil)
    }

    @Test func itKeepsNoDatabaseOpen() async throws {
        var database: Database? = try Database(inMemory: .init())
        let values = try #require(database).observe { try $0.count }
        let core = try #require(database).engine.core
        let task = Task {
            var seen: [Int] = []
            for try await count in values { seen.append(count) }
            return seen
        }
        while core.observers.waiterCount == 0 { await Task.yield() }
        database = nil
        #expect(try await task.value == [0])
        var late = values.makeAsyncIterator()
        #expect(try await late.next() == nil)
    }

    @Test func aFailedSyncIsThrownAndReadsGoOn() async throws {
        let files = CrashingFileSystem()
        let database = try Database(at: "o.kvdb", files: files)
        try await database.put("1", for: "a")
        var values = database.observe { try $0.get("a") }.makeAsyncIterator()
        #expect(try await values.next() == [49])
        files.fail(operation: files.count(of: .sync) + 1, of: .sync, forever: true)
        await #expect(throws: StorageError.self) { try await database.put("2", for: "a") }
        await #expect(throws: StorageError.self) { try await values.next() }
        var others = database.observe { try $0.get("a") }.makeAsyncIterator()
        #expect(try await others.next() == [49])
        await #expect(throws: StorageError.self) { try await others.next() }
        #expect(try await others.next() == nil)
    }

    /// Every observer ends with the last value, whatever comes between.
    @Test func manyObserversBesideManyWriters() async throws {
        let database = try Database(inMemory: .init())
        try await withThrowingTaskGroup { group in
            for observer in 0..<24 {
                let range = observer % 8
                let values = database.observe { snapshot in
                    try snapshot[.numbers].count(in: .prefix("\(range)/"))
                }
                group.addTask {
                    var last = -1
                    for try await count in values where count > last {
                        last = count
                        if count == 25 { break }
                    }
                    #expect(last == 25)
                }
            }
            for writer in 0..<8 {
                group.addTask {
                    for number in 0..<25 {
                        try await database[.numbers].put(number, for: "\(writer)/\(number)")
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(database.engine.core.observers.count == 0)
    }
}

/// The bounded sets that commits and reads are compared as.
struct KeyRangeSetTests {
    @Test(arguments: Seeds.first(20)) func theyHaveAllThatWasInserted(_ seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        var (left, right) = (KeyRangeSet(), KeyRangeSet())
        var (leftKeys, rightKeys): (Set<Int>, Set<Int>) = ([], [])
        func bytes(_ number: Int) -> [UInt8] { [UInt8(number >> 8), UInt8(number & 255)] }
        for step in 0..<500 {
            let key = Int(random.next(upperBound: 4000 as UInt64))
            let end = min(4000, key + Int(random.next(upperBound: 5 as UInt64)))
            if step % 2 == 0 {
                withByteView(of: bytes(key)) { left.insert($0) }
                leftKeys.insert(key)
            } else {
                right.insert(KeyRange(from: bytes(key), upTo: bytes(end)))
                rightKeys.formUnion(key..<end)
            }
            guard step < 60 || step % 50 == 0 else { continue }
            let isCommon = !leftKeys.isDisjoint(with: rightKeys)
            #expect(left.intersects(right) || !isCommon)
            #expect(left.intersects(right) == right.intersects(left))
            // Exact as long as nothing had to be joined.
            if step < 60 { #expect(left.intersects(right) == isCommon, "\(Seeds.again(seed))") }
            #expect(left.ranges.count <= KeyRangeSet.limit)
            for (one, other) in zip(left.ranges, left.ranges.dropFirst()) {
                #expect(
                    try #require(one.upperBound).lexicographicallyPrecedes(other.lowerBound ?? []))
            }
        }
    }

    /// Keys that are far apart stay apart when there are too many.
    @Test func theNarrowestGapsAreClosedFirst() {
        var set = KeyRangeSet()
        func insert(_ text: String) { withByteView(of: text) { set.insert($0) } }
        insert("z")
        for number in 0..<10_000 { insert("a/long/prefix/\(number)") }
        var beside = KeyRangeSet()
        withByteView(of: "m") { beside.insert($0) }
        #expect(!set.intersects(beside))
        #expect(!set.isAll)
    }
}
