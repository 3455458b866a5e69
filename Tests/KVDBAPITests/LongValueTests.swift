import KVDB
import StorageIO
import StorageIOTesting
import Testing

/// Values that are put and read portion by portion.
struct LongValueTests {
    private struct Undone: Error {}

    private func database(_ isInMemory: Bool) throws -> Database {
        isInMemory
            ? try Database(inMemory: .init())
            : try Database(at: "t.kvdb", files: InMemoryFileSystem())
    }

    private func bytes(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
        var random = SeededRandom(seed: seed)
        return random.bytes(count)
    }

    private func write(_ bytes: [UInt8], to writer: inout LongValueWriter) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            try writer.write(rest.prefix(70_000))
            rest = rest.dropFirst(70_000)
        }
    }

    private func failure(_ body: () throws -> Void) -> StorageError.Code? {
        do {
            try body()
            return nil
        } catch {
            return (error as? StorageError)?.code
        }
    }

    @Test(arguments: [false, true], [0, 1, 1000, 5000, 262_144, 262_145, 3_000_000])
    func whatIsPutIsRead(isInMemory: Bool, count: Int) throws {
        let database = try database(isInMemory)
        let value = bytes(count)
        let files = Table<UInt64, [UInt8]>("files")
        try database.put(for: "a", count: count) { writer in
            #expect(writer.count == count)
            try write(value, to: &writer)
            #expect(writer.writtenCount == count)
        }
        try database[files].put(for: 7, count: count) { writer in try write(value, to: &writer) }
        #expect(try database.get("a") == value)
        #expect(try database[files].get(7) == value)
        let snapshot = try database.snapshot()
        try check(snapshot.value(for: "a"), value)
        try check(database.value(for: "a"), value)
        try check(snapshot[files].value(for: 7), value)
        try database.write { transaction in
            try check(transaction.value(for: "a"), value)
            try check(transaction[files].value(for: 7), value)
        }
        let isMissing = try database.value(for: "b") == nil
        #expect(isMissing)
        #expect(try database.verify().isSound)
    }

    private func check(_ found: consuming LongValue?, _ value: [UInt8]) throws {
        guard let found else {
            Issue.record("The value is not there.")
            return
        }
        #expect(found.count == value.count)
        var whole: [UInt8] = []
        try found.forEachPortion { portion in
            whole += withByteView(of: portion) { $0.array }
        }
        #expect(whole == value)
        #expect(try found.bytes(in: -5..<Int.max) == value)
        var random = SeededRandom(seed: 2)
        for _ in 0..<10 {
            let offset = random.below(value.count + 10)
            var buffer = [UInt8](repeating: 9, count: random.below(100_000))
            var span = buffer.mutableSpan
            var raw = unsafe span.mutableBytes
            let copied = try found.read(into: &raw, at: offset)
            let expected = value.dropFirst(offset).prefix(buffer.count)
            #expect(copied == expected.count)
            #expect(buffer.prefix(copied) == expected)
            #expect(buffer.dropFirst(copied).allSatisfy { $0 == 9 })
        }
        let code = failure {
            var buffer: [UInt8] = [0]
            var span = buffer.mutableSpan
            var raw = unsafe span.mutableBytes
            _ = try found.read(into: &raw, at: -1)
        }
        #expect(code == .invalidArgument)
    }

    @Test(arguments: [false, true], [10, 300_000])
    func whatGoesWrongChangesNothing(isInMemory: Bool, count: Int) throws {
        let database = try database(isInMemory)
        try database.put("old", for: "a")
        let value = bytes(count)
        try database.write { transaction in
            try transaction.put("1", for: "before")
            #expect(throws: Undone.self) {
                try transaction.put(for: "a", count: count) { writer in
                    try writer.write(value.prefix(count / 2))
                    throw Undone()
                }
            }
            #expect(
                failure {
                    try transaction.put(for: "a", count: count) { writer in
                        try writer.write(value.dropLast())
                    }
                } == .invalidArgument)
            // Also where the body hides it.
            var refusals = 0
            #expect(
                failure {
                    try transaction.put(for: "a", count: count) { writer in
                        do {
                            try write(value + [1], to: &writer)
                        } catch {
                            refusals += (error as? StorageError)?.code == .invalidArgument ? 1 : 0
                        }
                        let rest = count - writer.writtenCount
                        try? writer.write([UInt8](repeating: 1, count: rest))
                    }
                } == .invalidArgument)
            #expect(refusals == 1)
            // Nothing else changes meanwhile, and everything is read.
            try transaction.put(for: "new", count: count) { writer in
                #expect(failure { try transaction.put("x", for: "y") } == .busy)
                #expect(failure { try transaction.put(for: "y", count: 1) { _ in } } == .busy)
                #expect(failure { try transaction.savepoint { _ in } } == .busy)
                #expect(try transaction.get("a") == Array("old".utf8))
                try writer.write(value)
            }
            #expect(
                failure { try transaction.put(for: "a", count: 1 << 30 + 1) { _ in } }
                    == .valueTooLong)
            #expect(
                failure { try transaction.put(for: "a", count: -1) { _ in } } == .invalidArgument)
            #expect(
                failure {
                    try transaction.put(for: String(repeating: "k", count: 1025), count: 1) {
                        _ in
                    }
                } == .keyTooLong)
            try transaction.put("2", for: "after")
        }
        #expect(
            failure {
                try database.put(for: "a", count: count) { _ in throw StorageError(.busy, "") }
            }
                == .busy)
        #expect(try database.keys() == ["a", "after", "before", "new"].map { Array($0.utf8) })
        #expect(try database.get("a") == Array("old".utf8))
        #expect(try database.get("new") == value)
        #expect(try database.verify().isSound)
        #expect(try database.statistics().pageCount < 200)
    }

    @Test func aSavepointGivesTheValueBack() throws {
        let database = try database(false)
        let value = bytes(600_000)
        try database.put(for: "kept", count: value.count) { writer in try writer.write(value) }
        try database.write { transaction in
            #expect(throws: Undone.self) {
                try transaction.savepoint { transaction in
                    try transaction.delete("kept")
                    try transaction.put(for: "gone", count: value.count) { writer in
                        try writer.write(value)
                    }
                    throw Undone()
                }
            }
            #expect(try transaction.get("gone") == nil)
            try check(transaction.value(for: "kept"), value)
        }
        #expect(try database.count == 1)
        #expect(try database.verify().isSound)
    }

    /// It stays at its version, whatever is committed, and in a transaction ends with the next change.
    @Test func aReaderStaysAtItsVersion() throws {
        let database = try database(false)
        for count in [700, 100_000, 900_000] {
            let (old, new) = (bytes(count), bytes(count, seed: 2))
            try database.put(for: "a", count: count) { writer in try writer.write(old) }
            try database.checkpoint()
            let found = try database.value(for: "a")
            for _ in 0..<3 {
                try database.put(for: "a", count: count) { writer in try writer.write(new) }
                try database.put(new, for: "a")
                try database.checkpoint()
            }
            try database.delete("a")
            try database.compact()
            try check(found, old)
        }
        let value = bytes(500_000)
        try database.write { transaction in
            try transaction.put(for: "a", count: value.count) { writer in
                try writer.write(value)
            }
            try transaction[Table<Int, Int>("other")].put(1, for: 1)
            let found = try transaction.value(for: "a")!
            #expect(try found.bytes(in: 5..<10) == Array(value[5..<10]))
            try transaction[Table<Int, Int>("other")].put(2, for: 2)
            #expect(try found.bytes(in: 5..<10) == Array(value[5..<10]))
            try transaction.put("b", for: "b")
            #expect(failure { _ = try found.bytes(in: 0..<1) } == .busy)
        }
    }

    @Test func aReaderOfATransactionEndsWithIt() throws {
        let database = try database(false)
        let value = bytes(500_000)
        try database.put(for: "a", count: value.count) { writer in try writer.write(value) }
        let transaction = try database.begin()
        let found = try transaction.value(for: "a")!
        transaction.abort()
        #expect(failure { _ = try found.bytes(in: 0..<1) } == .closed)
    }

    /// What a log would have to take goes to the file at once, and is durable with the commit.
    @Test(arguments: [Database.Durability.full, .written, .buffered])
    func aLongValueIsThereAfterACrash(durability: Database.Durability) throws {
        let files = CrashingFileSystem()
        let value = bytes(1_500_000)
        do {
            let database = try Database(at: "t.kvdb", files: files)
            try database.put("1", for: "before")
            let before = try database.statistics()
            try database.put(for: "a", count: value.count, durability: durability) { writer in
                try write(value, to: &writer)
            }
            let after = try database.statistics()
            #expect(after.logByteCount == before.logByteCount)
            try database.put("2", for: "after", durability: .full)
            files.crash()
        }
        let database = try Database(at: "t.kvdb", files: files.survivors(.none))
        #expect(try database.count == 3)
        try check(database.value(for: "a"), value)
        #expect(try database.verify().isSound)
    }

    @Test func anIndexedTableTakesWholeRows() throws {
        let database = try database(false)
        let length = Index<Int, [UInt8], Int>("length") { _, value in value.count }
        let blobs = Table<Int, [UInt8]>("blobs", indexes: length)
        #expect(
            failure { try database[blobs].put(for: 1, count: 1) { try $0.write([1]) } }
                == .invalidArgument)
        #expect(try database[blobs].isEmpty)
    }

    @Test func tasksPutThem() async throws {
        let database = try database(false)
        let value = bytes(400_000)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<8 {
                group.addTask {
                    try await database.put(for: [UInt8(number)], count: value.count) { writer in
                        try writer.write(value)
                    }
                }
            }
            try await group.waitForAll()
        }
        await #expect(throws: Undone.self) {
            try await database.put(for: [9], count: 1_000_000) { writer in
                try writer.write(value)
                throw Undone()
            }
        }
        #expect(try database.count == 8)
        for number in 0..<8 {
            let found = try database.value(for: [UInt8(number)])
            try check(found, value)
        }
        #expect(try await database.verify().isSound)
    }
}
