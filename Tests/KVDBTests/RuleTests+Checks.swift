@_spi(Engine) import DatabaseTesting
@_spi(Engine) import KVDB
import StorageIO
import StorageIOTesting
import Testing

/// What enters memory from a file is checked (R7).
extension RuleTests {
    /// One flipped byte in any page that is in use is found by verify or at open, and no read ever
    /// returns anything but the truth or a `damaged` error.
    @Test func r7EveryPageIsChecked() throws {
        let files = CrashingFileSystem()
        var model = DatabaseModel()
        do {
            let database = try SimulatedDatabase.open(on: files)
            for number in 0..<150 {
                let change = Change.put(
                    numberKey(number * 31 % 150), [UInt8](repeating: 1, count: 200))
                model.apply(change)
                try database.write { _ = try $0.apply(change) }
            }
            let big = Change.put(numberKey(77), [UInt8](repeating: 7, count: 10_000))
            model.apply(big)
            try database.write { _ = try $0.apply(big) }
            try database.close()
        }
        let size = Int(try files.open(SimulatedDatabase.testPath, .readOnly).size())
        var random = SeededRandom(seed: 7)
        var found = 0
        for page in 0..<(size / 4096) {
            for _ in 0..<6 {
                // Mostly near the beginning, where headers and slots are.
                let within = random.oneIn(2) ? random.below(64) : random.below(4096)
                let damaged = files.survivors(.all)
                try flip(damaged, SimulatedDatabase.testPath, at: page * 4096 + within, &random)
                if try isDamageFound(damaged, model) { found += 1 }
            }
        }
        // Free pages and the room behind an overflow run's end are not in use.
        #expect(found > size / 4096 * 3, "\(found) of \(size / 4096 * 6) flips were found")
    }

    /// One flipped byte anywhere in the log: an error, or the state before the record that it hit
    /// where nothing says that this one was durable. Never a wrong entry.
    @Test func r7EveryFrameIsChecked() throws {
        let files = CrashingFileSystem()
        let database = try SimulatedDatabase.open(on: files, .manual)
        var states = [DatabaseModel()]
        for number in 0..<12 {
            let change = Change.put(numberKey(number), Array("value \(number)".utf8))
            try database.write { _ = try $0.apply(change) }
            states.append(states[number])
            states[number + 1].apply(change)
        }
        let survivors = files.survivors(.none)
        let size = Int(try survivors.open(logPath, .readOnly).size())
        var random = SeededRandom(seed: 8)
        var damaged = 0
        for place in 0..<min(size, 2048) {
            let copy = survivors.survivors(.all)
            try flip(copy, logPath, at: place, &random)
            do {
                let reopened = try SimulatedDatabase.open(on: copy, .manual)
                let count = Int(try reopened.count())
                try #require(count < states.count)
                try states[count].check(reopened, "byte \(place) flipped")
                // Acknowledged commits are only lost where the very last record was hit.
                #expect(count >= 11, "byte \(place) flipped: \(count) of 12 commits are left")
            } catch let error as StorageError {
                #expect(Self.damageCodes.contains(error.code), "\(error)")
                damaged += 1
            }
        }
        #expect(damaged > 300)
    }

    private func flip(
        _ files: CrashingFileSystem, _ path: String, at place: Int, _ random: inout SeededRandom
    ) throws {
        let file = try files.open(path, .readWrite)
        var byte: [UInt8] = [0]
        _ = unsafe try byte.withUnsafeMutableBytes {
            unsafe try file.read(into: $0, at: UInt64(place))
        }
        byte[0] ^= UInt8(1 << random.below(8))
        unsafe try byte.withUnsafeBytes { unsafe try file.write($0, at: UInt64(place)) }
        try file.sync()
        file.close()
    }

    private static let damageCodes: [StorageError.Code] = [
        .damaged, .notADatabase, .unsupportedFormat,
    ]

    /// Whether open or verify refuses the file; throws when a read is wrong.
    private func isDamageFound(_ files: CrashingFileSystem, _ model: DatabaseModel) throws -> Bool {
        do {
            let database = try SimulatedDatabase.open(on: files)
            let isSound = try database.verify().isSound
            do {
                try model.check(database, "a flipped byte")
            } catch let error as StorageError {
                #expect(error.code == .damaged)
                #expect(!isSound, "a read met damage that verify did not")
            }
            return !isSound
        } catch let error as StorageError {
            #expect(Self.damageCodes.contains(error.code), "\(error)")
            return true
        }
    }
}
