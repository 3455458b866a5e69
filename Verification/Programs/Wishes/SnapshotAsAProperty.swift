// A snapshot in a struct, without the name of any other layer.
// prints:
//   1
import KVDB

struct View {
    let snapshot: Database.Snapshot
    var count: Int { get throws { try snapshot.count } }
}
let database = try Database(inMemory: .init())
try database.put("1", for: "a")
print(try View(snapshot: database.snapshot()).count)
