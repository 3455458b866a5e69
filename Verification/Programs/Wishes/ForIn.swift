// Entries in a loop.
// prints:
//   a
//   b
//   b
import KVDB

let database = try Database(inMemory: .init())
try database.put("1", for: "a")
try database.put("2", for: "b")
for (key, _) in try database.snapshot().entries() { print(String(decoding: key, as: UTF8.self)) }
for (key, _) in try database.entries(in: .prefix(Array("b".utf8))) {
    print(String(decoding: key, as: UTF8.self))
}
