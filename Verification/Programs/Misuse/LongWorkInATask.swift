// What takes long does not block a task by accident either: without await, the twin is an error.
// compiles: no
// says: expression is 'async' but is not marked with 'await'
import KVDB

func care(for database: Database, _ users: Table<String, UInt64>) async throws {
    try database[users].load([(key: "ada", value: 1)])
    try database.compact()
    try database.export { bytes in print(bytes.byteCount) }
    _ = try database.inspect()
    _ = try Database.verify(at: "other.kvdb")
    try Database.salvage(from: "other.kvdb", to: "new.kvdb")
}
