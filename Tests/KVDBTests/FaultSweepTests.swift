@_spi(Engine) import DatabaseTesting
import PageStore
import StorageIO
import StorageIOTesting
import Testing
import WAL

@_spi(Engine) @testable import KVDB

/// A script of everything a database does, with one operation of its files failing.
@Suite struct FaultSweepTests {
    /// What the script's commits came to.
    private struct Outcome {
        /// The state after the last acknowledged commit.
        var state: [String: [UInt8]] = [:]
        /// The state with the commit that failed, when a reopen may show it.
        var uncertain: [String: [UInt8]]?
        var isPoisoned = false
        var refusals = 0
    }

    private var options: DatabaseOptions {
        var options = DatabaseOptions.small
        options.loggedTransactionLimit = 20_000
        return options
    }

    private func content(_ database: SimulatedDatabase) throws -> [String: [UInt8]] {
        var content: [String: [UInt8]] = [:]
        let snapshot = try database.snapshot()
        try snapshot.forEach { key, value in
            content["/" + String(decoding: key.array, as: UTF8.self)] = value.array
            return true
        }
        for name in try snapshot.tableNames() {
            content["\(name)/"] = []
            try snapshot.forEach(table: name) { key, value in
                content["\(name)/" + String(decoding: key.array, as: UTF8.self)] = value.array
                return true
            }
        }
        return content
    }

    /// Runs the script, and goes on after every refusal for as long as the handle does.
    private func run(_ files: CrashingFileSystem) throws -> Outcome {
        var outcome = Outcome()
        var random = SeededRandom(seed: 3)
        let database: SimulatedDatabase
        do throws(StorageError) {
            database = try SimulatedDatabase.open("a.db", files: files, options: options)
        } catch {
            return outcome
        }
        for step in 0..<24 {
            var next = outcome.state
            var isCommitting = false
            do throws(StorageError) {
                let transaction = try database.begin()
                // Every sixth is too large for the log.
                for _ in 0..<(step % 6 == 5 ? 60 : 6) {
                    let key = "key\(Int.random(in: 0..<80, using: &random))"
                    let size = [3, 200, 900, 1500, 9000].randomElement(using: &random)!
                    let value = [UInt8](repeating: UInt8(step), count: size)
                    if Int.random(in: 0..<4, using: &random) == 0 {
                        try transaction.delete(key)
                        next["/" + key] = nil
                    } else {
                        try transaction.put(key, value)
                        next["/" + key] = value
                    }
                }
                if step % 4 == 1 {
                    try transaction.put("k", "v\(step)", table: "table")
                    next["table/"] = []
                    next["table/k"] = Array("v\(step)".utf8)
                }
                if step % 8 == 7 {
                    try transaction.dropTable("table")
                    next = next.filter { !$0.key.hasPrefix("table/") }
                }
                isCommitting = true
                try transaction.commit()
                outcome.state = next
            } catch {
                outcome.refusals += 1
                if database.poison != nil {
                    if isCommitting { outcome.uncertain = next }
                    outcome.isPoisoned = true
                    break
                }
            }
            if step == 12 || step == 20 {
                do throws(StorageError) {
                    try database.compact()
                } catch {
                    outcome.refusals += 1
                }
            }
            try expect(database, outcome, "step \(step)")
        }
        do throws(StorageError) { try database.close() } catch { outcome.refusals += 1 }
        return outcome
    }

    /// Reads go on from the last published state; where a read fails, that is all that happens.
    private func expect(_ database: SimulatedDatabase, _ outcome: Outcome, _ what: String) throws {
        let seen: [String: [UInt8]]
        do {
            seen = try content(database)
        } catch let error as StorageError {
            // A failed sync may have taken what was written and evicted.
            let isPoisoned = database.poison != nil
            #expect(error.code == .inputOutput || isPoisoned, "\(what): \(error)")
            return
        }
        #expect(seen == outcome.state, "\(what)")
    }

    private func check(_ files: CrashingFileSystem, _ outcome: Outcome, _ what: String) throws {
        for survival in [Survival.none, .all] {
            let left = files.survivors(survival)
            guard left.paths.contains("a.db") else {
                #expect(outcome.state.isEmpty, "\(what)")
                continue
            }
            let again = try SimulatedDatabase.open("a.db", files: left, options: options)
            let content = try content(again)
            #expect(
                content == outcome.state || content == outcome.uncertain, "\(what), \(survival)")
            #expect(try again.verify().findings.isEmpty, "\(what), \(survival)")
            try again.put("it", "goes on")
        }
    }

    @Test func anyOperationMayFailOnce() throws {
        // R4, R5 and section 7 of the architecture.
        let count: Int
        do {
            let files = CrashingFileSystem()
            let outcome = try run(files)
            #expect(outcome.refusals == 0)
            try check(files, outcome, "no fault")
            count = files.operationCount
        }
        // Every one takes minutes; the stride meets each kind of operation and each step.
        for number in stride(from: 1, through: count, by: 61) {
            let files = CrashingFileSystem()
            files.fail(operation: number)
            try check(files, try run(files), "fault at \(number) of \(count)")
        }
    }

    @Test func aFullDiskIsNoReasonToStop() throws {
        // Disk full before the commit point: that transaction fails, the database goes on.
        var count = 0
        do {
            let files = CrashingFileSystem()
            _ = try run(files)
            count = files.count(of: .preallocate)
        }
        #expect(count > 10)
        for forever in [false, true] {
            for number in stride(from: 1, through: count, by: 9) {
                let files = CrashingFileSystem()
                files.fail(operation: number, of: .preallocate, with: .diskFull, forever: forever)
                let outcome = try run(files)
                #expect(!outcome.isPoisoned, "disk full at \(number), \(forever)")
                files.clearFaults()
                try check(files, outcome, "disk full at \(number), \(forever)")
            }
        }
    }
}
