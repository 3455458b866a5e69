@_spi(Engine) import KVDB

/// The engines by name, and how a run reaches the right one.
public enum EngineCatalog {
    /// This database.
    public static let database = "kvdb"
    /// The machine's limits.
    public static let raw = "raw"

    /// All engines: the limits first, this database second, then its peers.
    public static let names = [raw, database] + PeerEngine.names.filter { $0 != raw }

    /// The version of an engine's library.
    public static func version(_ name: String) -> String {
        name == database ? "this tree" : PeerEngine.version(name)
    }

    /// Whether a workload is for an engine.
    public static func runs(_ workload: Workload, on engine: String) -> Bool {
        switch workload.engines {
        case .all: true
        case .withoutRaw: engine != raw
        case .databaseOnly: engine == database
        }
    }

    /// Runs a workload with one engine in this process.
    public static func run(
        _ workload: Workload, engine: String, round: Int, directory: String
    ) throws -> RunResult {
        if engine == database {
            switch workload.task {
            case .maintenance, .predecessor:
                var run = DatabaseRun(workload, round: round, directory: directory)
                return try run.run()
            default:
                var run = WorkloadRun(
                    workload, engine: engine, round: round, directory: directory,
                    open: KVDBEngine.open)
                var result = try run.run()
                if workload.task == .sortedLoad {
                    result.figures["leaf fill"] = try KVDBEngine.leafFill(in: directory)
                }
                return result
            }
        }
        var run = WorkloadRun(workload, engine: engine, round: round, directory: directory) {
            try PeerEngine.open(engine, $0)
        }
        return try run.run()
    }

    /// Makes a dataset in an empty folder, in this process.
    public static func prepare(_ dataset: Dataset, engine: String, directory: String) throws {
        var options = EngineOptions(directory: directory)
        options.level = .written
        // What a crash is to leave in the log must not have left it before.
        if dataset.form == .crashed { options.checkpoints = .never }
        if engine == database {
            try prepare(dataset, KVDBEngine.open(options), isRaw: false)
        } else {
            try prepare(dataset, PeerEngine.open(engine, options), isRaw: engine == raw)
        }
    }

    private static func prepare<Engine: BenchmarkEngine>(
        _ dataset: Dataset, _ database: Engine, isRaw: Bool
    ) throws {
        let session = try database.makeSession()
        try dataset.fill(session, isRaw: isRaw)
        if dataset.form == .crashed { endAbruptly() }
        session.finish()
        try database.settle()
        try database.close()
    }
}
