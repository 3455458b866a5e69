// The closure of write does not own the transaction, so it can't end it.
// compiles: no
// says: borrowed and cannot be consumed
import KVDB

let database = try Database(inMemory: .init())
try database.write { transaction in
    try transaction.put("1", for: "a")
    try transaction.commit()
}
