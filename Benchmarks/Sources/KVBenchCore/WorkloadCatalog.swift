/// All workloads, in the order in which they run and are reported.
public enum WorkloadCatalog {
    /// Every workload at full scale.
    public static let all: [Workload] =
        durable + writing + reading + growth + mixed + cloudServing + opening + budgets
        + maintenance + predecessor

    /// Every workload, with less of everything.
    public static func scaled(by factor: Double) -> [Workload] {
        all.map { $0.scaled(by: factor) }
    }

    private static let million = Dataset()

    private static let durable =
        [1, 4, 16].map { threads in
            Workload(
                "durable-put-\(threads)", "durable single puts, \(threads) threads",
                .durablePuts(threads: threads), threads == 1 ? 4000 : 8000)
        } + [
            Workload(
                "durable-put-checkpoints", "durable single puts while checkpoints run",
                .durablePuts(threads: 1), 12_000, on: million
            ).with { $0.checkpoints = .often }
        ]

    private static let writing = [
        Workload(
            "batch-put", "random puts, 1,000 a durable transaction", .putBatches, 1_000_000),
        Workload("written-put", "random single puts, written", .writtenPuts, 1_000_000)
            .with { $0.level = .written },
        Workload("load-sorted", "sorted load, durable at the end", .sortedLoad, 1_000_000),
        Workload(
            "update-random", "random updates, 1,000 a durable transaction", .updates, 1_000_000,
            on: million, engines: .withoutRaw),
        Workload(
            "delete-random", "random deletes, 1,000 a durable transaction", .deletes, 1_000_000,
            on: million, engines: .withoutRaw),
        Workload(
            "space-random", "size after a random load", .space, 1, on: million,
            engines: .withoutRaw),
        Workload(
            "space-sorted", "size after a load in key order", .space, 1, on: Dataset(.keyOrder),
            engines: .withoutRaw),
    ]

    private static let reading = [
        Workload(
            "get-random", "random gets, one snapshot", .gets(.warm, threads: 1), 2_000_000,
            on: million),
        Workload(
            "get-newest", "random gets, each on the newest version",
            .gets(.newest, threads: 1), 2_000_000, on: million),
        Workload(
            "get-random-2", "random gets, 2 threads", .gets(.warm, threads: 2), 2_000_000,
            on: million),
        Workload(
            "get-random-4", "random gets, 4 threads", .gets(.warm, threads: 4), 1_000_000,
            on: million),
        Workload(
            "get-absent", "gets of absent keys", .gets(.absent, threads: 1), 2_000_000,
            on: million),
        Workload(
            "get-many", "random gets, 64 keys a call", .gets(.many, threads: 1), 2_000_000,
            on: million),
        Workload(
            "scan-forward", "full scan, keys and values", .scan(reverse: false), 5_000_000,
            on: million, unit: "entries"),
        Workload(
            "scan-backward", "full scan backward, keys and values", .scan(reverse: true),
            5_000_000, on: million, unit: "entries"),
        Workload(
            "scan-short", "seek and 100 entries", .shortScans, 200_000, on: million,
            unit: "seeks"),
    ]

    // What is of interest is how the search grows, so the data fit whatever cache there is: those that map
    // the file have all of it anyway.
    private static let growth = [10_000, 100_000, 1_000_000, 10_000_000].map { count in
        Workload(
            "growth-\(count)", "random gets of \(count) entries", .gets(.warm, threads: 1),
            2_000_000, on: Dataset(.keyOrder, count: count)
        ).with { if count > 1_000_000 { $0.cacheBudget = 4 << 30 } }
    }

    private static let mixed = [
        Workload(
            "mixed", "3 readers and 1 durable writer, 5 s", .readersAndWriter, 5, on: million,
            unit: "reads")
    ]

    private static let cloudServing = [100, 1024].flatMap { valueByteCount in
        CloudServingMix.allCases.map { mix in
            Workload(
                "ycsb-\(mix.rawValue)-\(valueByteCount)",
                "YCSB \(mix.rawValue.uppercased()): \(mix.title), records of \(valueByteCount) B",
                .cloudServing(mix), mix == .e ? 100_000 : 500_000,
                on: Dataset(valueByteCount: valueByteCount), engines: .withoutRaw
            ).with { $0.level = .written }
        }
    }

    private static let opening = [
        Workload(
            "open-clean", "open and 1 get after a clean close", .open, 20, on: million,
            engines: .withoutRaw),
        Workload(
            "open-crashed", "open and 1 get after kill -9 with 200,000 puts in the log", .open, 1,
            on: Dataset(.crashed, count: 200_000), engines: .withoutRaw
        ).with { $0.level = .written },
    ]

    private static let budgets = [
        Workload(
            "larger-get", "random gets, data 8 times the cache", .gets(.warm, threads: 1),
            500_000, on: million, engines: .withoutRaw
        ).with { $0.dataPerBudget = 8 },
        Workload(
            "larger-update", "random updates, 1,000 a transaction, data 8 times the cache",
            .updates, 300_000, on: million, engines: .withoutRaw
        ).with { $0.dataPerBudget = 8 },
        Workload(
            "larger-scan", "full scan, data 8 times the cache", .scan(reverse: false), 2_000_000,
            on: million, engines: .withoutRaw, unit: "entries"
        ).with { $0.dataPerBudget = 8 },
        Workload(
            "small-memory", "gets and puts with a cache of 256 KiB", .smallMemory, 40_000,
            on: million, engines: .withoutRaw
        ).with {
            $0.cacheBudget = 256 << 10
            $0.level = .written
        },
    ]

    private static let maintenance = MaintenanceTask.allCases.map { task in
        Workload(
            task.rawValue, task.title, .maintenance(task), 1, on: million,
            engines: .databaseOnly)
    }

    private static let predecessor = PredecessorTask.allCases.map { task in
        Workload(
            "predecessor-\(task.rawValue)", "\(task.title), 64 operations", .predecessor(task),
            64, engines: .databaseOnly
        ).with { $0.valueByteCount = PredecessorTask.valueByteCount }
    }
}
