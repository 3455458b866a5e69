import Foundation

/// A run that gave no result.
public struct RunFailure: Codable, Sendable {
    /// The engine's name.
    public var engine: String
    /// The workload's name.
    public var workload: String
    /// Which of the rounds it was, from 0.
    public var round: Int
    /// What went wrong.
    public var message: String
}

/// Everything that a run of the benchmark found out: what is written as JSON, and what the tables and
/// plots are made from.
public struct BenchmarkReport: Codable, Sendable {
    /// When it began.
    public var began: Date
    /// The processor's name.
    public var processor: String
    /// Processors that could be used.
    public var processorCount: Int
    /// Memory in bytes.
    public var memoryBytes: UInt64
    /// The operating system.
    public var system: String
    /// The share of the full size.
    public var scale: Double
    /// How often each engine ran each workload.
    public var rounds: Int
    /// The engines, in the order of their turns.
    public var engines: [String]
    /// The versions of their libraries.
    public var versions: [String: String]
    /// The workloads by name, in order.
    public var workloads: [String]
    /// All results.
    public var results: [RunResult] = []
    /// Runs that gave none.
    public var failures: [RunFailure] = []

    /// An empty report of a plan on this machine.
    init(_ plan: BenchmarkPlan) {
        let machine = ProcessFigures.machine
        began = Date()
        processor = machine.processor
        processorCount = machine.count
        memoryBytes = machine.memoryBytes
        system = ProcessInfo.processInfo.operatingSystemVersionString
        scale = plan.scale
        rounds = plan.rounds
        engines = plan.engines
        workloads = plan.workloads.map(\.name)
        versions = Dictionary(
            uniqueKeysWithValues: plan.engines.map { ($0, EngineCatalog.version($0)) })
    }

    /// A figure over all rounds; nil when no round has it.
    public func spread(_ engine: String, _ workload: String, _ metric: Metric) -> Spread? {
        Spread(
            results.filter { $0.engine == engine && $0.workload == workload }
                .compactMap { $0.value(metric) })
    }

    /// The median of a figure over all rounds.
    public func median(_ engine: String, _ workload: String, _ metric: Metric) -> Double? {
        spread(engine, workload, metric)?.median
    }

    /// The engines that a workload is compared with: all but this database and the raw limits.
    public var peers: [String] {
        engines.filter { $0 != EngineCatalog.database && $0 != EngineCatalog.raw }
    }

    /// The peer that is best in a figure, and its median.
    public func bestPeer(
        _ workload: String, _ metric: Metric, among names: [String]? = nil
    ) -> (engine: String, value: Double)? {
        let values = (names ?? peers).compactMap { engine in
            median(engine, workload, metric).map { (engine: engine, value: $0) }
        }
        return metric.isRate
            ? values.max { $0.value < $1.value } : values.min { $0.value < $1.value }
    }

    /// The report as JSON.
    public func json() throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
        encoder.dateEncodingStrategy = .iso8601
        return try encoder.encode(self)
    }

    /// The report in JSON.
    public init(json: Data) throws {
        let decoder = JSONDecoder()
        decoder.dateDecodingStrategy = .iso8601
        self = try decoder.decode(BenchmarkReport.self, from: json)
    }
}

/// A figure over several rounds.
public struct Spread: Sendable, Equatable {
    /// The middle one, or the mean of the two in the middle.
    public var median: Double
    /// The least.
    public var minimum: Double
    /// The greatest.
    public var maximum: Double

    /// Nil when there are no values.
    public init?(_ values: [Double]) {
        let sorted = values.sorted()
        guard let first = sorted.first, let last = sorted.last else { return nil }
        let middle = sorted.count / 2
        median =
            sorted.count.isMultiple(of: 2)
            ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[middle]
        minimum = first
        maximum = last
    }
}
