// Nothing goes on after close, and nothing stops the process.
// prints:
//   get: closed
//   snapshot: closed
//   cursor: closed
//   put: closed
//   write: closed
//   second close: ok
//   reopened: 1
import KVDB

let database = try Database(at: "my.kvdb")
try database.put("1", for: "a")
let snapshot = try database.snapshot()
func attempt(_ name: String, _ body: () throws -> Void) {
    do {
        try body()
        print("\(name): ok")
    } catch {
        if let error = error as? StorageError { print("\(name): \(error.code)") }
    }
}
try database.close()
attempt("get") { _ = try database.get("a") }
attempt("snapshot") { _ = try snapshot.get("a") }
attempt("cursor") {
    var cursor = try snapshot.cursor()
    try cursor.advance()
}
attempt("put") { try database.put("2", for: "b") }
attempt("write") { try database.write { _ in } }
attempt("second close") { try database.close() }
print("reopened:", try Database(at: "my.kvdb").count)
