// The closure of write does not wait for anything.
// compiles: no
// says: async
import KVDB

func fetch() async throws -> String { "value" }
func store(_ database: Database) async throws {
    try await database.write { transaction in
        try transaction.put(try await fetch(), for: "a")
    }
}
