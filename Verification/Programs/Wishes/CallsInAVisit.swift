// A visit's closure may call the database, and throw.
// prints:
//   there
import KVDB

let database = try Database(inMemory: .init())
try database.put("1", for: "a")
try database.forEach { key, value in
    if try database.contains(key) { print("there") }
}
