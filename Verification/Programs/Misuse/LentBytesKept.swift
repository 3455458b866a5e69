// The bytes of a value must not be kept in a variable outside of the closure.
// compiles: no
// says: lifetime-dependent
import KVDB

func leak() throws {
    let database = try Database(inMemory: .init())
    try database.put("value", for: "key")
    var kept = RawSpan()
    try database.withValue(for: "key") { kept = $0 }
    try database.close()
    print(kept.byteCount)
}
try leak()
