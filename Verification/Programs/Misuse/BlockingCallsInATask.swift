// A blocking call in a function that is async does not compile by accident: without await, the twin is an error.
// compiles: no
// says: expression is 'async' but is not marked with 'await'
import KVDB

func store(_ database: Database, _ users: Table<String, UInt64>) async throws {
    try database.put("value", for: "key")
    try database[users].update("ada") { $0 = 1 }
    try database.write { transaction in try transaction.put("1", for: "a") }
}
