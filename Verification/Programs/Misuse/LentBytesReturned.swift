// The bytes of a value must not come out of the closure that they are lent to: it becomes one without a result.
// compiles: no
// says: value of tuple type
import KVDB

let database = try Database(inMemory: .init())
try database.put("value", for: "key")
let bytes = try database.withValue(for: "key") { $0 }
print(bytes!.byteCount)
