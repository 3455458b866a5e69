@_spi(Engine) import DatabaseTesting
@_spi(Engine) import KVDB
import StorageIO
import StorageIOTesting
import Testing

/// The log comes into being with the first commit that needs it ("Opening" in Docs/Architecture.md).
@Suite struct LogStartTests {
    private static let path = "a.db"
    private static var log: String { SimulatedDatabase.logPath(of: path) }

    /// How the first commit after opening goes to the files.
    enum FirstCommit: CaseIterable, Sendable {
        case logged, byCheckpoint, withoutLog

        var options: DatabaseOptions {
            var options = DatabaseOptions()
            options.checkpointPolicy = .manual
            options.logSegmentSize = 4096
            options.usesLog = self != .withoutLog
            if self == .byCheckpoint { options.loggedTransactionLimit = 0 }
            return options
        }
    }

    /// A new database, or one that was closed after a commit in its log.
    private func prepare(isUsed: Bool) throws -> CrashingFileSystem {
        let files = CrashingFileSystem()
        let database = try SimulatedDatabase.open(
            Self.path, files: files, options: FirstCommit.logged.options)
        if isUsed { try database.put("before", "v") }
        try database.close()
        return files
    }

    /// How many operations changed something. Not among them: the sync of the directory, with which a file that was
    /// never written to makes its name durable.
    private func changes(_ files: CrashingFileSystem) -> Int {
        files.count(of: [.write, .sync, .truncate, .preallocate, .remove, .rename])
    }

    @Test(arguments: [false, true])
    func openingWithoutAChangeLeavesNoTrace(isUsed: Bool) throws {
        let files = try prepare(isUsed: isUsed)
        let before = changes(files)
        let database = try SimulatedDatabase.open(
            Self.path, files: files, options: DatabaseOptions())
        #expect(try database.contains("before") == isUsed)
        try database.checkpoint()
        let transaction = try database.begin()
        _ = try transaction.delete("absent")
        try transaction.commit()
        try database.close()
        #expect(changes(files) == before)
        #expect(try !files.exists(Self.log))
    }

    /// Opens, and crashes at an operation after that; whether the first commit was acknowledged.
    private func commit(
        on files: CrashingFileSystem, _ kind: FirstCommit, crashingAt operation: Int
    ) throws -> Bool {
        let database = try SimulatedDatabase.open(Self.path, files: files, options: kind.options)
        files.crash(at: files.operationCount + operation)
        var isAcknowledged = false
        do throws(StorageError) {
            try database.put("k", "v")
            isAcknowledged = true
            // Another one meets a superblock that a crash cut off.
            try database.put("l", "w")
        } catch {
            try #require(files.hasCrashed)
        }
        return isAcknowledged
    }

