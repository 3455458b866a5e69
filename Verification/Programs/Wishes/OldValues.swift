// Old values, insertions, first entries, in one call each.
// prints:
//   1
//   nil
//   true false
//   a
import KVDB

let database = try Database(inMemory: .init())
let table = database[Table<String, String>("t")]
try table.put("1", for: "a")
try database.write { transaction in
    let table = transaction[Table<String, String>("t")]
    print(try table.take("a") ?? "nil")
    print(try table.take("a") ?? "nil")
    print(try table.insert("2", for: "a"), try table.insert("3", for: "a"))
    print(try table.first()!.key)
}
