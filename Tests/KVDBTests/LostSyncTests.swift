@_spi(Engine) import DatabaseTesting
@_spi(Engine) import KVDB
import StorageIO
import StorageIOTesting
import Testing

/// A sync fails and loses what was written, but readers go on seeing it in the system's cache; so does
/// the next handle, opened after the failure. Whatever that one builds on it and acknowledges, a power
/// cut takes nothing of it.
@Suite struct LostSyncTests {
    /// One run, in which one sync is lost.
    private struct Run {
        let files = CrashingFileSystem()
        let failing: Int
        var model = DatabaseModel()
        var database: SimulatedDatabase

        init(failing: Int) throws {
            self.failing = failing
            files.failedSync = SyncFailure(.none, isCached: true)
            files.fail(operation: failing, of: .sync)
            database = try Self.open(files)
        }

        /// Opens; once more when the open's own sync was the one.
        private static func open(_ files: CrashingFileSystem) throws -> SimulatedDatabase {
            do {
                return try SimulatedDatabase.open(on: files)
            } catch {
                return try SimulatedDatabase.open(on: files)
            }
        }

        var hasFailed: Bool { files.count(of: .sync) >= failing }

        mutating func commit(_ change: Change) throws {
            var next = model
            next.apply(change)
            if errorCode({ try database.write { _ = try $0.apply(change) } }) == nil {
                model = next
            } else {
                _ = errorCode { try database.close() }
                database = try Self.open(files)
                // It is there or not, and from now on that stays so.
                if try next.difference(from: database.snapshot()) == nil { model = next }
            }
            try checkCut()
        }

        mutating func reopen() throws {
            _ = errorCode { try database.close() }
            database = try Self.open(files)
            try checkCut()
        }

        /// Nothing that was not synced survives.
        func checkCut() throws {
            guard hasFailed else { return }
            try model.check(database, "open:")
            let left = files.survivors(.none)
            let recovered = try SimulatedDatabase.open(on: left)
            try model.check(recovered, "after a power cut:")
            try recovered.checkSound("after a power cut:")
        }
    }

    /// The syncs of a run in which number `failing` is lost.
    @discardableResult
    private func live(failing: Int) throws -> Int {
        var random = SeededRandom(seed: 1)
        var run = try Run(failing: failing)
        for round in 0..<24 {
            try run.commit(.put(numberKey(random.below(40)), random.bytes(700)))
            if round % 10 == 9 { try run.reopen() }
        }
        return run.files.count(of: .sync)
    }

    @Test func whatOnlyTheCacheHasIsNotTrusted() throws {
        let count = try live(failing: 1_000_000)
        #expect(count > 40)
        for number in 1...count {
            do {
                try live(failing: number)
            } catch {
                Issue.record("sync \(number) of \(count) is lost: \(error)")
            }
        }
    }
}
