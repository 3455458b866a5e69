// What a closure throws comes out of the call, and nothing has changed.
// prints:
//   withValue: Refusal()
//   forEach: Refusal()
//   write: Refusal()
//   update: Refusal()
//   count: 1
import KVDB

struct Refusal: Error {}
let database = try Database(inMemory: .init())
try database.put("1", for: "a")
func refuse() throws { throw Refusal() }
do { try database.withValue(for: "a") { _ in try refuse() } } catch { print("withValue:", error) }
do { try database.forEach { _, _ in try refuse() } } catch { print("forEach:", error) }
do {
    try database.write { transaction in
        try transaction.put("2", for: "b")
        try refuse()
    }
} catch { print("write:", error) }
do {
    try database.update(Array("a".utf8)) { value in
        value = nil
        try refuse()
    }
} catch { print("update:", error) }
print("count:", try database.count)
