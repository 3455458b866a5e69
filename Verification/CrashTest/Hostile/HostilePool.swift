@_spi(Engine) import DatabaseTesting
import BTree
@_spi(Engine) import KVDB
import PageStore
import StorageIO
import StorageIOTesting
import WAL

/// The sound databases that are damaged: small, and together of every shape that the formats know.
/// Built once in a process.
struct HostilePool {
    static let shared = Result { try HostilePool() }

    private(set) var images: [HostileImage] = []

    init() throws {
        for shape in HostilePool.shapes { images.append(try shape()) }
    }

    /// An image by its share of the files.
    func image(_ random: inout SeededRandom) -> HostileImage {
        // The first is large, and slow to look at.
        random.oneIn(40) ? images[0] : images[random.number(in: 1...images.count - 1)]
    }

    private static let shapes: [@Sendable () throws -> HostileImage] = [
        longFreeList, empty, tiny, flat, deep, overflowing, tables, manyTables, compacted,
        killedWithoutCheckpoint, killedWithRecycledLog, killedWithBigRecords, killedEarlyWritten,
        unloggedClosed, unloggedKilled, wideSegments, reopened,
    ]

    /// A free list of several pages, nothing else of interest.
    private static func longFreeList() throws -> HostileImage {
        var builder = try HostileBuilder("long free list", seed: 1, logging: false)
        let value = [UInt8](repeating: 1, count: 1100)
        // Each entry is a leaf of its own beside a run of its own; every other one goes.
        try builder.write { transaction, _ in
            for number in 0..<1300 { try transaction.put(key(number, 4), value) }
        }
        try builder.keepOlder()
        try builder.write { transaction, _ in
            for number in stride(from: 0, to: 1300, by: 2) {
                try transaction.delete(key(number, 4))
            }
        }
        try builder.close()
        return try builder.image()
    }

    private static func empty() throws -> HostileImage {
        var builder = try HostileBuilder("empty", seed: 2)
        try builder.close()
        return try builder.image()
    }

    private static func tiny() throws -> HostileImage {
        var builder = try HostileBuilder("tiny", seed: 3)
        try builder.write { transaction, _ in try transaction.put("a", "1") }
        try builder.keepOlder()
        try builder.write { transaction, _ in
            try transaction.put([], [UInt8](repeating: 2, count: 9))
        }
        try builder.close()
        return try builder.image()
    }

    private static func flat() throws -> HostileImage {
        var builder = try HostileBuilder("flat", seed: 4)
        try fill(&builder, rounds: 3, keys: 400, keyLength: 8, valueLength: 40)
        try builder.close()
        return try builder.image()
    }

    /// Long keys: inner nodes with three to six children, five levels.
    private static func deep() throws -> HostileImage {
        var builder = try HostileBuilder("deep", seed: 5)
        try fill(&builder, rounds: 2, keys: 70, keyLength: 900, valueLength: 3)
        try builder.close()
        return try builder.image()
    }

    private static func overflowing() throws -> HostileImage {
        var builder = try HostileBuilder("overflowing", seed: 6)
        try fill(&builder, rounds: 3, keys: 24, keyLength: 12, valueLength: 9000)
        try builder.step { database, _ in try database.checkpoint() }
        try builder.close()
        return try builder.image()
    }

    private static func tables() throws -> HostileImage {
        var builder = try HostileBuilder("tables", seed: 7)
        try fill(&builder, rounds: 2, keys: 60, keyLength: 8, valueLength: 30, tables: 5)
        try builder.close()
        return try builder.image()
    }

    /// A catalog of two levels.
    private static func manyTables() throws -> HostileImage {
        var builder = try HostileBuilder("many tables", seed: 8)
        try builder.write { transaction, _ in
            for number in 0..<90 {
                try transaction.put("k", "v", table: "table number \(1000 + number)")
            }
        }
        try builder.keepOlder()
        try builder.write { transaction, _ in try transaction.dropTable("table number 1044") }
        try builder.close()
        return try builder.image()
    }

    private static func compacted() throws -> HostileImage {
        var builder = try HostileBuilder("compacted", seed: 9)
        try fill(&builder, rounds: 3, keys: 500, keyLength: 10, valueLength: 60)
        try builder.step { database, _ in
            try database.deleteRange(KeyRange(from: key(100, 10), upTo: key(380, 10)))
        }
        try builder.keepOlder()
        try builder.step { database, _ in try database.compact() }
        try builder.close()
        return try builder.image()
    }

