@_spi(Engine) import KVDB
import Synchronization

/// Tells readers that the writer is done.
private final class Flag: Sendable {
    let isSet = Atomic(false)
}

extension WorkloadRun {
    /// Three threads that read the newest version while one writes durably, for so many seconds.
    mutating func readersAndWriter(_ database: Engine) throws {
        let seconds = max(0.2, Double(workload.operations))
        let (total, byteCount) = (datasetCount, workload.valueByteCount)
        let isOver = Flag()
        let timings = try onThreads(4) { thread, wait in
            let session = try database.makeSession()
            defer { session.finish() }
            let keys = KeyMaker(.hashed)
            let values = ValueMaker(byteCount: byteCount)
            var random = Random(seed: UInt64(thread) + 5)
            wait()
            guard thread == 0 else {
                return try timedLoop(.max, .oneInSixteen, limitSeconds: seconds) { _ in
                    _ = try session.getNewest(keys.key(random.next(below: total)))
                }
            }
            defer { isOver.isSet.store(true, ordering: .releasing) }
            return try timedLoop(.max, .all, limitSeconds: seconds) { index in
                let number = random.next(below: total)
                try session.put(
                    keys.key(number), values.value(number, generation: UInt64(index) + 1))
            }
        }
        // The writer's loop is the one whose every operation was timed.
        let writer = timings.first { $0.samples.count == $0.operations }
        note(timings.filter { $0.samples.count != $0.operations })
        if let writer {
            result.figures["writes/s"] = Double(writer.operations) / writer.seconds
            result.payloadBytes = Double(writer.operations) * payloadOfOnePut
            if let latency = Latency(writer.samples) {
                result.figures["write p50 ns"] = latency.p50
                result.figures["write p99 ns"] = latency.p99
                result.figures["write p99.9 ns"] = latency.p999
            }
        }
    }

    /// One of the mixes of the Yahoo cloud serving benchmark, by one thread.
    mutating func cloudServing(_ database: Engine, _ mix: CloudServingMix) throws {
        let session = try database.makeSession()
        defer { session.finish() }
        let keys = KeyMaker(.hashed)
        let values = ValueMaker(byteCount: workload.valueByteCount)
        let zipfian = Zipfian(count: Int(datasetCount))
        var random = Random(seed: 6)
        var total = datasetCount
        var puts = 0
        let timing = try timedLoop(
            workload.operations, .oneInSixteen, limitSeconds: Self.limitSeconds
        ) { index in
            let operation = mix.operation(random.nextFraction())
            if operation == .insert {
                try session.put(keys.key(total), values.value(total))
                total += 1
                puts += 1
                return
            }
            let number =
                mix == .d ? total - 1 - zipfian.next(&random) : zipfian.nextScattered(&random)
            let key = keys.key(number)
            switch operation {
            case .scan:
                try session.beginRead()
                let limit = Int(random.next(below: 100)) + 1
                _ = try session.scan(from: key, reverse: false, limit: limit)
                session.endRead()
            case .update:
                try session.put(key, values.value(number, generation: UInt64(index) + 1))
                puts += 1
            case .readModifyWrite:
                _ = try session.getNewest(key)
                try session.put(key, values.value(number, generation: UInt64(index) + 1))
                puts += 1
            default:
                _ = try session.getNewest(key)
            }
        }
        note([timing])
        result.payloadBytes = Double(puts) * payloadOfOnePut
        result.entries = Int(total)
    }

    /// Opens and reads one entry, as often as the workload says; the time of both together.
    mutating func openings() throws {
        let keys = KeyMaker(.hashed)
        var samples: [UInt64] = []
        for index in 0..<workload.operations {
            let began = now()
            let database = try open(options)
            let session = try database.makeSession()
            // After a crash the last one that was put, which is the first to be lost.
            let number = workload.dataset?.form == .crashed ? datasetCount - 1 : UInt64(index)
            let isFound = try session.getNewest(keys.key(number % datasetCount))
            samples.append(now() - began)
            session.finish()
            try database.close()
            guard isFound else { throw BenchmarkError("An entry that was put is not there.") }
        }
        result.peakResidentBytes = ProcessFigures.peakResidentBytes.map { Double($0) }
        result.latency = Latency(samples)
        result.operations = samples.count
        result.seconds = Double(samples.reduce(0, +)) / 1e9
        if workload.dataset?.form == .crashed {
            result.figures["records/s"] = Double(datasetCount) / result.seconds
        }
    }

    /// Gets and puts with a cache of next to nothing; what counts is the memory, over what this
    /// program has before it opens the database.
    mutating func smallMemory() throws {
        let keys = KeyMaker(.hashed)
        let values = ValueMaker(byteCount: workload.valueByteCount, poolByteCount: 4096)
        var random = Random(seed: 7)
        let total = datasetCount
        // Read once before, as reading it takes memory, too.
        _ = ProcessFigures.residentBytes
        ProcessFigures.resetPeak()
        let empty = ProcessFigures.residentBytes
        let database = try open(options)
        let session = try database.makeSession()
        let timing = try timedLoop(
            workload.operations, .oneInSixteen, limitSeconds: Self.limitSeconds
        ) { index in
            let number = random.next(below: total)
            let key = keys.key(number)
            if index & 1 == 0 {
                _ = try session.getNewest(key)
            } else {
                try session.put(key, values.value(number, generation: UInt64(index)))
            }
        }
        if let peak = ProcessFigures.peakResidentBytes, let empty {
            result.peakResidentBytes = Double(peak)
            result.figures[Self.overEmpty] = Double(peak) - Double(empty)
        }
        session.finish()
        try database.close()
        note([timing])
        result.payloadBytes = Double(timing.operations / 2) * payloadOfOnePut
    }

    /// The name of the figure that tells the memory over that of the program alone.
    static var overEmpty: String { "over empty bytes" }
}
