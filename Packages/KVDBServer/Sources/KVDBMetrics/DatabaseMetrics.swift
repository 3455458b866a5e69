public import CoreMetrics
public import KVDB
import Metrics

/// The figures of a database, for swift-metrics.
///
/// ```swift
/// let metrics = DatabaseMetrics(label: "store")
/// var options = Database.Options()
/// options.measure(with: metrics)
/// let database = try Database(at: "my.kvdb", options: options)
/// // now and then, where other figures are gathered:
/// metrics.record(try database.statistics())
/// ```
///
/// | name behind the label | kind | what |
/// |---|---|---|
/// | `.sync.duration` | timer | the log's syncs |
/// | `.sync.commits` | counter | commits that they made durable |
/// | `.checkpoint.duration` | timer | checkpoints |
/// | `.checkpoint.pages` | counter | pages that they wrote |
/// | `.checkpoint.failures` | counter | those that found no room |
/// | `.writer.wait` | timer | writes that waited longer than `slowWriterThreshold` |
/// | `.failures` | counter | 1 once the handle only reads |
/// | `.recovered.commits` | counter | commits that an opening took from the log |
/// | `.file.bytes`, `.log.bytes`, `.memory.bytes` | gauge | sizes |
/// | `.version`, `.pages.loaded`, `.pages.evicted` | gauge | counted since the opening |
/// | `.snapshots`, `.snapshots.pinned.bytes` | gauge | versions held, and what they keep from use |
public struct DatabaseMetrics: Sendable {
    private let syncDuration: Timer
    private let syncCommits: Counter
    private let checkpointDuration: Timer
    private let checkpointPages: Counter
    private let checkpointFailures: Counter
    private let writerWait: Timer
    private let failures: Counter
    private let recoveredCommits: Counter
    private let gauges: [(gauge: Gauge, value: @Sendable (Database.Statistics) -> Int)]

    /// The figures under a label.
    ///
    /// - Parameters:
    ///   - label: the beginning of their names.
    ///   - dimensions: tell this database's figures from those of others.
    ///   - factory: where they go; nil for the system's.
    public init(
        label: String = "kvdb", dimensions: [(String, String)] = [],
        factory: (any MetricsFactory)? = nil
    ) {
        let factory = factory ?? MetricsSystem.factory
        func timer(_ name: String) -> Timer {
            Timer(label: label + name, dimensions: dimensions, factory: factory)
        }
        func counter(_ name: String) -> Counter {
            Counter(label: label + name, dimensions: dimensions, factory: factory)
        }
        func gauge(
            _ name: String, _ value: @escaping @Sendable (Database.Statistics) -> Int
        ) -> (Gauge, @Sendable (Database.Statistics) -> Int) {
            (Gauge(label: label + name, dimensions: dimensions, factory: factory), value)
        }
        syncDuration = timer(".sync.duration")
        syncCommits = counter(".sync.commits")
        checkpointDuration = timer(".checkpoint.duration")
        checkpointPages = counter(".checkpoint.pages")
        checkpointFailures = counter(".checkpoint.failures")
        writerWait = timer(".writer.wait")
        failures = counter(".failures")
        recoveredCommits = counter(".recovered.commits")
        gauges = [
            gauge(".file.bytes") { $0.fileByteCount },
            gauge(".log.bytes") { $0.logByteCount },
            gauge(".memory.bytes") { $0.residentByteCount },
            gauge(".version") { Int(clamping: $0.version.number) },
            gauge(".lookups") { $0.lookups },
            gauge(".pages.loaded") { $0.pageLoads },
            gauge(".pages.evicted") { $0.evictions },
            gauge(".snapshots") { $0.snapshots.count },
            gauge(".snapshots.pinned.bytes") { statistics in
                statistics.snapshots.reduce(0) { $0 + $1.pinnedPages } * statistics.pageSize
            },
        ]
    }

    /// Records an event.
    public func record(_ event: Database.Event) {
        switch event {
        case .checkpoint(let pages, let duration):
            checkpointDuration.record(duration: duration)
            checkpointPages.increment(by: pages)
        case .sync(let duration, let commits):
            syncDuration.record(duration: duration)
            syncCommits.increment(by: commits)
        case .slowWriter(let waited, _): writerWait.record(duration: waited)
        case .recovered(let commits, _): recoveredCommits.increment(by: commits)
        case .checkpointFailed: checkpointFailures.increment()
        case .failed: failures.increment()
        @unknown default: break
        }
    }

    /// Records the state of a database as gauges. Call it now and then.
    public func record(_ statistics: Database.Statistics) {
        for (gauge, value) in gauges { gauge.record(value(statistics)) }
    }
}

extension Database.Options {
    /// Records what happens in the database, beside what ``Database/Options/onEvent`` is told already.
    ///
    /// - Parameter metrics: takes the figures.
    public mutating func measure(with metrics: DatabaseMetrics) {
        let former = onEvent
        onEvent = { event in
            former?(event)
            metrics.record(event)
        }
    }
}
