import StorageIO
import StorageIOTesting
import Synchronization
import Testing

@_spi(Engine) @testable import KVDB

extension Database {
    /// Waits until that many writes of tasks are in the queue.
    fileprivate func awaitQueued(_ count: Int) async {
        while engine.core.queue.count != count { await Task.yield() }
    }
}

/// A door that a thread waits at until a test opens it.
final class Gate: Sendable {
    private let isOpened = Guarded(false)
    private let opened = Condition()
    private let visitors = Atomic(0)

    /// Waits until it is open.
    func pass() {
        visitors.add(1, ordering: .releasing)
        isOpened.withLock(after: opened, while: { !$0 }) { _ in }
    }

    /// How many have come so far.
    var visitorCount: Int { visitors.load(ordering: .acquiring) }

    /// Waits until somebody has come.
    func awaitVisitor() async { while visitorCount == 0 { await Task.yield() } }

    /// Lets everybody through.
    func open() {
        isOpened.withLock {
            $0 = true
            opened.broadcast()
        }
    }
}

/// A number that tasks and threads share.
final class Counter: Sendable {
    private let number: Atomic<Int>

    init(_ number: Int = 0) { self.number = Atomic(number) }

    var value: Int { number.load(ordering: .acquiring) }

    func add(_ change: Int) { number.add(change, ordering: .acquiringAndReleasing) }
}

/// The writes of tasks: what they wait for, in which order they run, and how they end.
struct AsyncWriteTests {
    private func open(
        _ files: CrashingFileSystem, _ options: Database.Options = .init()
    ) throws -> Database {
        try Database(at: "a.kvdb", files: files, options: options)
    }

    /// Holds the database's writer until the gate is open, on a thread of its own.
    private func holdWriter(_ database: Database, _ gate: Gate) throws -> SystemThread {
        try SystemThread {
            do { try database.write { _ in gate.pass() } } catch { Issue.record(error) }
        }
    }

    @Test func writesOfManyTasksShareTheSyncs() async throws {
        let files = CrashingFileSystem()
        let database = try open(files)
        try await database.put("0", for: "first")
        let tasks = 200
        let rounds = 10
        let running = Counter(tasks)
        // Each sync lasts until all the other tasks wait in the queue.
        let core = database.engine.core
        files.beforeOperation = { operation in
            guard operation.kind == .sync else { return }
            while core.queue.count + core.queue.begunCount < running.value {
                System.yield()
            }
        }
        let before = files.count(of: .sync)
        try await withThrowingTaskGroup { group in
            for task in 0..<tasks {
                group.addTask {
                    for round in 0..<rounds {
                        try await database.put("\(task)", for: "\(task)/\(round)")
                        // The task has gone on because it is durable and published.
                        #expect(try database.get("\(task)/\(round)") == Array("\(task)".utf8))
                    }
                    running.add(-1)
                }
            }
            try await group.waitForAll()
        }
        files.beforeOperation = nil
        let syncs = files.count(of: .sync) - before
        #expect(syncs <= 40, "\(syncs) syncs for \(tasks * rounds) puts")
        #expect(try database.count == tasks * rounds + 1)
        // Each was a version of its own.
        #expect(try database.version.number >= UInt64(tasks * rounds + 1))
        try await database.close()
    }

    @Test func nobodySeesACommitAtFullBeforeItIsDurable() async throws {
        let files = CrashingFileSystem()
        let database = try open(files)
        try await database.put("0", for: "first")
        let gate = Gate()
        files.beforeOperation = { if $0.kind == .sync { gate.pass() } }
        async let put: Void = database.put("1", for: "key")
        await gate.awaitVisitor()
        // Others may publish what is ready meanwhile.
        database.engine.core.publishReady()
        #expect(try database.get("key") == nil)
        gate.open()
        try await put
        #expect(try database.get("key") == [49])
        files.beforeOperation = nil
    }

