// Strings that are equal in Swift may have different bytes, and are different keys then.
// prints:
//   equal true, same key false
//   the empty key: empty
//   a range upside down: 0
import KVDB

let database = try Database(inMemory: .init())
let composed = "caf\u{e9}"
let decomposed = "cafe\u{301}"
try database.put("1", for: composed)
print("equal \(composed == decomposed), same key \(try database.contains(decomposed))")
try database.put("empty", for: "")
print("the empty key:", String(decoding: try database.get("")!, as: UTF8.self))
let (low, high) = (Array("a".utf8), Array("z".utf8))
print(
    "a range upside down:", try database.count(in: KeyInterval(from: .with(high), to: .with(low))))
