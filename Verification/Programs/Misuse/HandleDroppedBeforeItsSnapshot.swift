// A snapshot keeps its database open.
// prints:
//   snapshot: 1
//   reopening meanwhile: locked
//   reopened: 1
import KVDB

func makeSnapshot() throws -> Database.Snapshot {
    let database = try Database(at: "my.kvdb")
    try database.put("1", for: "a")
    return try database.snapshot()
}
func look() throws {
    let snapshot = try makeSnapshot()
    print("snapshot:", try snapshot.count)
    do { _ = try Database(at: "my.kvdb") } catch { print("reopening meanwhile:", error.code) }
}
try look()
print("reopened:", try Database(at: "my.kvdb").count)
