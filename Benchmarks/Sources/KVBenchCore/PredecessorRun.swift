@_spi(Engine) import KVDB

// The predecessor's ten workloads as it published them: 64 operations on a database of at most 64
// entries, keys of 18 bytes, values of 24, every write a durable transaction. Sixty-four reads take
// microseconds, so that the reading ones are repeated; the rate is over all repetitions.

extension DatabaseRun {
    private static var operationCount: Int { 64 }
    private static var readRepetitions: Int { 2000 }
    private static var threadRepetitions: Int { 100 }

    private static func key(_ number: Int) -> [UInt8] {
        let digits = String(number)
        let zeros = String(repeating: "0", count: PredecessorTask.keyByteCount - 4 - digits.count)
        return Array("key-\(zeros)\(digits)".utf8)
    }

    private static let keys = (0..<operationCount).map(key)
    /// An order that isn't the keys'.
    private static let shuffled = (0..<operationCount).map { keys[$0 * 37 % operationCount] }
    private static let value = [UInt8](repeating: 0x76, count: PredecessorTask.valueByteCount)

    mutating func predecessor(_ task: PredecessorTask) throws {
        let database = try open()
        switch task {
        case .sequentialInsert: try writes(Self.keys) { try database.put($0, Self.value) }
        case .randomInsert: try writes(Self.shuffled) { try database.put($0, Self.value) }
        case .update:
            try fill(database)
            let newer = [UInt8](repeating: 0x77, count: PredecessorTask.valueByteCount)
            try writes(Self.shuffled) { try database.put($0, newer) }
        case .delete:
            try fill(database)
            try writes(Self.shuffled) { try database.delete($0) }
        case .lookup: try lookups(database)
        case .scan: try scan(database)
        case .compact: try compactions(database)
        case .readers: try threads(database, writers: 0)
        case .writers: try threads(database, writers: 4)
        case .readersAndWriter: try threads(database, writers: 1)
        }
        result.entries = Int(try database.count())
        try database.close()
    }

    private func fill(_ database: FileDatabase) throws {
        try database.write { transaction in
            for key in Self.keys { try transaction.put(key, Self.value) }
        }
    }

    private mutating func take(_ timing: LoopTiming) {
        result.operations = timing.operations
        result.seconds = timing.seconds
        result.latency = Latency(timing.samples)
    }

    private mutating func writes(_ keys: [[UInt8]], _ body: ([UInt8]) throws -> Void) throws {
        take(try timedLoop(keys.count, .all, limitSeconds: 60) { try body(keys[$0]) })
    }

    private mutating func lookups(_ database: FileDatabase) throws {
        try fill(database)
        let snapshot = try database.snapshot()
        let count = Self.operationCount * Self.readRepetitions
        var sum = 0
        take(
            try timedLoop(count, .oneInSixteen, limitSeconds: 60) { index in
                sum &+= try snapshot.withValue(Self.shuffled[index & 63]) { Int($0[0]) } ?? 0
            })
        guard sum > 0 else { throw BenchmarkError("An entry that was put is not there.") }
    }

    private mutating func scan(_ database: FileDatabase) throws {
        try fill(database)
        let snapshot = try database.snapshot()
        var count = 0
        var timing = try timedLoop(Self.readRepetitions, .all, limitSeconds: 60) { _ in
            try snapshot.forEach { _, _ in
                count += 1
                return true
            }
        }
        timing.operations = count
        take(timing)
    }

    private mutating func compactions(_ database: FileDatabase) throws {
        try fill(database)
        take(
            try timedLoop(Self.operationCount, .all, limitSeconds: 60) { _ in
                try database.compact()
            })
    }

    /// Four threads with 64 operations together, from before the first starts to the last one's end.
    private mutating func threads(_ database: FileDatabase, writers: Int) throws {
        try fill(database)
        let perThread = Self.operationCount / 4
        var total = LoopTiming()
        for _ in 0..<(writers == 0 ? Self.threadRepetitions : 4) {
            let began = now()
            _ = try onThreads(4) { thread, _ in
                for index in 0..<perThread {
                    let key = Self.shuffled[thread * perThread + index]
                    if thread < writers {
                        try database.put(key, Self.value)
                    } else {
                        _ = try database.withValue(key) { $0[0] }
                    }
                }
                return LoopTiming()
            }
            total.ended += now() - began
            total.operations += Self.operationCount
        }
        take(total)
    }
}
