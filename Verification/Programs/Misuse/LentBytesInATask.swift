// Lent bytes can't go to a task.
// compiles: no
// says: lifetime-dependent
import KVDB

let database = try Database(inMemory: .init())
try database.scan { key, value in
    Task { print(value.byteCount) }
    return true
}
