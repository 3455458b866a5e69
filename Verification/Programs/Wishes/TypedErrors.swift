// A function that throws the database's errors only.
// prints:
//   b
import KVDB

func save(_ database: Database) throws(StorageError) {
    try database.write { transaction throws(StorageError) in
        try transaction.put("b", for: "a")
    }
}
let database = try Database(inMemory: .init())
try save(database)
print(String(decoding: try database.get("a")!, as: UTF8.self))
