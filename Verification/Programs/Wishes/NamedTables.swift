// Every call that the default table has, named tables have too, in snapshots and transactions.
// prints:
//   1 1 true 5
//   1 true a
//   ["ages"]
import KVDB

let ages = Table<String, UInt64>("ages")
let database = try Database(inMemory: .init())
try database[ages].put(5, for: "a")
let table = try database.snapshot()[ages]
print(
    try table.count, try table.rank(of: "b"), try table.contains("a"),
    try table.withValue(for: "a") { $0.unsafeLoad(as: UInt64.self) }!)
try database.write { transaction in
    let ages = transaction[ages]
    var cursor = try ages.cursor()
    print(try ages.count, try ages.contains("a"), try cursor.next()!.key)
}
print(try database.tableNames())
