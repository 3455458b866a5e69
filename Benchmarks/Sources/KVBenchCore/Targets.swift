/// What the database is to reach, as data: the one place where it is written down.
public enum Targets {
    /// All targets, in the order of the table.
    public static let all: [Target] =
        writing + reading + mixed + opening + budgets + maintenance + predecessor

    /// The best engines that leave no log to be replayed, or one that isn't comparable, aside.
    private static let enginesWithLog = ["sqlite", "rocksdb", "leveldb", "wiredtiger"]

    private static let writing = [
        Target("durable-put-1", .ofRaw(0.95)),
        Target("durable-put-1", .ofBest(1)),
        Target("durable-put-4", .ofRaw(0.9)),
        Target("durable-put-16", .ofRaw(0.9)),
        Target("durable-put-checkpoints", .atMostTimesRaw(3), .p999),
        Target("batch-put", .ofBest(2)),
        Target("batch-put", .atMost(3), .writtenPerPayload),
        Target("batch-put", .atMost(3), .devicePerPayload),
        Target("written-put", .ofBest(2)),
        Target("load-sorted", .ofBest(1.2)),
        Target("load-sorted", .ofRaw(0.8)),
        Target("load-sorted", .atLeast(0.95), .figure("leaf fill")),
        Target("update-random", .ofBest(2)),
        Target("delete-random", .ofBest(1.5)),
        Target("space-random", .atMost(170), .filePerEntry),
        Target("space-sorted", .atMost(130), .filePerEntry),
    ]

    private static let reading = [
        Target("get-random", .ofBest(2.5)),
        Target("get-newest", .ofBest(2)),
        Target("get-random-2", .ofBest(2)),
        Target(
            "get-random-2",
            .ofEngine(1.9, engine: EngineCatalog.database, workload: "get-random")),
        Target("get-random-4", .ofBest(2)),
        Target("get-absent", .ofBest(1.5)),
        Target("get-many", .ofEngine(5, engine: "lmdb", workload: "get-random")),
        Target("scan-forward", .ofBest(3)),
        Target("scan-backward", .ofBest(3)),
        Target("scan-short", .ofBest(3)),
        Target("growth-10000", .ofBest(1.5)),
        Target("growth-100000", .ofBest(1.5)),
        Target("growth-1000000", .ofBest(2)),
        Target("growth-10000000", .ofBest(2)),
    ]

    private static let mixed =
        [
            Target("mixed", .ofEngine(1.5, engine: "lmdb", workload: "mixed")),
            Target(
                "mixed", .ofEngine(1, engine: "wiredtiger", workload: "mixed"),
                .figure("writes/s")),
        ]
        + [100, 1024].flatMap { valueByteCount in
            CloudServingMix.allCases.map { mix in
                Target("ycsb-\(mix.rawValue)-\(valueByteCount)", .ofBest(1))
            }
        }

    private static let opening = [
        Target("open-clean", .ofBest(1), .p50),
        Target("open-crashed", .ofBest(1, among: enginesWithLog), .p50),
        Target("open-crashed", .atLeast(1e6), .figure("records/s")),
    ]

    private static let budgets =
        ["larger-get", "larger-update", "larger-scan"].map { name in
            Target(name, .ofBest(1, among: ["sqlite", "wiredtiger"]))
        } + [
            Target("small-memory", .atMost(Double(2 << 20)), .figure("over empty bytes"))
        ]

    private static let maintenance = [
        Target("compact", .reported, .figure("file MB/s")),
        Target("verify", .atLeast(500), .figure("file MB/s")),
        Target("export", .atLeast(500), .figure("file MB/s")),
        Target("export-lz4", .atLeast(300), .figure("plain MB/s")),
        Target("import", .reported, .figure("plain MB/s")),
    ]

    /// The predecessor's published figures, in operations a second.
    private static let published: [(PredecessorTask, Double)] = [
        (.sequentialInsert, 465), (.randomInsert, 458), (.lookup, 5.07e6), (.scan, 460e6),
        (.update, 450), (.delete, 445), (.compact, 133), (.readers, 74e3), (.writers, 423),
        (.readersAndWriter, 1669),
    ]

    private static let predecessor = published.map { task, figure in
        Target("predecessor-\(task.rawValue)", .atLeast(figure))
    }
}
