import DatabaseTesting
import StorageIO
import StorageIOTesting
import Testing

@testable import KVDB

// Logs that are cut, lost, damaged, or full of what lay on the medium before.
extension EvidenceTests {
    /// Commits in a log of several segments, all of them durable, as a killed process leaves them.
    func buildLog() throws -> [UInt8] {
        let database = try SimulatedDatabase.open("test.db", files: files, options: options)
        for number in 0..<60 {
            try database.put(numberKey(number), [UInt8](repeating: 7, count: 300))
        }
        let data = try bytes("test.db")
        let log = try bytes("test.db-wal")
        try database.close()
        try write(data)
        return log
    }

    @Test func aCutLogIsNamedAndNoSalvageOfItIsComplete() throws {
        let log = try buildLog()
        try write(Array(log.prefix(2 * 4096 + 1000)), "test.db-wal")
        let report = try verify()
        // It can't be told from what a crash leaves, so it is a note.
        #expect(report.isSound && report.isLogCut)
        let salvaged = try salvage()
        #expect(!salvaged.isComplete && salvaged.uncountedLosses == 1)
        #expect(salvaged.losses.map(\.kind) == [.log])
        try write(log, "test.db-wal")
        for name in ["out.db", "out.db-wal"] where try files.exists(name) { try files.remove(name) }
        #expect(try !verify().isLogCut)
        #expect(try salvage().isComplete)
    }

    @Test func aLostLogIsAnUncountedLoss() throws {
        _ = try buildLog()
        let salvaged = try salvage()
        #expect(!salvaged.isComplete && salvaged.uncountedLosses == 1)
        #expect(salvaged.losses.map(\.kind) == [.log])
    }

    @Test func aDamagedLogIsAnUncountedLoss() throws {
        var log = try buildLog()
        log[4096 + 300] ^= 1
        try write(log, "test.db-wal")
        #expect(try verify().findings.map(\.kind) == [.log])
        let salvaged = try salvage()
        #expect(!salvaged.isComplete && salvaged.uncountedLosses == 1)
    }

    /// A log that never took a record, in space that was reserved over whatever the medium held.
    @Test func garbageInALogThatWasNeverBegunIsAnEmptyLog() throws {
        let database = try SimulatedDatabase.open("test.db", files: files, options: options)
        try database.put("a", "1")
        try database.close()
        var random = SeededRandom(seed: 5)
        try write(random.bytes(2 * 4096), "test.db-wal")
        #expect(try verify().isSound)
        #expect(opens() == nil)
        let again = try SimulatedDatabase.open("test.db", files: files, options: options)
        #expect(try again.verify().isSound)
        try again.put("b", "2")
        try again.close()
        // A file of another length is not one that this engine makes.
        let foreign = random.bytes(3 * 4096)
        try write(foreign, "test.db-wal")
        #expect(opens(readOnly: false)?.code == .notADatabase)
        #expect(try bytes("test.db-wal") == foreign)
        #expect(try !verify().isSound)
    }

    @Test func garbageInPlaceOfALogInUseIsDamage() throws {
        _ = try buildLog()
        var random = SeededRandom(seed: 6)
        try write(random.bytes(2 * 4096), "test.db-wal")
        #expect(opens() != nil)
        #expect(try !verify().isSound)
        #expect(try salvage().uncountedLosses == 1)
    }
}
