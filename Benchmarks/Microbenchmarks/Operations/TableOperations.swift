import KVDB
import StorageIO

/// The same step on the default table, on a named one, and with keys of two parts: what tables and types cost.
extension Operation {
    /// The names of these steps.
    static let tableNames = [
        "table-get-default", "table-get-named", "table-get-typed", "table-get-raw-2-parts",
        "table-put-default", "table-put-named",
    ]

    private static let rows: Table<[UInt8], [UInt8]> = .init("rows")
    private static let orders: Table<Keys<UInt32, UInt64>, [UInt8]> = .init("orders")
    private static let entryCount = 100_000

    /// Makes one of them ready; nil for another name.
    static func makeOnTables(_ name: String, folder: String) throws -> Operation? {
        guard tableNames.contains(name) else { return nil }
        var options = Database.Options()
        options.sizeLimit = addressSpace
        options.checkpointPolicy = .manual
        let database = try Database(at: folder + "/tables.kvdb", options: options)
        for batch in 0..<entryCount / 1000 {
            try database.write { transaction in
                for number in batch * 1000..<(batch + 1) * 1000 {
                    switch name {
                    case "table-get-default", "table-put-default":
                        try transaction.put(value, for: key(number))
                    case "table-get-named", "table-put-named":
                        try transaction[rows].put(value, for: key(number))
                    default:
                        try transaction[orders].put(value, for: parts(number))
                    }
                }
            }
        }
        try database.checkpoint()
        switch name {
        case "table-get-default": return try gets(name, database, .default)
        case "table-get-named": return try gets(name, database, rows)
        case "table-get-typed": return try typedGets(name, database)
        case "table-get-raw-2-parts": return try rawGets(name, database)
        case "table-put-default": return puts(name, database, .default)
        default: return puts(name, database, rows)
        }
    }

    private static func random(_ index: Int) -> Int { index * 77_773 % entryCount }

    /// A number as a key of two parts: 100 orders for each customer.
    private static func parts(_ number: Int) -> Keys<UInt32, UInt64> {
        Keys(UInt32(number / 100), UInt64(number))
    }

    private static func gets(
        _ name: String, _ database: Database, _ table: Table<[UInt8], [UInt8]>
    ) throws -> Operation {
        let rows = try database.snapshot()[table]
        let keys = (0..<4096).map { key(random($0)) }
        return Operation(name: name) { count in
            for index in 0..<count {
                guard try rows.get(keys[index & 4095])?.count == value.count else { throw missing }
            }
        }
    }

    private static func typedGets(_ name: String, _ database: Database) throws -> Operation {
        let orders = try database.snapshot()[orders]
        let keys = (0..<4096).map { parts(random($0)) }
        return Operation(name: name) { count in
            for index in 0..<count {
                guard try orders.get(keys[index & 4095])?.count == value.count else {
                    throw missing
                }
            }
        }
    }

    /// The gets of ``typedGets(_:_:)`` by bytes that were made before.
    private static func rawGets(_ name: String, _ database: Database) throws -> Operation {
        let rows = try database.snapshot()[Table<[UInt8], [UInt8]>("orders")]
        let keys = (0..<4096).map { index -> [UInt8] in
            let number = random(index)
            return (0..<4).map { UInt8(truncatingIfNeeded: number / 100 >> (24 - 8 * $0)) }
                + (0..<8).map { UInt8(truncatingIfNeeded: number >> (56 - 8 * $0)) }
        }
        return Operation(name: name) { count in
            for index in 0..<count {
                guard try rows.get(keys[index & 4095])?.count == value.count else { throw missing }
            }
        }
    }

    private static func puts(
        _ name: String, _ database: Database, _ table: Table<[UInt8], [UInt8]>
    ) -> Operation {
        Operation(name: name) { count in
            for batch in 0..<count / 1000 {
                try database.write { transaction in
                    let rows = transaction[table]
                    for index in batch * 1000..<(batch + 1) * 1000 {
                        try rows.put(value, for: key(random(index)))
                    }
                }
            }
        }
    }
}
