// A table gets another name, with its entries and types.
// prints:
//   ["years"]
//   7
import KVDB

let ages = Table<String, Int>("ages")
let years = Table<String, Int>("years")
let database = try Database(inMemory: .init())
try database[ages].put(7, for: "bo")
try database.write { transaction in try transaction.rename(ages, to: "years") }
print(try database.tableNames())
print(try database[years].get("bo") ?? 0)
