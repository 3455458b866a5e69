@_spi(Engine) import DatabaseTesting
@_spi(Engine) import KVDB
import StorageIO
import StorageIOTesting
import Testing

/// What the database that this one replaces was measured to get wrong, each held here.
@Suite struct OldDatabaseFaultsTests {
    /// Fixed keys of 10 bytes and values of 32, as the measurements had them.
    private func entry(_ number: Int) -> (key: [UInt8], value: [UInt8]) {
        let digits = String(number)
        let key = "key" + String(repeating: "0", count: 7 - digits.count) + digits
        return (Array(key.utf8), [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: 32))
    }

    /// It left an aborted transaction's changes in the handle and on disk.
    @Test func abortLeavesNothingInTheHandleOrOnDisk() throws {
        let files = CrashingFileSystem()
        var database = try SimulatedDatabase.open(on: files)
        try database.put("kept", "1")
        let transaction = try database.begin()
        try transaction.put("kept", "2")
        try transaction.put("aborted", "3")
        try transaction.delete("kept")
        transaction.abort()
        for _ in 0..<2 {
            #expect(try database.get("kept") == Array("1".utf8))
            #expect(try database.get("aborted") == nil)
            #expect(try database.count() == 1)
            try database.close()
            database = try .open(on: files)
        }
    }

    /// A crash between the two page writes of a split lost 32 of 96 acknowledged keys while verify
    /// called it sound, or made every read panic.
    @Test func crashInsideASplitLosesNothing() throws {
        func run(_ files: CrashingFileSystem, _ acknowledged: inout Int) throws {
            let database = try SimulatedDatabase.open(on: files)
            for number in 0..<96 {
                let entry = entry(number)
                try database.put(entry.key, entry.value)
                acknowledged = number + 1
                // Every commit is brought to the data file, so that its splits are.
                if number % 4 == 3 { try database.checkpoint() }
            }
        }
        let clean = CrashingFileSystem()
        var count = 0
        try run(clean, &count)
        for operation in 1...clean.operationCount {
            let files = CrashingFileSystem()
            files.crash(at: operation)
            var acknowledged = 0
            _ = errorCode { try run(files, &acknowledged) }
            let database = try SimulatedDatabase.open(on: files.survivors(seed: UInt64(operation)))
            for number in 0..<acknowledged {
                let entry = entry(number)
                #expect(try database.get(entry.key) == entry.value)
            }
            #expect(try database.count() <= UInt64(acknowledged + 1))
            #expect(try database.verify().isSound)
        }
    }

    /// The last key of a leaf could not be deleted: 31 of 1,000 deletes failed.
    @Test(arguments: [false, true]) func everyKeyCanBeDeleted(isBackward: Bool) throws {
        let database = try SimulatedDatabase.open(on: CrashingFileSystem())
        try database.write { transaction in
            for number in 0..<1000 { try transaction.put(entry(number).key, entry(number).value) }
        }
        for index in 0..<1000 {
            let key = entry(isBackward ? 999 - index : index).key
            #expect(try database.delete(key))
            #expect(try database.get(key) == nil)
        }
        #expect(try database.count() == 0)
        #expect(try database.verify().isSound)
    }

    /// It never freed a page.
    @Test func deletedPagesAreUsedAgainAndGivenBack() throws {
        let files = CrashingFileSystem()
        let database = try SimulatedDatabase.open(on: files)
        func fill() throws {
            try database.write { transaction in
                for number in 0..<5000 {
                    try transaction.put(entry(number).key, entry(number).value)
                }
            }
        }
        try fill()
        try database.checkpoint()
        let full = try database.statistics().fileByteCount
        for _ in 0..<5 {
            try database.deleteRange(.all)
            try fill()
            try database.checkpoint()
        }
        // Old and new side by side until the checkpoint; never a third.
        #expect(try database.statistics().fileByteCount <= 5 * full / 2)
        try database.deleteRange(.all)
        try database.checkpoint()
        try database.checkpoint()
        try database.compact()
        // Besides the reserve for a full disk.
        #expect(try database.statistics().fileByteCount < full / 5 + (12 << 12))
        #expect(try database.verify().isSound)
    }

