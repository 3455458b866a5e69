// A transaction visits its tables, sees its own changes, and creates, drops and lists tables.
// prints:
//   bo 7
//   ["ages", "empty"]
//   ["empty"]
import KVDB

let ages = Table<String, Int>("ages")
let database = try Database(inMemory: .init())
try database.write { transaction in
    try transaction[ages].put(7, for: "bo")
    try transaction[ages].forEach { name, age in print(name, age) }
    try transaction.create(Table<Int, Int>("empty"))
}
print(try database.tableNames())
try database.write { transaction in _ = try transaction.drop(ages) }
print(try database.tableNames())
