// A write inside a write would wait for itself: it is refused at once, and the outer one goes on.
// prints:
//   put: busy
//   write: busy
//   begin: busy
//   a true, b false
import KVDB

let database = try Database(inMemory: .init())
func attempt(_ name: String, _ body: () throws -> Void) {
    do {
        try body()
    } catch {
        if let error = error as? StorageError { print("\(name): \(error.code)") }
    }
}
func beginAnother() throws { try database.begin().abort() }
try database.write { transaction in
    try transaction.put("1", for: "a")
    attempt("put") { try database.put("2", for: "b") }
    attempt("write") { try database.write { try $0.put("2", for: "b") } }
    attempt("begin") { try beginAnother() }
}
print("a \(try database.contains("a")), b \(try database.contains("b"))")