    /// R3, R4: no superblock says that a log is in use before it is there.
    @Test(arguments: [false, true], FirstCommit.allCases)
    func r4ACrashAtEveryOperationOfTheFirstCommit(isUsed: Bool, kind: FirstCommit) throws {
        var operation = 0
        var isDone = false
        while !isDone {
            operation += 1
            let files = try prepare(isUsed: isUsed)
            let isAcknowledged = try commit(on: files, kind, crashingAt: operation)
            isDone = !files.hasCrashed
            for seed in 0..<8 {
                let left = files.survivors(seed: UInt64(seed))
                let database = try SimulatedDatabase.open(
                    Self.path, files: left, options: kind.options)
                #expect(try database.contains("before") == isUsed)
                if isAcknowledged { #expect(try database.contains("k")) }
                try database.put("k", "w")
                #expect(try database.verify().isSound)
            }
        }
        #expect(operation > 5)
    }

    /// Like any full disk before the point of commit; reading goes on, and so does writing later.
    @Test(arguments: [false, true], FirstCommit.allCases)
    func aFullDiskAtTheFirstCommit(isUsed: Bool, kind: FirstCommit) throws {
        let files = try prepare(isUsed: isUsed)
        let database = try SimulatedDatabase.open(
            Self.path, files: files, options: kind.options)
        // Enough for the pages, not for two segments.
        let file = try files.open(Self.path, .readOnly)
        files.capacity = try file.size() + 4096
        file.close()
        let refused = #expect(throws: StorageError.self) { try database.put("k", "v") }
        #expect(refused?.code == .diskFull)
        #expect(database.poison == nil)
        #expect(try database.get("k") == nil)
        #expect(try database.contains("before") == isUsed)
        files.capacity = nil
        try database.put("k", "v")
        #expect(try SimulatedDatabase.open(Self.path, files: files.survivors(.none)).contains("k"))
        try database.close()
        #expect(try !files.exists(Self.log))
    }

    /// R3: a creator that was killed may have left the data file with a name that is not durable.
    @Test(arguments: FirstCommit.allCases)
    func r3TheFirstCommitMakesTheDataFilesNameDurable(kind: FirstCommit) throws {
        let files = CrashingFileSystem()
        files.fail(operation: 1, of: .syncDirectory)
        #expect(throws: StorageError.self) {
            _ = try SimulatedDatabase.open(Self.path, files: files, options: kind.options)
        }
        files.clearFaults()
        let database = try SimulatedDatabase.open(
            Self.path, files: files, options: kind.options)
        try database.put("k", "v")
        #expect(try SimulatedDatabase.open(Self.path, files: files.survivors(.none)).contains("k"))
    }

    /// A call of the first commit fails: either nothing has happened and the next one works, or the
    /// handle is poisoned.
    @Test(arguments: FirstCommit.allCases)
    func aFailureAtEveryOperationOfTheFirstCommit(kind: FirstCommit) throws {
        var operation = 0
        var isDone = false
        while !isDone {
            operation += 1
            let files = try prepare(isUsed: true)
            let database = try SimulatedDatabase.open(
                Self.path, files: files, options: kind.options)
            files.fail(operation: files.operationCount + operation)
            do throws(StorageError) {
                try database.put("k", "v")
                isDone = true
            } catch {
                #expect(error.code == .inputOutput || error.code == .poisoned)
                files.clearFaults()
                if database.poison == nil { try database.put("k", "v") }
            }
            files.clearFaults()
            let isCommitted = database.poison == nil
            try? database.close()
            let again = try SimulatedDatabase.open(Self.path, files: files.survivors(.none))
            #expect(try again.contains("before"))
            if isCommitted { #expect(try again.contains("k")) }
        }
        #expect(operation > 5)
    }

    /// A superblock cut off at the first commit is no loss while the log is there, so a close that has
    /// nothing else to write makes it good before the log goes.
    @Test func aCloseLeavesNoDamagedSuperblockWithoutALog() throws {
        let files = try prepare(isUsed: true)
        let cut = Cut()
        let database = try SimulatedDatabase.open(
            Self.path, files: files, options: FirstCommit.logged.options)
        files.beforeOperation = { [unowned files] operation in
            guard operation.kind == .write, operation.path == Self.path else { return }
            cut.take(files, operation.offset)
        }
        try database.put("after", "v")
        files.beforeOperation = nil
        let left = try #require(cut.files)
        let slot = try left.open(Self.path, .readWrite)
        try unsafe [UInt8](repeating: 0xA5, count: 4096).withUnsafeBytes {
            try unsafe slot.write($0, at: cut.offset)
        }
        try slot.sync()
        slot.close()
        for _ in 0..<3 {
            let reopened = try SimulatedDatabase.open(
                Self.path, files: left, options: FirstCommit.logged.options)
            #expect(try reopened.contains("before"))
            try reopened.close()
        }
    }

    /// The files before the first write of a superblock.
    private final class Cut: @unchecked Sendable {
        // Sendable: one thread uses it.
        var files: CrashingFileSystem?
        var offset: UInt64 = 0

        func take(_ files: CrashingFileSystem, _ offset: UInt64) {
            guard self.files == nil else { return }
            self.files = files.survivors(.all)
            self.offset = offset
        }
    }
}