    private static func killedWithoutCheckpoint() throws -> HostileImage {
        var builder = try HostileBuilder("killed without checkpoint", seed: 10)
        try fill(&builder, rounds: 12, keys: 60, keyLength: 8, valueLength: 90)
        return try builder.image()
    }

    /// Slots that were used before, in another order.
    private static func killedWithRecycledLog() throws -> HostileImage {
        var builder = try HostileBuilder("killed with a recycled log", seed: 11)
        for _ in 0..<4 {
            try fill(&builder, rounds: 6, keys: 80, keyLength: 8, valueLength: 120, tables: 2)
            try builder.step { database, _ in try database.checkpoint() }
        }
        try fill(&builder, rounds: 5, keys: 80, keyLength: 8, valueLength: 120, tables: 2)
        return try builder.image()
    }

    /// Records of several fragments.
    private static func killedWithBigRecords() throws -> HostileImage {
        var builder = try HostileBuilder("killed with big records", seed: 12)
        try fill(&builder, rounds: 3, keys: 10, keyLength: 8, valueLength: 20)
        try builder.step { database, _ in try database.checkpoint() }
        try fill(&builder, rounds: 4, keys: 9, keyLength: 30, valueLength: 5000)
        return try builder.image()
    }

    /// Killed in the middle of a transaction whose pages are in the file already.
    private static func killedEarlyWritten() throws -> HostileImage {
        var builder = try HostileBuilder("killed with pages written early", seed: 13)
        try fill(&builder, rounds: 3, keys: 200, keyLength: 8, valueLength: 60)
        try builder.step { database, _ in try database.checkpoint() }
        try fill(&builder, rounds: 3, keys: 200, keyLength: 8, valueLength: 60)
        var image: HostileImage?
        try builder.step { database, random in
            let transaction = try database.begin()
            for number in 0..<900 {
                try transaction.put(key(number, 30), random.bytes(400))
            }
            transaction.abort()
        }
        image = try builder.image()
        guard let image else { throw Failure("no image") }
        return image
    }

    private static func unloggedClosed() throws -> HostileImage {
        var builder = try HostileBuilder("unlogged and closed", seed: 14, logging: false)
        try fill(&builder, rounds: 6, keys: 90, keyLength: 8, valueLength: 70, tables: 1)
        try builder.close()
        return try builder.image()
    }

    private static func unloggedKilled() throws -> HostileImage {
        var builder = try HostileBuilder("unlogged and killed", seed: 15, logging: false)
        try fill(&builder, rounds: 7, keys: 90, keyLength: 8, valueLength: 1500)
        return try builder.image()
    }

    private static func wideSegments() throws -> HostileImage {
        var builder = try HostileBuilder("segments of 32 KiB", seed: 16, segmentSize: 32_768)
        try fill(&builder, rounds: 9, keys: 80, keyLength: 8, valueLength: 300)
        return try builder.image()
    }

    /// A log that recoveries have gone on with.
    private static func reopened() throws -> HostileImage {
        var builder = try HostileBuilder("reopened", seed: 17)
        for _ in 0..<3 {
            try fill(&builder, rounds: 2, keys: 50, keyLength: 8, valueLength: 100)
            try builder.close()
            try builder.open()
        }
        try fill(&builder, rounds: 4, keys: 50, keyLength: 8, valueLength: 100)
        return try builder.image()
    }

    static func key(_ number: Int, _ length: Int) -> [UInt8] {
        let digits = [UInt8]("\(1_000_000 + number * 7)".utf8)
        return digits
            + [UInt8](repeating: UInt8(97 + number % 5), count: max(0, length - digits.count))
    }

    /// Rounds of puts, overwrites and deletions, one transaction each.
    private static func fill(
        _ builder: inout HostileBuilder, rounds: Int, keys: Int, keyLength: Int, valueLength: Int,
        tables: Int = 0
    ) throws {
        for round in 0..<rounds {
            if round == rounds / 2 { try builder.keepOlder() }
            try builder.write { transaction, random in
                for number in 0..<keys where round == 0 || random.oneIn(4) {
                    let name = key(number, keyLength)
                    if round > 0, random.oneIn(5) {
                        try transaction.delete(name)
                    } else {
                        try transaction.put(name, random.bytes(random.below(2 * valueLength)))
                    }
                    guard tables > 0, number % 3 == 0 else { continue }
                    try transaction.put(
                        name, random.bytes(valueLength), table: "table \(random.below(tables))")
                }
            }
        }
    }
}
