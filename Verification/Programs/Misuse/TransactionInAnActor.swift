// An actor may keep a transaction from one call to the next. It belongs to no thread, so that works; others wait, and
// their wait has a limit, which says who is in the way.
// prints:
//   timedOut
//   names the place of its begin: true
//   count: 1
import KVDB

actor Session {
    private let database: Database
    private var transaction: Database.Transaction?

    init(_ database: Database) { self.database = database }

    func begin() throws { transaction = try database.begin() }

    func put(_ value: String, for key: String) throws {
        try transaction?.put(value, for: key)
    }

    func commit() throws {
        if let transaction = transaction.take() { try transaction.commit() }
    }
}

func put(_ database: Database) throws { try database.put("2", for: "b") }
let database = try Database(inMemory: .init(writerTimeout: .milliseconds(50)))
let session = Session(database)
try await session.begin()
try await session.put("1", for: "a")
do {
    try put(database)
} catch let error as StorageError {
    print(error.code)
    print("names the place of its begin:", error.message.contains("TransactionInAnActor"))
}
try await session.commit()
print("count:", try database.count)
