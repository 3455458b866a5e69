// A transaction in a global variable could never be ended.
// compiles: no
// says: cannot consume
import KVDB

let database = try Database(inMemory: .init())
let transaction = try database.begin()
try transaction.put("1", for: "a")
try transaction.commit()
