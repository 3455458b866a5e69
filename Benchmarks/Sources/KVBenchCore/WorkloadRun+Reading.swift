@_spi(Engine) import KVDB

extension WorkloadRun {
    /// Keys of one `getMany`.
    static var manyCount: Int { 64 }

    /// Gets of entries chosen at random.
    mutating func gets(_ database: Engine, _ kind: Task.Get, threads: Int) throws {
        let count = workload.operations
        let total = datasetCount
        let timings = try onThreads(threads) { thread, wait in
            let session = try database.makeSession()
            defer { session.finish() }
            let seed = UInt64(thread) + 3
            wait()
            if kind == .newest {
                return try Self.getsOfNewest(session, count, of: total, seed: seed)
            }
            try session.beginRead()
            defer { session.endRead() }
            switch kind {
            case .many: return try Self.getsOfMany(session, count, of: total, seed: seed)
            case .absent:
                // Numbers that were not loaded; their keys lie among those that were.
                return try Self.gets(session, count, of: total, beyond: total, seed: seed)
            default: return try Self.gets(session, count, of: total, beyond: 0, seed: seed)
            }
        }
        note(timings)
        // For the gets of many, a sample is a call.
        if kind == .many { result.figures["keys/call"] = Double(Self.manyCount) }
    }

    private static func gets(
        _ session: Engine.Session, _ count: Int, of total: UInt64, beyond: UInt64, seed: UInt64
    ) throws -> LoopTiming {
        let keys = KeyMaker(.hashed)
        var random = Random(seed: seed)
        var found = 0
        let timing = try timedLoop(count, .oneInSixteen, limitSeconds: limitSeconds) { _ in
            if try session.get(keys.key(beyond + random.next(below: total))) { found += 1 }
        }
        try expect(found, beyond == 0 ? timing.operations : 0)
        return timing
    }

    private static func getsOfNewest(
        _ session: Engine.Session, _ count: Int, of total: UInt64, seed: UInt64
    ) throws -> LoopTiming {
        let keys = KeyMaker(.hashed)
        var random = Random(seed: seed)
        var found = 0
        let timing = try timedLoop(count, .oneInSixteen, limitSeconds: limitSeconds) { _ in
            if try session.getNewest(keys.key(random.next(below: total))) { found += 1 }
        }
        try expect(found, timing.operations)
        return timing
    }

    private static func getsOfMany(
        _ session: Engine.Session, _ count: Int, of total: UInt64, seed: UInt64
    ) throws -> LoopTiming {
        let keys = KeyMaker(.hashed, places: manyCount)
        var views = (0..<manyCount).map { keys.key(0, place: $0) }
        var random = Random(seed: seed)
        var found = 0
        var timing = try timedLoop(
            max(1, count / manyCount), .all, limitSeconds: limitSeconds
        ) { _ in
            for place in 0..<manyCount {
                views[place] = keys.key(random.next(below: total), place: place)
            }
            found += try session.getMany(views)
        }
        timing.operations *= manyCount
        try expect(found, timing.operations)
        return timing
    }

    /// An engine that doesn't find what is there would be fast, and wrong.
    private static func expect(_ found: Int, _ expected: Int) throws {
        guard found == expected else {
            throw BenchmarkError("Found \(found) entries, and there are \(expected).")
        }
    }

    /// All entries in order, as often as it takes.
    mutating func scans(_ database: Engine, reverse: Bool) throws {
        let session = try database.makeSession()
        defer { session.finish() }
        try session.beginRead()
        defer { session.endRead() }
        let total = Int(datasetCount)
        let timing = try timedLoop(
            max(1, workload.operations / total), .all, limitSeconds: Self.limitSeconds
        ) { _ in
            let count = try session.scan(from: nil, reverse: reverse, limit: .max >> 1)
            try Self.expect(count, total)
        }
        note([timing])
        result.operations = timing.operations * total
        // A sample is a scan; there are too few for percentiles.
        result.latency = nil
    }

    /// A seek to a key chosen at random, and 100 entries from there.
    mutating func shortScans(_ database: Engine) throws {
        let session = try database.makeSession()
        defer { session.finish() }
        try session.beginRead()
        defer { session.endRead() }
        let keys = KeyMaker(.hashed)
        var random = Random(seed: 4)
        let total = datasetCount
        let timing = try timedLoop(
            workload.operations, .all, limitSeconds: Self.limitSeconds
        ) { _ in
            let key = keys.key(random.next(below: total))
            _ = try session.scan(from: key, reverse: false, limit: 100)
        }
        note([timing])
    }
}
