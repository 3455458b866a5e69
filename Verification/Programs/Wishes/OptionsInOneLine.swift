// Options with the values that differ.
// prints:
//   readOnly
import KVDB

try Database(at: "my.kvdb").close()
let database = try Database(
    at: "my.kvdb", options: .init(access: .readOnly, cacheBudget: 1 << 20))
do { try database.put("1", for: "a") } catch { print(error.code) }
