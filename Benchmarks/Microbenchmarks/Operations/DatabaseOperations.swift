import KVDB
import StorageIO

/// Steps of the whole database, each called as the workload of the same name in `Benchmarks/` calls it.
extension Operation {
    /// The names of these steps.
    static let databaseNames = [
        "get-random", "get-newest", "scan-forward", "batch-put", "durable-put-1", "written-put",
        "buffered-put",
    ]

    private static let entryCount = 100_000
    private static let batchSize = 1000

    /// Makes one of them ready; nil for another name.
    static func makeOnDatabase(_ name: String, folder: String) throws -> Operation? {
        guard databaseNames.contains(name) else { return nil }
        var options = Database.Options()
        options.sizeLimit = addressSpace
        // What a checkpoint costs depends on when it comes.
        options.checkpointPolicy = .manual
        let database = try Database(at: folder + "/database.kvdb", options: options)
        for batch in 0..<entryCount / batchSize {
            try database.write { transaction in
                for number in batch * batchSize..<(batch + 1) * batchSize {
                    try transaction.put(value, for: key(number))
                }
            }
        }
        try database.checkpoint()
        switch name {
        case "get-random": return try randomGets(name, database)
        case "get-newest": return newestGets(name, database)
        case "scan-forward": return try scan(name, database)
        case "batch-put": return batchPuts(name, database)
        case "written-put": return puts(name, database, .written)
        case "buffered-put": return puts(name, database, .buffered)
        default: return puts(name, database, .full)
        }
    }

    /// A number of an entry: a prime step, so that neighbours in time lie in different leaves.
    private static func random(_ index: Int) -> Int { index * 77_773 % entryCount }

    private static func randomGets(_ name: String, _ database: Database) throws -> Operation {
        let snapshot = try database.snapshot()
        let keys = (0..<4096).map { key(random($0)) }
        return Operation(name: name) { count in
            var sum = 0
            for index in 0..<count {
                guard let size = try snapshot.withValue(for: keys[index & 4095], { $0.byteCount })
                else { throw missing }
                sum += size
            }
            guard sum == count * value.count else { throw missing }
        }
    }

    private static func newestGets(_ name: String, _ database: Database) -> Operation {
        let keys = (0..<4096).map { key(random($0)) }
        return Operation(name: name) { count in
            var sum = 0
            for index in 0..<count {
                guard let size = try database.withValue(for: keys[index & 4095], { $0.byteCount })
                else { throw missing }
                sum += size
            }
            guard sum == count * value.count else { throw missing }
        }
    }

    private static func scan(_ name: String, _ database: Database) throws -> Operation {
        let snapshot = try database.snapshot()
        return Operation(name: name) { count in
            var left = count
            while left > 0 {
                try snapshot.scan { key, value in
                    guard key.byteCount == 16, value.byteCount == 100 else { return false }
                    left -= 1
                    return left > 0
                }
            }
        }
    }

    private static func batchPuts(_ name: String, _ database: Database) -> Operation {
        Operation(name: name) { count in
            for batch in 0..<count / batchSize {
                let keys = (0..<batchSize).map { key(random(batch * batchSize + $0)) }
                try database.write { transaction in
                    try transaction.put(
                        contentsOf: keys.lazy.map { (key: $0, value: value) })
                }
            }
        }
    }

    private static func puts(
        _ name: String, _ database: Database, _ durability: Database.Durability
    ) -> Operation {
        let keys = (0..<4096).map { key(random($0)) }
        return Operation(name: name) { count in
            for index in 0..<count {
                try database.put(value, for: keys[index & 4095], durability: durability)
            }
        }
    }
}
