import StorageIO
import StorageIOTesting
import Testing

@_spi(Engine) @testable import KVDB

extension Table where Key == String, Value == Int {
    fileprivate static var numbers: Table { Table("numbers") }
    fileprivate static var others: Table { Table("others") }
}

/// Waits until so many tasks wait for a change.
extension Database {
    func awaitListeners(_ count: Int) async {
        while engine.core.observers.waiterCount != count { await Task.yield() }
    }
}

/// Which commits a listener is told, and when.
struct ChangesTests {
    /// The ways to keep a database that commits take different ways in.
    enum Kind: CaseIterable { case inMemory, logged, unlogged, inPlace }

    private func open(_ kind: Kind) throws -> Database {
        var options = Database.Options(checkpointPolicy: .manual)
        switch kind {
        case .inMemory: return try Database(inMemory: options)
        case .logged: break
        case .unlogged: options.usesLog = false
        case .inPlace: options.durability = .buffered
        }
        return try Database(at: "c.kvdb", files: InMemoryFileSystem(), options: options)
    }

    /// The version that `change` makes.
    private func version(
        _ database: Database, _ change: (borrowing Database.Transaction) throws -> Void
    ) throws -> Database.Version {
        try blocking {
            try database.write { transaction in
                try change(transaction)
                return transaction.version
            }
        }
    }

    /// For calls that a task must not make, and a test may.
    private func blocking<Result>(_ body: () throws -> Result) rethrows -> Result { try body() }

    @Test(arguments: Kind.allCases)
    func commitsThatTouchTheRangeAreTold(_ kind: Kind) async throws {
        let database = try open(kind)
        try blocking { try database[.numbers].put(0, for: "b") }
        let changes = database.changes(in: .numbers, "b"..<"d")
        var iterator = changes.makeAsyncIterator()
        func next() async throws -> Database.Version? { try await iterator.next()?.version }

        _ = try version(database) { try $0[.numbers].put(1, for: "a") }
        var told = try version(database) { try $0[.numbers].put(1, for: "b") }
        _ = try version(database) { try $0[.numbers].put(1, for: "d") }
        #expect(try await next() == told)
        _ = try version(database) { try $0[.others].put(1, for: "c") }
        _ = try version(database) { try $0[.numbers].delete("nothing") }
        _ = try version(database) { try $0[.numbers].delete("c") }
        told = try version(database) { try $0[.numbers].delete("b") }
        #expect(try await next() == told)
        _ = try version(database) { try $0[.numbers].delete(in: "e"..<"z") }
        _ = try version(database) { _ = try $0[.numbers].put(1, for: "bb") }
        told = try version(database) { _ = try $0[.numbers].delete(in: .all) }
        #expect(try await next() == told)
        told = try version(database) { try $0[.numbers].update("c") { $0 = 1 } }
        #expect(try await next() == told)
        told = try version(database) { try $0.drop(.numbers) }
        #expect(try await next() == told)
        try blocking {
            try database.put("1", for: "b")
            try database[.others].load([(key: "b", value: 1), (key: "c", value: 1)])
            try database.compact()
            try database.checkpoint()
            try database[.numbers].load([(key: "x", value: 1)])
        }
        // A load counts as the whole table.
        #expect(try await next() == database.version)
        try blocking { try database.close() }
        #expect(try await next() == nil)
    }

    @Test func singlePutsInPlaceAreTold() async throws {
        let database = try open(.inPlace)
        try blocking { for key in ["a", "b"] { try database.put("0", for: key) } }
        var changes = database.changes(in: .default, .from(Array("b".utf8))).makeAsyncIterator()
        try blocking {
            try database.put("1", for: "b")
            let version = try database.version
            // Held, so that the next put takes another way.
            let snapshot = try database.snapshot()
            try database.put("1", for: "a")
            withExtendedLifetime(snapshot) {}
            #expect(try database.version > version)
        }
        let version = try await changes.next()?.version
        #expect(try version.map { try $0 < database.version } == true)
        try blocking {
            let snapshot = try database.snapshot()
            try database.put("2", for: "b")
            withExtendedLifetime(snapshot) {}
        }
        #expect(try await changes.next()?.version == database.version)
    }

    @Test func anImportAndARenameTouchWholeTables() async throws {
        let files = InMemoryFileSystem()
        let database = try Database(at: "c.kvdb", files: files)
        try blocking {
            try database[.numbers].put(1, for: "a")
            try database.export(to: "e.kvdb-export")
        }
        var changes = database.changes(in: .numbers, "x"...).makeAsyncIterator()
        try blocking { _ = try database.import(from: "e.kvdb-export") }
        #expect(try await changes.next()?.version == database.version)
        var others = database.changes(in: .others).makeAsyncIterator()
        try blocking {
            let transaction = try database.engine.begin()
            try transaction.renameTable("numbers", to: "others")
            try transaction.commit()
        }
        #expect(try await changes.next()?.version == database.version)
        #expect(try await others.next()?.version == database.version)
    }

    @Test func aSlowListenerGetsTheNewestOnly() async throws {
        let database = try Database(inMemory: .init())
        var changes = database.changes().makeAsyncIterator()
        for number in 0..<100 { try await database[.numbers].put(number, for: "a") }
        #expect(try await changes.next()?.version == database.version)
        async let put: Void = database[.numbers].put(1, for: "b")
        #expect(try await changes.next()?.version.number == 101)
        try await put
    }