    @Test func theyRunInTheOrderInWhichTheyCame() async throws {
        let database = try Database(inMemory: .init())
        let gate = Gate()
        let holder = try holdWriter(database, gate)
        await gate.awaitVisitor()
        let order = Gathering<UInt64>()
        try await withThrowingTaskGroup { group in
            for number in 0..<50 {
                group.addTask {
                    let version = try await database.write { transaction in
                        order.add([UInt64(number)])
                        try transaction.put("\(number)", for: "last")
                        return transaction.version
                    }
                    #expect(try database.version >= version)
                }
                await database.awaitQueued(number + 1)
            }
            gate.open()
            try await group.waitForAll()
        }
        holder.join()
        #expect(order.elements == Array(0..<50))
        #expect(try database.get("last") == Array("49".utf8))
    }

    private struct Refusal: Error {}

    @Test func aBodyThatThrowsAbortsItsOwnTransactionAlone() async throws {
        let database = try open(CrashingFileSystem())
        let gate = Gate()
        let holder = try holdWriter(database, gate)
        await gate.awaitVisitor()
        async let before: Void = database.put("1", for: "before")
        await database.awaitQueued(1)
        let refused = Task {
            try await database.write { transaction in
                try transaction.put("1", for: "refused")
                throw Refusal()
            }
        }
        await database.awaitQueued(2)
        async let after: Bool = database.write { transaction in
            try transaction.put("1", for: "after")
            return try transaction.contains("refused")
        }
        await database.awaitQueued(3)
        gate.open()
        try await before
        await #expect(throws: Refusal.self) { try await refused.value }
        #expect(try await !after)
        holder.join()
        #expect(
            try database.keys().map { String(decoding: $0, as: UTF8.self) } == ["after", "before"])
    }

    @Test func whatABodyReturnsMayHoldTheDatabase() async throws {
        let files = CrashingFileSystem()
        var database: Database? = try open(files)
        var snapshot = try await database?.write { [database] transaction in
            try transaction.put("1", for: "key")
            return try database?.snapshot()
        }
        #expect(try snapshot?.get("key") == nil)
        database = nil
        snapshot = nil
        // The last use has closed it, so the file is free.
        #expect(try open(files).get("key") == [49])
    }
}

// How writes end early.
extension AsyncWriteTests {
    @Test func aCancelledWriteThatHasNotBegunLeavesTheQueue() async throws {
        let database = try open(CrashingFileSystem())
        let gate = Gate()
        let holder = try holdWriter(database, gate)
        await gate.awaitVisitor()
        let runs = Gathering<Int>()
        let write = Task { try await database.write { _ in runs.add([1]) } }
        async let other: Void = database.put("1", for: "other")
        await database.awaitQueued(2)
        write.cancel()
        // It is over although the writer is not free yet.
        await #expect(throws: CancellationError.self) { try await write.value }
        #expect(database.engine.core.queue.count == 1)
        gate.open()
        try await other
        holder.join()
        #expect(runs.elements.isEmpty)
        let late = Task {
            while !Task.isCancelled { await Task.yield() }
            try await database.put("1", for: "late")
        }
        late.cancel()
        await #expect(throws: CancellationError.self) { try await late.value }
        #expect(try database.keys() == [Array("other".utf8)])
    }

    @Test func aCancelledWriteThatHasBegunEndsAsItWould() async throws {
        let database = try open(CrashingFileSystem())
        let gate = Gate()
        let write = Task {
            try await database.write { transaction in
                try transaction.put("1", for: "key")
                gate.pass()
                return 7
            }
        }
        await gate.awaitVisitor()
        write.cancel()
        gate.open()
        #expect(try await write.value == 7)
        #expect(try database.get("key") == [49])
    }

