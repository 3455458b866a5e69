// A transaction that lives across an await would keep everybody else waiting, for as long as that takes.
// compiles: no
// says: unavailable from asynchronous contexts
import KVDB

func slow(_ database: Database) async throws {
    let transaction = try database.begin()
    try transaction.put("1", for: "a")
    await Task.yield()
    try transaction.commit()
}
