// Rows are found by something else than their key, and a unique index refuses a second row.
// prints:
//   [2, 3]
//   notUnique
import KVDB

extension Index where Key == Int, Value == String, IndexKey == String {
    static var name: Index { Index("name", isUnique: true) { _, name in name } }
}
extension Index where Key == Int, Value == String, IndexKey == Int {
    static var length: Index { Index("length") { _, name in name.utf8.count } }
}
let people = Table<Int, String>("people", indexes: Index.name, Index.length)

let database = try Database(inMemory: .init())
try database[people].put("bob", for: 1)
try database[people].put("anna", for: 2)
try database[people].put("otto", for: 3)
print(try database[people].index(.length).get(4).map(\.key))
do {
    try database[people].put("anna", for: 4)
} catch {
    print(error.code.name)
}