    @Test func eachIteratorBeginsWhereTheSequenceDid() async throws {
        let database = try Database(inMemory: .init())
        let changes = database.changes(in: .numbers)
        try await database[.numbers].put(1, for: "a")
        // What nobody takes stays.
        for _ in 0..<2 {
            var iterator = changes.makeAsyncIterator()
            #expect(try await iterator.next()?.version == database.version)
        }
        #expect(database.engine.core.observers.count == 1)
    }

    /// R3: at `full` nobody is told of a commit before it is durable.
    @Test func aCommitIsToldWhenReadersSeeIt() async throws {
        let files = CrashingFileSystem()
        let database = try Database(at: "c.kvdb", files: files)
        try await database.put("0", for: "first")
        var changes = database.changes().makeAsyncIterator()
        let gate = Gate()
        files.beforeOperation = { if $0.kind == .sync { gate.pass() } }
        async let put: Void = database.put("1", for: "key")
        await gate.awaitVisitor()
        database.engine.core.deliverChanges()
        #expect(database.engine.core.observers.readyCount == 0)
        gate.open()
        let version = try await changes.next()?.version
        #expect(try database.get("key") == [49])
        #expect(try version == database.version)
        try await put
        files.beforeOperation = nil
    }

    /// What became the head before anybody listened, and is seen afterwards, may have touched anything.
    @Test func aCommitUnderWayAtTheBeginningIsTold() async throws {
        let files = CrashingFileSystem()
        let database = try Database(at: "c.kvdb", files: files)
        try await database.put("0", for: "first")
        let gate = Gate()
        files.beforeOperation = { if $0.kind == .sync { gate.pass() } }
        async let put: Void = database.put("1", for: "key")
        await gate.awaitVisitor()
        var changes = database.changes(in: .default).makeAsyncIterator()
        #expect(try database.get("key") == nil)
        gate.open()
        #expect(try await changes.next() != nil)
        #expect(try database.get("key") == [49])
        try await put
        files.beforeOperation = nil
    }

    @Test func waitingEndsByCancellationAndClose() async throws {
        let database = try Database(inMemory: .init())
        let listeners = (0..<10).map { _ in
            let changes = database.changes(in: .numbers)
            return Task {
                var count = 0
                for try await _ in changes { count += 1 }
                return count
            }
        }
        await database.awaitListeners(10)
        for listener in listeners.prefix(5) { listener.cancel() }
        for listener in listeners.prefix(5) { #expect(try await listener.value == 0) }
        await database.awaitListeners(5)
        try await database[.numbers].put(1, for: "a")
        await database.awaitListeners(5)
        try await database.close()
        for listener in listeners.suffix(5) { #expect(try await listener.value == 1) }
        var late = database.changes().makeAsyncIterator()
        #expect(try await late.next() == nil)
    }

    @Test func aDatabaseThatIsDroppedEndsTheWait() async throws {
        var database: Database? = try Database(inMemory: .init())
        let core = try #require(database).engine.core
        let changes = try #require(database).changes()
        let listener = Task { for try await _ in changes {} }
        while core.observers.waiterCount == 0 { await Task.yield() }
        database = nil
        try await listener.value
    }

    @Test func aFailedSyncIsThrown() async throws {
        let files = CrashingFileSystem()
        let database = try Database(at: "c.kvdb", files: files)
        try await database.put("1", for: "a")
        let changes = database.changes()
        let listener = Task { for try await _ in changes {} }
        await database.awaitListeners(1)
        files.fail(operation: files.count(of: .sync) + 1, of: .sync, forever: true)
        await #expect(throws: StorageError.self) { try await database.put("2", for: "b") }
        await #expect { try await listener.value } throws: {
            ($0 as? StorageError)?.code == .inputOutput
        }
        // Those who come later are told too.
        var late = database.changes().makeAsyncIterator()
        await #expect(throws: StorageError.self) { try await late.next() }
    }

    @Test func nothingIsGatheredWhereNobodyListens() async throws {
        let database = try Database(inMemory: .init())
        do {
            var changes = database.changes().makeAsyncIterator()
            try await database.put("1", for: "a")
            #expect(database.engine.core.isObserved)
            _ = try await changes.next()
        }
        #expect(!database.engine.core.isObserved)
        try await database.put("2", for: "a")
        #expect(!database.engine.core.writer.operations.isWhole)
    }

    /// Writers on threads, listeners in tasks: each listener ends with the newest version that touched its range.
    @Test func manyListenersBesideManyWriters() async throws {
        let database = try Database(
            at: "c.kvdb", files: InMemoryFileSystem(),
            options: .init(durability: .written, syncInterval: .milliseconds(1)))
        let last = Gathering<(Int, UInt64)>()
        try await withThrowingTaskGroup { group in
            for range in 0..<8 {
                for _ in 0..<8 {
                    let changes = database.changes(in: .numbers, .prefix("\(range)/"))
                    group.addTask {
                        var seen: [UInt64] = []
                        for try await change in changes {
                            try #expect(database.version >= change.version)
                            seen.append(change.version.number)
                            guard try database[.numbers].get("\(range)/end") == nil else { break }
                        }
                        #expect(seen == seen.sorted() && Set(seen).count == seen.count)
                        last.add([(range, seen.last ?? 0)])
                    }
                }
            }
            try blocking {
                try inParallel(4) { thread in
                    for number in 0..<100 {
                        let range = number % 2 == 0 ? thread : thread + 4
                        try database[.numbers].put(number, for: "\(range)/\(number)")
                    }
                    for range in [thread, thread + 4] {
                        try database[.numbers].put(1, for: "\(range)/end")
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(last.elements.count == 64)
        #expect(database.engine.core.observers.count == 0)
    }
}
