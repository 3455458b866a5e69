// A table may be changed while it is visited: in a transaction each step sees what is there by then, and beside
// one the visit goes on in its version.
// prints:
//   left in the transaction: 0
//   visited beside changes: 10
//   left: 0
import KVDB

let database = try Database(inMemory: .init())
func fill(_ table: borrowing some TableChanging<[UInt8], [UInt8]> & ~Copyable) throws {
    for number in 0..<10 { try table.put("value", for: "k\(number)") }
}
try database.write { transaction in
    try fill(transaction)
    try transaction.forEach { key, _ in try transaction.delete(key) }
    print("left in the transaction:", try transaction.count)
}
try fill(database)
var visited = 0
try database.forEach { key, _ in
    visited += 1
    try database.delete(key)
}
print("visited beside changes:", visited)
print("left:", try database.count)
