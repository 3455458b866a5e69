@_spi(Engine) import DatabaseTesting
import StorageIO
import StorageIOTesting
import Synchronization
import Testing

@_spi(Engine) @testable import KVDB

/// Who may write, who waits for whom, and what those are told who wait in vain.
@Suite struct WriterUseTests {
    private func openDatabase(timeout: Duration) throws -> SimulatedDatabase {
        var options = DatabaseOptions.manual
        options.writerTimeout = timeout
        return try SimulatedDatabase.open("a.db", files: CrashingFileSystem(), options: options)
    }

    /// A closure can't wait for what it holds itself, so it is told at once, whatever the timeout.
    @Test func insideAClosureEverythingElseIsBusy() throws {
        let database = try openDatabase(timeout: .seconds(86_400))
        try database.write { transaction in
            try transaction.put("a", "1")
            #expect(errorCode { try database.put("a", "2") } == .busy)
            #expect(errorCode { _ = try database.delete("a") } == .busy)
            #expect(errorCode { _ = try database.deleteRange(.all) } == .busy)
            #expect(errorCode { try database.begin().abort() } == .busy)
            #expect(errorCode { try database.write { _ in } } == .busy)
            #expect(errorCode { try database.checkpoint() } == .busy)
            #expect(errorCode { _ = try database.verify() } == .busy)
            #expect(errorCode { _ = try database.compact() } == .busy)
            #expect(errorCode { try database.close() } == .busy)
        }
        #expect(try database.get("a") == Array("1".utf8))
        try database.close()
    }

    /// The error names the place where the transaction in the way was begun.
    @Test func aWaitInVainNamesTheHolder() throws {
        let database = try openDatabase(timeout: .milliseconds(1))
        let transaction = try database.begin(file: "App/Import.swift", line: 17)
        for (what, call) in [
            ("put", { () throws(StorageError) in try database.put("a", "1") }),
            ("delete", { () throws(StorageError) in _ = try database.delete("a") }),
            ("begin", { () throws(StorageError) in try database.begin().abort() }),
            ("checkpoint", { () throws(StorageError) in try database.checkpoint() }),
            ("verify", { () throws(StorageError) in _ = try database.verify() }),
        ] as [(String, () throws(StorageError) -> Void)] {
            let error = #expect(throws: StorageError.self) { try call() }
            #expect(error?.code == .timedOut, "\(what)")
            #expect(error?.path == "a.db", "\(what)")
            #expect(
                error?.message.contains("for 0 s, begun at App/Import.swift:17.") == true,
                "\(what): \(error?.message ?? "nothing")")
        }
        transaction.abort()
        try database.put("a", "1")
        try database.close()
    }

    /// A closure that waits for another thread's names that one too.
    @Test func aClosureIsNamedByItsCall() throws {
        let database = try openDatabase(timeout: .seconds(60))
        let isInside = Atomic(false)
        let isOver = Atomic(false)
        try inParallel(2) { thread in
            if thread == 0 {
                try database.write(file: "App/Long.swift", line: 3) { _ in
                    isInside.store(true, ordering: .releasing)
                    while !isOver.load(ordering: .acquiring) { System.yield() }
                }
                return
            }
            defer { isOver.store(true, ordering: .releasing) }
            while !isInside.load(ordering: .acquiring) { System.yield() }
            do {
                try database.write(timeout: .zero) { _ in }
            } catch let error as StorageError {
                try check(error.code == .timedOut, "\(error)")
                try check(error.message.contains("App/Long.swift:3."), error.message)
                return
            }
            throw Mismatch("two writers at once")
        }
    }

    /// Code that keeps a transaction and goes on on other threads, one after the other, is no other writer.
    @Test func aTransactionBelongsToNoThread() throws {
        let database = try openDatabase(timeout: .seconds(60))
        let core = database.core
        let holder = TokenHolder(try core.begin(.transaction("App/Task.swift", 1)))
        for number in 0..<3 {
            try inParallel(1) { _ in
                try withByteView(of: numberKey(number)) { key throws(StorageError) in
                    try core.put(key, key)
                }
            }
        }
        try inParallel(1) { _ in try core.commit(holder.take(), .full) }
        #expect(try database.count() == 3)
        try database.close()
    }

    /// Two databases in opposite order: each waits for the other's, and both are told.
    @Test func oppositeOrdersEndByTheLimit() throws {
        let databases = try (0..<2).map { _ in try openDatabase(timeout: .milliseconds(50)) }
        let begun = Atomic(0)
        let outcomes = Gathering<StorageError.Code?>()
        try inParallel(2) { thread in
            try databases[thread].write { _ in
                begun.add(1, ordering: .acquiringAndReleasing)
                while begun.load(ordering: .acquiring) < 2 { System.yield() }
                outcomes.add([errorCode { try databases[1 - thread].put("a", "1") }])
            }
        }
        #expect(outcomes.elements.contains(.timedOut))
        for database in databases { try database.close() }
    }
}

/// Keeps a transaction's token for whichever thread ends it.
private final class TokenHolder: @unchecked Sendable {
    // Sendable: one thread after the other.
    private var token: WriterToken?

    init(_ token: consuming WriterToken) { self.token = consume token }

    func take() -> WriterToken { token.take()! }
}
