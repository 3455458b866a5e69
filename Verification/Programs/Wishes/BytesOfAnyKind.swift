// Whatever has bytes is a key and a value of the default table, whose own bytes are arrays.
// prints:
//   v v v
//   same
//   1
import KVDB

let database = try Database(inMemory: .init())
let name: StaticString = "static"
try database.put("v", for: "utf8".utf8)
try database.put("v", for: name)
try database.put("slice"[...], for: "substring".dropFirst(3))
try database.put("v", for: "part of it".prefix(4).utf8)
print(
    try ["utf8", "static", "part"].map { String(decoding: try database.get($0)!, as: UTF8.self) }
        .joined(separator: " "))
try database.put("same", for: "same")
try database.forEach { key, value in
    if key == value { print(String(decoding: key, as: UTF8.self)) }
}
try database.write { transaction in
    print(try transaction.withValue(for: "utf8") { $0.byteCount }!)
}
