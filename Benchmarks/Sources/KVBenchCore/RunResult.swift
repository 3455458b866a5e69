/// What one run of one workload with one engine gave.
public struct RunResult: Codable, Sendable {
    /// The engine's name.
    public var engine: String
    /// The workload's name.
    public var workload: String
    /// Which of the rounds it was, from 0.
    public var round: Int
    /// Operations done: in the unit that the workload counts in.
    public var operations = 0
    /// Seconds that they took, all threads together.
    public var seconds = 0.0
    /// How long single operations took; nil where there are none.
    public var latency: Latency?
    /// Bytes of keys and values that were put.
    public var payloadBytes = 0.0
    /// Bytes that the process wrote, from the start of the operations to the closed database.
    public var writtenBytes: Double?
    /// Bytes that the device wrote meanwhile, whoever had them written.
    public var deviceBytes: Double?
    /// Bytes that the closed database takes on the medium.
    public var fileBytes = 0.0
    /// Entries in it.
    public var entries = 0
    /// The most memory resident while the operations ran, in bytes.
    public var peakResidentBytes: Double?
    /// What only this workload has, by name; the workload's description says what.
    public var figures: [String: Double] = [:]

    /// A result to be filled.
    public init(engine: String, workload: String, round: Int) {
        self.engine = engine
        self.workload = workload
        self.round = round
    }

    /// A figure of the run; nil when it has none of the kind.
    public func value(_ metric: Metric) -> Double? {
        switch metric {
        case .rate: seconds > 0 && operations > 0 ? Double(operations) / seconds : nil
        case .p50: latency?.p50
        case .p99: latency?.p99
        case .p999: latency?.p999
        case .writtenPerPayload: payloadBytes > 0 ? writtenBytes.map { $0 / payloadBytes } : nil
        case .devicePerPayload: payloadBytes > 0 ? deviceBytes.map { $0 / payloadBytes } : nil
        case .filePerEntry: entries > 0 && fileBytes > 0 ? fileBytes / Double(entries) : nil
        case .peakResident: peakResidentBytes
        case .figure(let name): figures[name]
        }
    }
}

/// A figure that runs are compared by.
public enum Metric: Codable, Sendable, Hashable {
    /// Operations a second.
    case rate
    /// Percentiles of an operation's time, in nanoseconds.
    case p50, p99, p999
    /// Bytes written for each byte of key and value.
    case writtenPerPayload
    /// Bytes that the device wrote for each byte of key and value.
    case devicePerPayload
    /// Bytes on the medium for each entry.
    case filePerEntry
    /// Most bytes of memory.
    case peakResident
    /// One of `RunResult.figures`.
    case figure(String)

    /// Whether more is better.
    public var isRate: Bool {
        switch self {
        case .rate: true
        case .figure(let name): name.hasSuffix("/s")
        default: false
        }
    }
}
