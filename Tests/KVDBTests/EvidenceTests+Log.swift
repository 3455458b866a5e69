@_spi(Engine) import DatabaseTesting
import PageStore
import StorageIO
import StorageIOTesting
import Testing
import WAL

@_spi(Engine) @testable import KVDB

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

    /// A live database whose log somebody removes has lost what only the log had.
    @Test func aLogThatIsRemovedFromALiveDatabaseIsFound() throws {
        let database = try SimulatedDatabase.open("test.db", files: files, options: options)
        try database.put("a", "1")
        #expect(try database.verify().isSound)
        let log = try bytes("test.db-wal")
        try files.remove("test.db-wal")
        #expect(try database.verify().findings.map(\.kind) == [.missingLog])
        try write(log, "test.db-wal")
        #expect(try database.verify().isSound)
        try database.close()
    }

    /// Numbers of transactions end long before the largest that a record can say.
    @Test(arguments: [.max, .max - 1, 1 << 62] as [UInt64])
    func aRecordWithAnImpossibleNumberIsDamage(number: UInt64) throws {
        let database = try SimulatedDatabase.open("test.db", files: files, options: options)
        try database.put("a", "1")
        try database.checkpoint()
        let identifier = database.core.store.identifier
        let data = try bytes("test.db")
        try database.close()
        var logOptions = LogOptions()
        logOptions.segmentSize = 4096
        let log = try WriteAheadLog.open(
            files: files, path: "test.db-wal",
            identity: LogIdentity(high: identifier.first, low: identifier.second),
            options: logOptions
        ) { _ in }
        let operations = OperationWriter(limit: 1000, names: TableSet())
        operations.reset(logged: true)
        try withByteView(of: "b") { view throws(StorageError) in operations.put(.main, view, view) }
        try withByteView(of: operations.bytes) { payload throws(StorageError) in
            try log.sync(through: try log.append(payload, transaction: number))
        }
        try log.close(removing: false)
        for isHeadless in [false, true] {
            var forged = data
            if isHeadless { for slot in 0..<2 { forged[slot * PageLayout.pageSize + 200] ^= 1 } }
            try write(forged)
            #expect(try !verify().isSound)
            #expect(opens() != nil)
            let salvaged = try salvage()
            // The superblock alone has all that was ever committed; without it nothing says so.
            #expect(salvaged.isComplete == !isHeadless)
            #expect(salvaged.logRecordsApplied == 0)
            for name in ["out.db", "out.db-wal"] where try files.exists(name) {
                try files.remove(name)
            }
        }
    }
}