    /// 300 keys of 200 bytes made it panic.
    @Test func longKeysSplitInnerPages() throws {
        let files = CrashingFileSystem()
        let database = try SimulatedDatabase.open(on: files)
        func key(_ number: Int) -> [UInt8] {
            [UInt8](repeating: 120, count: 196) + numberKey(number * 7919 % 100_003)
        }
        for number in 0..<300 { try database.put(key(number), "value") }
        #expect(try database.count() == 300)
        for number in 0..<300 { #expect(try database.contains(key(number))) }
        #expect(try database.verify().isSound)
    }

    /// An empty value was lost when the log was replayed.
    @Test func anEmptyValueSurvivesTheReplay() throws {
        let files = CrashingFileSystem()
        let database = try SimulatedDatabase.open(on: files, .manual)
        try database.put("empty", "")
        try database.put("replaced by empty", "1")
        try database.put("replaced by empty", "")
        try database.put("", "")
        let reopened = try SimulatedDatabase.open(on: files.survivors(.none), .manual)
        #expect(try reopened.get("empty") == [])
        #expect(try reopened.get("replaced by empty") == [])
        #expect(try reopened.get("") == [])
        #expect(try reopened.count() == 3)
    }

    /// A log with one bad record was silently dropped whole.
    @Test func aBadRecordIsAnErrorAndNothingIsDropped() throws {
        let files = CrashingFileSystem()
        let database = try SimulatedDatabase.open(on: files, .manual)
        for number in 0..<20 { try database.put(numberKey(number), "acknowledged \(number)") }
        let survivors = files.survivors(.none)
        let log = try survivors.open(SimulatedDatabase.testPath + "-wal", .readWrite)
        var bytes = [UInt8](repeating: 0, count: Int(try log.size()))
        _ = unsafe try bytes.withUnsafeMutableBytes { unsafe try log.read(into: $0, at: 0) }
        // A byte in the middle of the records: of the text of the tenth value.
        let text = Array("acknowledged 10".utf8)
        let place = try #require(
            bytes.indices.first { bytes[$0...].prefix(text.count).elementsEqual(text) })
        let flipped = [bytes[place] ^ 1]
        unsafe try flipped.withUnsafeBytes { unsafe try log.write($0, at: UInt64(place)) }
        try log.sync()
        log.close()
        let code = errorCode { try SimulatedDatabase.open(on: survivors, .manual) }
        #expect(code == .damaged)
        // Refused, and left for a salvage as it was.
        let again = try survivors.open(SimulatedDatabase.testPath + "-wal", .readOnly)
        #expect(try again.size() == UInt64(bytes.count))
    }

    /// Nothing was ever evicted, and lookups slowed down with the size of the file.
    @Test func memoryIsBoundedAndLookupsCostTheHeight() throws {
        let files = CrashingFileSystem()
        let database = try SimulatedDatabase.open(on: files)
        for part in 0..<40 {
            try database.write { transaction in
                for number in 0..<500 {
                    let entry = entry(part * 500 + number)
                    try transaction.put(entry.key, entry.value)
                }
            }
        }
        try database.checkpoint()
        var random = SeededRandom(seed: 1)
        let before = try database.statistics()
        #expect(before.fileByteCount > 8 * UInt64(DatabaseOptions.small.cacheBudget))
        for _ in 0..<1000 {
            let entry = entry(random.below(20_000))
            #expect(try database.get(entry.key) == entry.value)
        }
        let after = try database.statistics()
        #expect(after.evictions > before.evictions)
        #expect(after.residentByteCount <= 2 * DatabaseOptions.small.cacheBudget)
        #expect(after.pageLoads - before.pageLoads <= UInt64(1000 * after.height))
    }

    /// Two handles on one file did not see each other, and nothing stopped two writers.
    @Test func aSecondHandleIsRefused() throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("shared.db")
        let database = try FileDatabase.open(path)
        try database.put("a", "1")
        var reading = DatabaseOptions()
        reading.access = .readOnly
        #expect(errorCode { try FileDatabase.open(path) } == .locked)
        #expect(errorCode { try FileDatabase.open(path, options: reading) } == .locked)
        try database.close()
        do {
            let reader = try FileDatabase.open(path, options: reading)
            let other = try FileDatabase.open(path, options: reading)
            #expect(try reader.get("a") == Array("1".utf8))
            #expect(try other.get("a") == Array("1".utf8))
            #expect(errorCode { try FileDatabase.open(path) } == .locked)
            #expect(errorCode { try reader.put("a", "2") } == .readOnly)
            try reader.close()
            try other.close()
        }
        try FileDatabase.open(path).close()
    }

    /// Ascending keys left every leaf half empty: 132 bytes of file for 42 bytes of payload.
    @Test func ascendingKeysFillTheirLeaves() throws {
        let database = try SimulatedDatabase.open(on: CrashingFileSystem())
        for part in 0..<100 {
            try database.write { transaction in
                for number in 0..<100 {
                    let entry = entry(part * 100 + number)
                    try transaction.put(entry.key, entry.value)
                }
            }
        }
        try database.checkpoint()
        let tree = try #require(try database.composition().first)
        #expect(tree.leafFill > 0.9, "\(tree)")
        try database.checkpoint()
        let perEntry = Double((tree.leafPages + tree.innerPages) * 4096) / 10_000
        #expect(perEntry < 60, "\(perEntry) bytes of pages for 42 of payload")
    }
}
