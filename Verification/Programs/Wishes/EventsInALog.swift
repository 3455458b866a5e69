// A closure that is told what happens, for a log.
// prints:
//   checkpoint
import KVDB

var options = Database.Options()
options.onEvent = { event in
    if case .checkpoint = event { print("checkpoint") }
}
let database = try Database(at: "my.kvdb", options: options)
try database.put("1", for: "a")
try database.checkpoint()
options.onEvent = nil
