// The database may be cared for inside of a visit; inside of a write what needs the writer is refused at once.
// prints:
//   in a visit: checkpoint ok
//   in a visit: sync ok
//   in a write: checkpoint busy
//   in a write: close busy
//   count: 1
import KVDB

let database = try Database(at: "my.kvdb")
try database.put("1", for: "a")
func attempt(_ name: String, _ body: () throws -> Void) {
    do {
        try body()
        print(name, "ok")
    } catch {
        if let error = error as? StorageError { print(name, error.code) }
    }
}
try database.forEach { _, _ in
    attempt("in a visit: checkpoint") { try database.checkpoint() }
    attempt("in a visit: sync") { try database.sync() }
}
try database.write { _ in
    attempt("in a write: checkpoint") { try database.checkpoint() }
    attempt("in a write: close") { try database.close() }
}
print("count:", try database.count)
