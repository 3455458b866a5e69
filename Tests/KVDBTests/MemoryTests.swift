import Foundation
import KVDB
import StorageIO
import StorageIOTesting
import Testing

/// A million entries in a process of 64 MiB (R8), and a file that shrinks when they go (R9).
///
/// Takes a minute in a release build, so it only runs where `KVDB_MEMORY` is set: by
/// `Scripts/check-memory`, in a process of its own, since it measures the whole process.
@Suite struct MemoryTests {
    static let isWanted = environmentNumber("KVDB_MEMORY", default: 0) > 0
    private let count = environmentNumber("KVDB_MEMORY_ENTRIES", default: 1_000_000)

    /// SplitMix64's finisher: a number's random double.
    private func mix(_ number: UInt64) -> UInt64 {
        var mixed = number &* 0x9E37_79B9_7F4A_7C15
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// The 16 random bytes of an entry's key.
    private func key(_ index: Int) -> [UInt8] {
        numberKey(Int(bitPattern: UInt(mix(UInt64(index) * 2 + 1))), byteCount: 8)
            + numberKey(Int(bitPattern: UInt(mix(UInt64(index) * 2 + 2))), byteCount: 8)
    }

    private func value(_ index: Int) -> [UInt8] {
        [UInt8](repeating: UInt8(truncatingIfNeeded: index), count: 92)
            + numberKey(index, byteCount: 8)
    }

    /// Every index once, in an order unlike the first: times a prime, modulo the count.
    private func shuffled(_ index: Int) -> Int { index * 611_953 % count }

    /// Bytes of a line of `/proc/self/status`; nil where there is none.
    private func status(_ name: String) -> Int? {
        guard let file = FileHandle(forReadingAtPath: "/proc/self/status"),
            let data = try? file.readToEnd()
        else { return nil }
        for line in String(decoding: data, as: UTF8.self).split(separator: "\n")
        where line.hasPrefix(name + ":") {
            let number = line.split(whereSeparator: \.isWhitespace).dropFirst().first
            return number.flatMap { Int($0) }.map { $0 << 10 }
        }
        return nil
    }

    @Test(.enabled(if: isWanted))
    func r8MillionEntriesIn64MiB() throws {
        let directory = try TemporaryDirectory()
        var options = DatabaseOptions()
        options.cacheBudget = 16 << 20
        options.dirtyBudget = 4 << 20
        options.logBudget = 32 << 20
        options.durability = .written
        let database = try Database.open(directory.file("million.db"), options: options)
        var began = System.now
        func report(_ step: String) throws {
            let statistics = try database.statistics()
            func mebibytes(_ bytes: some BinaryInteger) -> String {
                "\((Double(bytes) / 1048576 * 10).rounded() / 10) MiB"
            }
            let seconds = (Double(System.now - began) / 1e8).rounded() / 10
            print(
                "\(step): \(seconds) s, file \(mebibytes(statistics.fileByteCount)), log",
                "\(mebibytes(statistics.logByteCount)), cache",
                "\(mebibytes(statistics.residentByteCount)), resident",
                "\(mebibytes(status("VmRSS") ?? 0)), at most \(mebibytes(status("VmHWM") ?? 0))")
            began = System.now
        }
        try report("opened")
        try inBatches { transaction, index in
            try transaction.put(key(index), value(index))
        }(database)
        #expect(try database.count() == UInt64(count))
        try report("loaded")
        try database.checkpoint()
        try report("checkpoint")
        let full = try database.statistics().fileByteCount
        for index in 0..<count {
            let index = shuffled(index)
            let expected = value(index)
            let isSame = try database.withValue(key(index)) { found in
                expected.withByteView { $0.compare(to: found) == 0 }
            }
            try check(isSame == true, "entry \(index) is wrong")
        }
        try report("read back")
        try inBatches { transaction, index in
            let isFound = try transaction.delete(key(shuffled(index)))
            try check(isFound, "entry \(shuffled(index)) is missing")
        }(database)
        #expect(try database.count() == 0)
        try report("deleted")
        try database.checkpoint()
        try report("checkpoint")
        let empty = try database.statistics().fileByteCount
        #expect(empty < full / 20, "\(empty) bytes are left of \(full)")
        try database.checkSound()
        try database.close()
        if let peak = status("VmHWM") {
            #expect(peak < 64 << 20, "\(peak) bytes were resident")
        }
    }

    /// Runs a change for each index, a thousand to a transaction.
    private func inBatches(
        _ body: @escaping (borrowing FileTransaction, Int) throws -> Void
    ) -> (Database) throws -> Void {
        { database in
            for first in stride(from: 0, to: count, by: 1000) {
                try database.write { transaction in
                    for index in first..<min(first + 1000, count) { try body(transaction, index) }
                }
            }
        }
    }
}
