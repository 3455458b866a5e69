import StorageIO
import StorageIOTesting
import Testing

@_spi(Engine) @testable import KVDB

/// A handle that gives its files back for a while.
struct SuspensionTests {
    private let folder: TemporaryDirectory
    private let path: String

    init() throws {
        folder = try TemporaryDirectory()
        path = folder.file("s.kvdb")
    }

    private func open(_ access: Database.Options.Access = .readWrite) throws -> Database {
        try Database(at: path, options: .init(access: access))
    }

    private func code(_ body: () throws -> Void) -> StorageError.Code? {
        do { try body() } catch { return (error as? StorageError)?.code }
        return nil
    }

    @Test func othersMayReadMeanwhile() throws {
        let database = try open(.create)
        try database.put("1", for: "a", durability: .buffered)
        #expect(code { _ = try open(.readOnly) } == .locked)
        try database.suspend()
        try database.suspend()
        #expect(database.isSuspended)
        let other = try open(.readOnly)
        #expect(try other.get("a") == [49])
        // It stays suspended as long as somebody else is there.
        #expect(code { try database.resume() } == .locked)
        #expect(database.isSuspended)
        try other.close()
        try database.resume()
        try database.resume()
        #expect(!database.isSuspended)
        #expect(code { _ = try open(.readOnly) } == .locked)
        try database.put("2", for: "b")
        try database.suspend()
        try database.resume()
        #expect(try database.verify().isSound)
        try database.close()
        let again = try open()
        #expect(try again.get("a") == [49] && again.get("b") == [50])
    }

    @Test(arguments: [false, true]) func whatAnotherHasWrittenIsNotMixedUp(_ writes: Bool) throws {
        let database = try open(.create)
        for number in 0..<100 { try database.put("old", for: "\(number)") }
        let snapshot = try database.snapshot()
        try database.suspend()
        let other = try open()
        if writes { try other.put("new", for: "7") }
        try other.close()
        #expect(code { try database.resume() } == .closed)
        #expect(code { _ = try database.get("7") } == .closed)
        #expect(code { try database.put("1", for: "a") } == .closed)
        try database.close()
        withExtendedLifetime(snapshot) {}
        let again = try open()
        #expect(try again.get("7") == Array((writes ? "new" : "old").utf8))
        #expect(try again.verify().isSound)
    }

    /// Another file under the name is none of the handle's, whatever is in it.
    @Test func aCopyInItsPlaceIsNotTakenForIt() throws {
        let files = CrashingFileSystem()
        let database = try Database(at: "s.kvdb", files: files)
        try database.put("1", for: "a")
        try database.suspend()
        try files.remove("s.kvdb")
        #expect(code { try database.resume() } == .fileNotFound)
        #expect(database.isSuspended)
        try database.close()
    }

    @Test func writesWaitAndReadsNeedNoFile() async throws {
        let database = try open(.create)
        let value = [UInt8](repeating: 1, count: 100_000)
        try await database.put(value, for: "big")
        try await database.put("1", for: "a")
        try await database.suspend()
        #expect(try database.get("a") == [49])
        try database.trim(to: 0)
        #expect(throws: StorageError.self) { try database.get("big") }
        do {
            try await database.write(timeout: .zero) { _ in }
            Issue.record("Nothing is written while it is suspended.")
        } catch let error as StorageError {
            #expect(error.code == .timedOut && "\(error)".contains("suspended"))
        }
        var changes = database.changes().makeAsyncIterator()
        async let put: Void = database.put("2", for: "a")
        while database.engine.core.queue.count == 0 { await Task.yield() }
        #expect(database.engine.core.observers.readyCount == 0)
        try await database.resume()
        try await put
        #expect(try await changes.next()?.version == database.version)
        #expect(try database.get("big") == value && database.get("a") == [50])
        try await database.close()
    }

    @Test func aSuspendedDatabaseClosesAndLosesNothing() throws {
        let files = CrashingFileSystem()
        var database: Database? = try Database(at: "s.kvdb", files: files)
        try database?.put("1", for: "a", durability: .buffered)
        try database?.suspend()
        // Killed, or without power.
        for left in [files.afterKill(), files.survivors(seed: 1)] {
            let again = try Database(at: "s.kvdb", files: left)
            #expect(try again.get("a") == [49])
        }
        try database?.close()
        #expect(code { try database?.resume() } == .closed)
        database = try Database(at: "s.kvdb", files: files)
        try database?.put("2", for: "b")
        try database?.suspend()
        // Dropped while it is suspended.
        database = nil
        let again = try Database(at: "s.kvdb", files: files)
        #expect(try again.get("a") == [49] && again.get("b") == [50])
        try again.suspend()
        try again.resume()
        try again.close()
    }

    @Test func aSuspensionWaitsForNobodyThatItIsInside() throws {
        let database = try open(.create)
        try database.write { _ in #expect(code { try database.suspend() } == .busy) }
        #expect(!database.isSuspended)
        try database.put("1", for: "a")
        let memory = try Database(inMemory: .init())
        try memory.suspend()
        #expect(!memory.isSuspended)
        try memory.put("1", for: "a")
        try memory.resume()
    }

    /// The file operations of a suspension fail one after the other: then all is as before, or it can be tried again.
    @Test func aSuspensionThatFailsLeavesAWorkingOrAPoisonedHandle() throws {
        for kind in [FileOperation.Kind.sync, .write, .open, .read] {
            let files = CrashingFileSystem()
            let database = try Database(at: "s.kvdb", files: files)
            try database.put("1", for: "a")
            files.fail(operation: files.count(of: kind) + 1, of: kind)
            let isRefused = code { try database.suspend() } != nil
            if !isRefused {
                files.fail(operation: files.count(of: kind) + 1, of: kind)
                do { try database.resume() } catch { #expect(database.isSuspended) }
                try database.resume()
            }
            #expect(!database.isSuspended)
            #expect(try database.get("a") == [49])
            if database.failure == nil { try database.put("2", for: "b") }
            do { try database.close() } catch {}
            let again = try Database(at: "s.kvdb", files: files)
            #expect(try again.get("a") == [49])
        }
    }
}
