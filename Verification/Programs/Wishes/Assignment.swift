// An assignment can't throw, so the compiler says what to write.
// compiles: no
// says: try transaction.put(value, for: key)
import KVDB

let database = try Database(inMemory: .init())
try database.write { transaction in transaction["a"] = "b" }
