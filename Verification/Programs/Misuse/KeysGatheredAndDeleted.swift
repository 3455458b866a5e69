// What to write instead of gathering lent keys: the keys themselves, or one call.
// prints:
//   deleted 1000
//   deleted 1000
//   left 0
import KVDB

let database = try Database(inMemory: .init())
for _ in 0..<2 {
    try database.put(
        contentsOf: (0..<1000).map { (Array("session/\($0)".utf8), Array("value".utf8)) })
    let keys = try database.keys(in: .prefix(Array("session/".utf8)))
    print("deleted", try database.delete(contentsOf: keys))
}
print("left", try database.count)
