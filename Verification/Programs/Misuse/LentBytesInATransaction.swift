// In a transaction too, what a visit lends stays inside.
// compiles: no
// says: lifetime-dependent
import KVDB

let database = try Database(inMemory: .init())
try database.write { transaction in
    try transaction.put("value", for: "key")
    var kept = RawSpan()
    try transaction.scan { _, value in
        kept = value
        return true
    }
    try transaction.put("other", for: "key")
    print(kept.byteCount)
}
