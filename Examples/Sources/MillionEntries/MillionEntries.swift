// Loads random 16-byte keys with 100-byte values, reads them back, deletes them in another order, puts a value of
// 256 MiB in portions, exports, imports and reads it, and prints what each step costs. Fails when the process needs 64 MiB of memory or more, when the
// file does not shrink, or when an entry is wrong (Scripts/check-memory).
//
// Usage: MillionEntries DIRECTORY [ENTRIES]

import KVDB
import StorageIO

@main
struct MillionEntries {
    let database: Database
    let directory: String
    let count: Int
    var began = ContinuousClock.now

    static func main() throws {
        let arguments = CommandLine.arguments
        guard arguments.count > 1 else {
            print("Usage: MillionEntries DIRECTORY [ENTRIES]")
            return
        }
        var options = Database.Options()
        options.cacheBudget = 16 << 20
        options.dirtyBudget = 8 << 20
        options.logBudget = 32 << 20
        options.durability = .written
        options.access = .createNew
        let database = try Database(at: arguments[1] + "/million.db", options: options)
        let count = arguments.count > 2 ? Int(arguments[2]) ?? 0 : 1_000_000
        var run = MillionEntries(
            database: database, directory: arguments[1], count: count)
        try run.run()
    }

    mutating func run() throws {
        try report("opened")
        try inBatches { transaction, index in
            try transaction.put(value(index), for: key(index))
        }
        try require(database.count == count, "Not every entry is there.")
        try report("loaded")
        try database.checkpoint()
        try report("checkpoint")
        let full = try database.statistics().fileByteCount
        for number in 0..<count {
            let index = shuffled(number)
            try require(database.get(key(index)) == value(index), "Entry \(index) is wrong.")
        }
        try report("read back")
        try inBatches { transaction, number in
            let index = shuffled(number)
            try require(transaction.delete(key(index)), "Entry \(index) is missing.")
        }
        try require(database.count == 0, "Entries are left.")
        try report("deleted")
        try database.checkpoint()
        try report("checkpoint")
        let empty = try database.statistics().fileByteCount
        try require(empty < full / 20, "The file keeps \(empty) of \(full) bytes.")
        try putLongValue()
        try require(database.verify().isSound, "The database is not sound.")
        try database.close()
        if let peak = try memory("VmHWM") {
            try require(peak < 64 << 20, "\(peak) bytes were resident.")
        }
    }

    // MARK: A long value

    /// Puts a value of 256 MiB, reads it, copies it to another database through an export, and deletes it.
    private mutating func putLongValue() throws {
        let portion = 1 << 20
        let portions = 256
        try database.put(for: "long", count: portions * portion) { writer in
            for number in 0..<portions { try writer.write(longPortion(number, portion)) }
        }
        try report("long value put")
        try database.compact()
        try database.export(to: directory + "/long.tkdb")
        try database.delete("long")
        try database.checkpoint()
        try report("exported")
        try database.import(from: directory + "/long.tkdb")
        try report("imported")
        guard let value = try database.value(for: "long") else {
            throw Failure(message: "The long value is missing.")
        }
        try require(value.count == portions * portion, "The long value has another length.")
        for number in 0..<portions {
            let start = number * portion
            try require(
                value.bytes(in: start..<start + portion) == longPortion(number, portion),
                "The long value is wrong.")
        }
        try report("read")
        try database.delete("long")
        try database.checkpoint()
    }

    private func longPortion(_ number: Int, _ count: Int) -> [UInt8] {
        [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: count - 8)
            + bytes(mix(UInt64(number)))
    }

    // MARK: Entries

    /// The finisher of SplitMix64: a number's random double.
    private func mix(_ number: UInt64) -> UInt64 {
        var mixed = number &* 0x9E37_79B9_7F4A_7C15
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    private func bytes(_ number: UInt64) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
    }

    /// The 16 random bytes of an entry's key, computed anew whenever they are needed.
    private func key(_ index: Int) -> [UInt8] {
        bytes(mix(UInt64(index) * 2 + 1)) + bytes(mix(UInt64(index) * 2 + 2))
    }

    private func value(_ index: Int) -> [UInt8] {
        [UInt8](repeating: UInt8(truncatingIfNeeded: index), count: 92) + bytes(UInt64(index))
    }

    /// Every index once, in another order: times a prime, modulo the count.
    private func shuffled(_ index: Int) -> Int { index * 611_953 % count }

    /// Runs a change for each index, a thousand to a transaction.
    private func inBatches(
        _ change: (borrowing Database.Transaction, Int) throws -> Void
    ) throws {
        for first in stride(from: 0, to: count, by: 1000) {
            try database.write { transaction in
                for index in first..<min(first + 1000, count) {
                    try change(transaction, index)
                }
            }
        }
    }

    // MARK: Figures

    private struct Failure: Error {
        let message: String
    }

    private func require(_ condition: Bool, _ message: @autoclosure () -> String) throws {
        if !condition { throw Failure(message: message()) }
    }

    private mutating func report(_ step: String) throws {
        let statistics = try database.statistics()
        print(
            "\(step): \(ContinuousClock.now - began),",
            "file \(mebibytes(statistics.fileByteCount)), log \(mebibytes(statistics.logByteCount)),",
            "cache \(mebibytes(statistics.residentByteCount)),",
            "resident \(mebibytes(try memory("VmRSS") ?? 0)),",
            "at most \(mebibytes(try memory("VmHWM") ?? 0))")
        began = .now
    }

    private func mebibytes(_ bytes: some BinaryInteger) -> String {
        let tenths = (Int(bytes) * 10 + (1 << 19)) >> 20
        return "\(tenths / 10).\(tenths % 10) MiB"
    }

    /// Bytes by a line of `/proc/self/status`; nil on systems without it.
    private func memory(_ name: String) throws -> Int? {
        let files = POSIXFileSystem()
        guard try files.exists("/proc/self/status") else { return nil }
        let file = try files.open("/proc/self/status", .readOnly)
        defer { file.close() }
        var content = [UInt8](repeating: 0, count: 8192)
        let count = try content.withUnsafeMutableBytes { try file.read(into: $0, at: 0) }
        for line in String(decoding: content.prefix(count), as: UTF8.self).split(separator: "\n")
        where line.hasPrefix(name + ":") {
            return line.split(whereSeparator: \.isWhitespace).dropFirst().first
                .flatMap { Int($0) }.map { $0 << 10 }
        }
        return nil
    }
}
