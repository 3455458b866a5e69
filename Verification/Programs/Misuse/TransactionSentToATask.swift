// Nor can it be handed to a task.
// compiles: no
// says: error
import KVDB

func send(_ database: Database) throws {
    let transaction = try database.begin()
    try transaction.put("1", for: "a")
    Task { try transaction.commit() }
}
