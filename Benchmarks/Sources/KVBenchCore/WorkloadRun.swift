import Foundation
@_spi(Engine) import KVDB

/// One run: one workload, one engine, one process.
///
/// The generic parts are compiled for each engine, so that its calls are direct ones.
struct WorkloadRun<Engine: BenchmarkEngine> {
    /// The longest that any loop goes on; what isn't done by then is left out of the figures.
    static var limitSeconds: Double { 20 }

    let workload: Workload
    /// The folder of the database that the run works on.
    let directory: String
    let open: (EngineOptions) throws -> Engine
    var result: RunResult

    /// What was there before the operations began.
    private struct Baseline {
        let written = ProcessFigures.writtenBytes
        let device = ProcessFigures.deviceBytes
    }

    init(
        _ workload: Workload, engine: String, round: Int, directory: String,
        open: @escaping (EngineOptions) throws -> Engine
    ) {
        self.workload = workload
        self.directory = directory
        self.open = open
        result = RunResult(engine: engine, workload: workload.name, round: round)
    }

    var options: EngineOptions {
        var options = EngineOptions(directory: directory)
        options.cacheBudget = workload.cacheBudget
        options.level = workload.level
        options.checkpoints = workload.checkpoints
        return options
    }

    /// How many entries the dataset has.
    var datasetCount: UInt64 { UInt64(workload.dataset?.count ?? 0) }

    /// Does it all.
    mutating func run() throws -> RunResult {
        result.entries = workload.dataset?.count ?? 0
        switch workload.task {
        case .space:
            result.operations = 1
        case .open:
            try openings()
        case .smallMemory:
            try smallMemory()
        default:
            let database = try open(options)
            try prepare(database)
            ProcessFigures.resetPeak()
            let baseline = Baseline()
            try measure(database)
            result.peakResidentBytes = ProcessFigures.peakResidentBytes.map { Double($0) }
            try database.close()
            note(since: baseline)
        }
        result.fileBytes = Double(ProcessFigures.allocatedBytes(below: directory))
        return result
    }

    private mutating func note(since baseline: Baseline) {
        func difference(_ now: UInt64?, _ before: UInt64?) -> Double? {
            guard let now, let before else { return nil }
            return Double(now) - Double(before)
        }
        result.writtenBytes = difference(ProcessFigures.writtenBytes, baseline.written)
        result.deviceBytes = difference(ProcessFigures.deviceBytes, baseline.device)
    }

    /// Brings what is going to be read into memory, as far as the budget goes.
    private func prepare(_ database: Engine) throws {
        guard workload.dataset != nil else { return }
        switch workload.task {
        case .smallMemory, .maintenance, .predecessor, .open, .space: return
        default: break
        }
        let session = try database.makeSession()
        defer { session.finish() }
        try session.beginRead()
        _ = try session.scan(from: nil, reverse: false, limit: .max >> 1)
        let keys = KeyMaker(.hashed)
        var random = Random(seed: 1)
        let count = min(workload.operations, Int(datasetCount), 200_000)
        _ = try timedLoop(count, .oneInSixteen, limitSeconds: 5) { _ in
            _ = try session.get(keys.key(random.next(below: datasetCount)))
        }
        session.endRead()
    }

    private mutating func measure(_ database: Engine) throws {
        switch workload.task {
        case .durablePuts(let threads): try singlePuts(database, threads: threads)
        case .writtenPuts: try singlePuts(database, threads: 1)
        case .putBatches: try putBatches(database)
        case .sortedLoad: try sortedLoad(database)
        case .updates: try updates(database)
        case .deletes: try deletes(database)
        case .gets(let kind, let threads): try gets(database, kind, threads: threads)
        case .scan(let reverse): try scans(database, reverse: reverse)
        case .shortScans: try shortScans(database)
        case .readersAndWriter: try readersAndWriter(database)
        case .cloudServing(let mix): try cloudServing(database, mix)
        case .open, .space, .smallMemory: break
        case .maintenance, .predecessor:
            throw BenchmarkError("\(workload.name) is for this database alone.")
        }
    }

    /// Takes over what the threads' loops took.
    mutating func note(_ timings: [LoopTiming]) {
        result.operations = timings.reduce(0) { $0 + $1.operations }
        let began = timings.map(\.began).min() ?? 0
        let ended = timings.map(\.ended).max() ?? 0
        result.seconds = Double(ended - began) / 1e9
        result.latency = Latency(timings.lazy.flatMap(\.samples))
    }

    var payloadOfOnePut: Double { Double(Keys.byteCount + workload.valueByteCount) }
}