    @Test func aWriteThatCannotBeginInTimeNamesWhoIsInTheWay() async throws {
        let database = try open(CrashingFileSystem())
        // Nobody is in the way.
        for round in 0..<20 {
            try await database.write(timeout: .zero) { try $0.put("1", for: "\(round)") }
        }
        let gate = Gate()
        let holder = try holdWriter(database, gate)
        await gate.awaitVisitor()
        async let patient: Void = database.put("1", for: "patient")
        // By now the queue's thread waits for the patient one's time.
        while database.engine.core.writerLock.waiterCount == 0 { await Task.yield() }
        let error = await #expect(throws: StorageError.self) {
            try await database.write(timeout: .zero) { try $0.put("1", for: "hasty") }
        }
        #expect(error?.code == .timedOut)
        #expect("\(error.map(String.init(describing:)) ?? "")".contains("AsyncWriteTests.swift"))
        #expect(database.engine.core.queue.count == 1)
        gate.open()
        try await patient
        holder.join()
        #expect(try !database.contains("hasty"))
    }

    @Test func closingEndsThoseThatHaveBegunAndRefusesThoseThatWait() async throws {
        let files = CrashingFileSystem()
        let database = try open(files)
        try await database.put("0", for: "first")
        let gate = Gate()
        files.beforeOperation = { if $0.kind == .sync { gate.pass() } }
        async let begun: Void = database.put("1", for: "begun")
        await gate.awaitVisitor()
        let waiting = (0..<3).map { number in
            Task { try await database.put("1", for: "waiting \(number)") }
        }
        await database.awaitQueued(3)
        let closer = try SystemThread {
            do { try database.close() } catch { Issue.record(error) }
        }
        for write in waiting {
            let error = await #expect(throws: StorageError.self) { try await write.value }
            #expect(error?.code == .closed)
        }
        gate.open()
        try await begun
        closer.join()
        files.beforeOperation = nil
        let error = await #expect(throws: StorageError.self) { try await database.put("", for: "") }
        #expect(error?.code == .closed)
        #expect(try open(files).keys().count == 2)
    }

    @Test func aFailedSyncIsTheErrorOfAllThatWaitForIt() async throws {
        let files = CrashingFileSystem()
        let database = try open(files)
        try await database.put("0", for: "first")
        files.fail(operation: files.count(of: .sync) + 1, of: .sync)
        let gate = Gate()
        let holder = try holdWriter(database, gate)
        await gate.awaitVisitor()
        let writes = (0..<5).map { number in
            Task { try await database.put("1", for: "\(number)") }
        }
        await database.awaitQueued(5)
        gate.open()
        for write in writes {
            await #expect(throws: StorageError.self) { try await write.value }
        }
        holder.join()
        #expect(database.failure != nil)
        #expect(try database.keys().count == 1)
        let error = await #expect(throws: StorageError.self) { try await database.put("", for: "") }
        #expect(error?.code == .poisoned)
        #expect(throws: StorageError.self) { try database.closeNow() }
        files.clearFaults()
        #expect(try open(files).contains("first"))
    }

    @Test func blockingWritersGoOnBesideThem() async throws {
        let files = CrashingFileSystem()
        let database = try open(files)
        let threads = try (0..<4).map { thread in
            try SystemThread {
                do {
                    for round in 0..<50 { try database.put("", for: "t \(thread) \(round)") }
                } catch { Issue.record(error) }
            }
        }
        try await withThrowingTaskGroup { group in
            for task in 0..<20 {
                group.addTask {
                    for round in 0..<10 {
                        let level = [Database.Durability.full, .written, .buffered][round % 3]
                        try await database.put("", for: "a \(task) \(round)", durability: level)
                    }
                }
            }
            try await group.waitForAll()
        }
        for thread in threads { thread.join() }
        #expect(try database.count == 400)
        try database.closeNow()
        #expect(try open(files).count == 400)
    }
}

extension Database {
    /// The blocking close, where an asynchronous one is there too.
    fileprivate func closeNow() throws { try close() }
}
