@_spi(Engine) import KVDB

extension WorkloadRun {
    /// Changes by one transaction.
    private var batchCount: Int { min(1000, max(1, workload.operations)) }

    /// Every put a transaction of its own; new keys in random order.
    mutating func singlePuts(_ database: Engine, threads: Int) throws {
        let perThread = max(1, workload.operations / threads)
        let sampling = workload.level == .durable ? Sampling.all : .oneInSixteen
        let (first, byteCount) = (datasetCount, workload.valueByteCount)
        let timings = try onThreads(threads) { thread, wait in
            let session = try database.makeSession()
            defer { session.finish() }
            let keys = KeyMaker(.hashed)
            let values = ValueMaker(byteCount: byteCount)
            let start = first + UInt64(thread * perThread)
            wait()
            return try timedLoop(perThread, sampling, limitSeconds: Self.limitSeconds) { index in
                let number = start + UInt64(index)
                try session.put(keys.key(number), values.value(number))
            }
        }
        note(timings)
        noteChanges(result.operations, new: true)
    }

    /// Random puts into an empty database, 1,000 a transaction.
    mutating func putBatches(_ database: Engine) throws {
        let count = batchCount
        try batches(database) { session, keys, values, index in
            let start = UInt64(index * count)
            try session.putBatch(count) { each in
                let number = start + UInt64(each)
                return (keys.key(number), values.value(number))
            }
        }
        noteChanges(result.operations, new: true)
    }

    /// New values for entries chosen at random, 1,000 a transaction.
    mutating func updates(_ database: Engine) throws {
        let count = batchCount
        let total = datasetCount
        var random = Random(seed: 2)
        try batches(database) { session, keys, values, index in
            try session.putBatch(count) { _ in
                let number = random.next(below: total)
                return (keys.key(number), values.value(number, generation: UInt64(index) + 1))
            }
        }
        noteChanges(result.operations, new: false)
    }

    /// Deletes every entry, in an order that is neither the keys' nor that of the load.
    mutating func deletes(_ database: Engine) throws {
        let count = batchCount
        let total = datasetCount
        // A step that has no divisor in common with the count comes by every number once.
        var step = total / 2 + total / 8 + 1
        while Self.greatestDivisor(step, total) != 1 { step += 1 }
        let deletions = min(workload.operations, Int(total)) / count
        try batches(database, deletions) { session, keys, _, index in
            let start = UInt64(index * count)
            try session.deleteBatch(count) { each in
                keys.key((start + UInt64(each)) &* step % total)
            }
        }
        result.payloadBytes = Double(result.operations * Keys.byteCount)
        result.entries -= result.operations
    }

    static func greatestDivisor(_ left: UInt64, _ right: UInt64) -> UInt64 {
        right == 0 ? left : greatestDivisor(right, left % right)
    }

    /// Times transactions, and counts the changes in them.
    private mutating func batches(
        _ database: Engine, _ count: Int? = nil,
        _ batch: (Engine.Session, KeyMaker, ValueMaker, Int) throws -> Void
    ) throws {
        let session = try database.makeSession()
        defer { session.finish() }
        let keys = KeyMaker(.hashed)
        let values = ValueMaker(byteCount: workload.valueByteCount)
        let timing = try timedLoop(
            count ?? workload.operations / batchCount, .all, limitSeconds: Self.limitSeconds
        ) { index in try batch(session, keys, values, index) }
        note([timing])
        result.operations = timing.operations * batchCount
    }

    /// Ascending keys into an empty database, by each engine's fastest way.
    mutating func sortedLoad(_ database: Engine) throws {
        let session = try database.makeSession()
        defer { session.finish() }
        let keys = KeyMaker(.ascending)
        let values = ValueMaker(byteCount: workload.valueByteCount)
        let began = now()
        try session.loadSorted(workload.operations) { index in
            let number = UInt64(index)
            return (keys.key(number), values.value(number))
        }
        result.seconds = Double(now() - began) / 1e9
        result.operations = workload.operations
        noteChanges(workload.operations, new: true)
    }

    private mutating func noteChanges(_ count: Int, new: Bool) {
        result.payloadBytes = Double(count) * payloadOfOnePut
        if new { result.entries += count }
    }
}
