// Spans go in and come out.
// prints:
//   3
//   4
import KVDB

let database = try Database(inMemory: .init())
let bytes: [UInt8] = [1, 2, 3]
try database.put(bytes.span.bytes, for: "k")
print(try database.withValue(for: "k") { $0.byteCount }!)
let key: [4 of UInt8] = [1, 2, 3, 4]
try database.put("v", for: key)
print(try database.entry(at: 0)!.key.count)
