/// What a workload does.
public enum Task: Sendable, Hashable {
    /// How a get finds its version and what it looks for.
    public enum Get: Sendable {
        /// On one version, keys that are there.
        case warm
        /// On the newest version each time.
        case newest
        /// On one version, keys that aren't there.
        case absent
        /// On one version, 64 keys a call.
        case many
    }

    /// One put a durable transaction, by so many threads on one database.
    case durablePuts(threads: Int)
    /// One put a transaction that the system has.
    case writtenPuts
    /// 1,000 puts in random order a durable transaction.
    case putBatches
    /// Ascending keys into an empty database, durable at the end.
    case sortedLoad
    /// 1,000 new values, or deletions, in random order a durable transaction.
    case updates, deletes
    /// Random gets.
    case gets(Get, threads: Int)
    /// All entries in order.
    case scan(reverse: Bool)
    /// A seek to a random key, and 100 entries from there.
    case shortScans
    /// Three threads that read while one writes durably.
    case readersAndWriter
    /// One of the mixes of the Yahoo cloud serving benchmark.
    case cloudServing(CloudServingMix)
    /// Open and one get; after a clean close or after a crash.
    case open
    /// Only the size of the files is of interest.
    case space
    /// Gets and puts with hardly any cache.
    case smallMemory
    /// What only this database is asked for.
    case maintenance(MaintenanceTask)
    /// The ten workloads that the predecessor published.
    case predecessor(PredecessorTask)
}

/// Which engines a workload is for.
public enum EngineFilter: Sendable {
    /// Every engine and the raw limits.
    case all
    /// Every engine; there is no raw limit of the kind.
    case withoutRaw
    /// This database alone.
    case databaseOnly
}

/// One thing that is measured.
public struct Workload: Sendable {
    /// Its name in tables and on the command line.
    public var name: String
    /// What it is, in a few words.
    public var title: String
    /// What it does.
    public var task: Task
    /// Operations at full scale; for those that are limited by time, seconds.
    public var operations: Int
    /// The database that it begins with; nil is an empty one.
    public var dataset: Dataset?
    /// Bytes of the values that it puts.
    public var valueByteCount = 100
    /// What its commits wait for.
    public var level = CommitLevel.durable
    /// The cache that each engine gets, in bytes.
    public var cacheBudget = 1 << 30
    /// The data, as a multiple of the cache budget; nil where the budget is fixed.
    public var dataPerBudget: Int?
    /// How often checkpoints come.
    public var checkpoints = Checkpoints.usual
    /// Which engines it is for.
    public var engines = EngineFilter.all
    /// What one operation is.
    public var unit = "ops"

    /// Whether the dataset is changed, so that a run needs a copy of its own.
    var changesDataset: Bool {
        switch task {
        case .gets, .scan, .shortScans, .space, .cloudServing(.c): false
        default: true
        }
    }

    /// Whether the time goes to the disk's syncs, so that a run begins when the disk is at rest.
    var needsSteadyDevice: Bool {
        guard level == .durable else { return false }
        return switch task {
        case .durablePuts, .putBatches, .sortedLoad, .updates, .deletes, .readersAndWriter,
            .maintenance, .predecessor:
            true
        default: false
        }
    }

    /// The same, with less of everything.
    ///
    /// - Parameter factor: from just above 0 to 1.
    func scaled(by factor: Double) -> Workload {
        var scaled = self
        if !isTiny { scaled.operations = max(1, Int(Double(operations) * factor)) }
        if var dataset {
            dataset.count = max(2000, Int(Double(dataset.count) * factor))
            scaled.dataset = dataset
            if let dataPerBudget {
                let data = dataset.count * (Keys.byteCount + dataset.valueByteCount)
                // No engine is asked to do with less than it can.
                scaled.cacheBudget = max(256 << 10, data / dataPerBudget)
            }
        }
        return scaled
    }

    /// Whether there is nothing to be made smaller.
    private var isTiny: Bool {
        switch task {
        case .predecessor, .open, .space: true
        default: false
        }
    }
}

extension Workload {
    /// A workload with the values that most have.
    init(
        _ name: String, _ title: String, _ task: Task, _ operations: Int,
        on dataset: Dataset? = nil, engines: EngineFilter = .all, unit: String = "ops"
    ) {
        self.name = name
        self.title = title
        self.task = task
        self.operations = operations
        self.dataset = dataset
        self.engines = engines
        self.unit = unit
        if let dataset { valueByteCount = dataset.valueByteCount }
    }

    /// The same, changed.
    func with(_ change: (inout Workload) -> Void) -> Workload {
        var copy = self
        change(&copy)
        return copy
    }
}
