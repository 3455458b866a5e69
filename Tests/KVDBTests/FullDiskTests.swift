@_spi(Engine) import DatabaseTesting
@_spi(Engine) import KVDB
import StorageIO
import StorageIOTesting
import Testing

/// What goes on when there is not a byte left ("A full disk" in Docs/Guarantees.md): puts are refused,
/// deletes and checkpoints go on and bring space back, and with room again so do puts, all in one
/// handle. On real disks, at length: `crashtest fulldisk`.
@Suite struct FullDiskTests {
    struct Setting: CustomStringConvertible {
        var logging: Bool
        var policy: CheckpointPolicy
        var capacity: UInt64

        var description: String {
            "\(logging ? "logged" : "unlogged"), \(policy), \(capacity) bytes"
        }
    }

    static let settings = [true, false].flatMap { logging in
        [CheckpointPolicy.inline, .manual].flatMap { policy in
            [130_000, 200_000, 333_333].map {
                Setting(logging: logging, policy: policy, capacity: $0)
            }
        }
    }

    @Test(arguments: settings) func deletesGoOnAndBringSpaceBack(setting: Setting) throws {
        var options = DatabaseOptions.small
        options.usesLog = setting.logging
        options.checkpointPolicy = setting.policy
        var life = FullDiskLife()
        life.files.capacity = setting.capacity
        let database = try SimulatedDatabase.open(on: life.files, options)
        let first = try life.fill(database)
        try check(first > 20, "only \(first) puts fit")
        // Not a byte is left, whatever the database has preallocated.
        let figures = try database.statistics()
        life.files.capacity = figures.fileByteCount + figures.logByteCount
        _ = try life.fill(database)
        try life.model.check(database, "on the full disk,")

        // Most, since first of all the reserve must be full again.
        try life.deleteMost(database, setting.policy)
        if setting.policy == .manual { try database.checkpoint() }
        let second = try life.fill(database)
        try check(second > 5, "deletes brought space for \(second) puts only")
        try database.checkSound("on the full disk,")

        life.files.capacity = setting.capacity + (1 << 20)
        for _ in 0..<20 { try life.put(database) }
        try database.checkpoint()
        try life.model.check(database, "with room again,")
        try database.checkSound("with room again,")
        try database.close()
        let again = try SimulatedDatabase.open(on: life.files, options)
        try life.model.check(again, "after a reopen,")
    }
}

extension FullDiskTests {
    /// Somebody else fills the disk while the log has its least size, one segment and a spare one.
    /// When a record no longer fits, only a checkpoint that lets the last segment go makes room.
    @Test(arguments: [CheckpointPolicy.inline, .manual], [8, 60, 100, 700, 1000])
    func deletesGoOnWithTheSmallestLog(policy: CheckpointPolicy, keyLength: Int) throws {
        var options = DatabaseOptions.small
        options.checkpointPolicy = policy
        options.loggedTransactionLimit = 1100
        let files = CrashingFileSystem()
        let database = try SimulatedDatabase.open(on: files, options)
        var model = DatabaseModel()
        let changes = (0..<200).map { number in
            let tail = [UInt8](repeating: 7, count: keyLength - 4)
            return Change.put(numberKey(number) + tail, [1])
        }
        // Not logged, so large.
        try database.write { transaction in
            for change in changes { _ = try transaction.apply(change) }
        }
        for change in changes { model.apply(change) }
        try check(database.statistics().logByteCount == 2 * 4096, "the log has grown")
        files.capacity = 0
        while let entry = model.main.nth(0) {
            if errorCode({ try database.delete(entry.key) }) != nil {
                try check(database.poison == nil, "poisoned by \(database.poison!)")
                if policy == .manual { try database.checkpoint() }
                try check(try database.delete(entry.key), "a key is gone")
            }
            model.apply(.delete(entry.key))
        }
        try model.check(database, "after the deletes,")
        try database.checkSound("on the full disk,")
        files.capacity = nil
        try database.close()
        try model.check(try SimulatedDatabase.open(on: files, options), "after a reopen,")
    }
}

/// One database under way.
private struct FullDiskLife {
    let files = CrashingFileSystem()
    var model = DatabaseModel()
    private var random = SeededRandom(seed: 1)
    private var next = 0

    /// Puts a new entry, whose key is anywhere.
    mutating func put(_ database: SimulatedDatabase) throws(StorageError) {
        next += 1
        let key = numberKey(next &* 40_503 & 0xFFFF)
        let value = random.bytes(300)
        try database.put(key, value)
        model.apply(.put(key, value))
    }

    /// Puts until three in a row found no space; how many did.
    mutating func fill(_ database: SimulatedDatabase) throws -> Int {
        var (count, refusals) = (0, 0)
        while refusals < 3 {
            do throws(StorageError) {
                try put(database)
                (count, refusals) = (count + 1, 0)
            } catch {
                guard error.code == .diskFull else { throw error }
                refusals += 1
                try check(database.poison == nil, "poisoned by \(database.poison!)")
                if refusals == 3 { try model.check(database, "after a refused put,") }
            }
        }
        return count
    }

    /// Deletes all but a few entries, one by one, with checkpoints between.
    mutating func deleteMost(
        _ database: SimulatedDatabase, _ policy: CheckpointPolicy
    ) throws {
        var number = 0
        while model.main.count > 10, let entry = model.main.nth(model.main.count / 2) {
            do throws(StorageError) {
                _ = try database.delete(entry.key)
            } catch {
                // At the latest after a checkpoint, which the next transaction makes itself unless
                // that is the program's task, it goes on.
                guard error.code == .diskFull else { throw error }
                try check(database.poison == nil, "poisoned by \(database.poison!)")
                if policy == .manual { try database.checkpoint() }
                _ = try database.delete(entry.key)
            }
            model.apply(.delete(entry.key))
            if number % 16 == 0 { try database.checkpoint() }
            number += 1
        }
        try model.check(database, "after deletes on the full disk,")
    }
}
