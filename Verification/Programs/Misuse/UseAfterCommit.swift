// A transaction ends with its commit.
// compiles: no
// says: used after consume
import KVDB

func twice() throws {
    let database = try Database(inMemory: .init())
    let transaction = try database.begin()
    try transaction.put("1", for: "a")
    try transaction.commit()
    try transaction.put("2", for: "b")
}
try twice()
