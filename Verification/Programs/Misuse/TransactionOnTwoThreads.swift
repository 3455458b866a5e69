// A transaction belongs to one thread at a time.
// compiles: no
// says: non-Sendable
import Foundation
import KVDB

func share(_ database: Database) throws {
    let transaction = try database.begin()
    let thread = Thread { try? transaction.put("1", for: "from a thread") }
    thread.start()
    try transaction.put("2", for: "here")
    try transaction.commit()
}
try share(Database(inMemory: .init()))
