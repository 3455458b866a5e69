// Pairs of any sequence.
// prints:
//   3
import KVDB

let database = try Database(inMemory: .init())
let table = database[Table<String, [UInt8]>("t")]
let pairs: [(String, [UInt8])] = [("a", [1])]
try table.put(contentsOf: pairs)
try table.put(contentsOf: ["b": [2], "c": [3]])
print(try table.count)
