// The closure of write can't put another database's transaction in place of its own.
// compiles: no
// says: cannot assign
import KVDB

let one = try Database(inMemory: .init())
let other = try Database(inMemory: .init())
try one.write { transaction in
    try transaction.put("1", for: "in one")
    transaction = try other.begin()
    try transaction.put("1", for: "in the other")
}
