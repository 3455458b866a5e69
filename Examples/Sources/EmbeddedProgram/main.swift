// Built under Embedded Swift (make embedded): no runtime metadata, no Foundation, no existentials.

import KVDB
import PageStore
import StorageIO
import WAL

func run() throws(StorageError) {
    let database = try Database.open("embedded.db")
    try database.write { transaction throws(StorageError) in
        for number in 0..<1000 { try transaction.put("key \(number)", "value \(number)") }
    }
    try database.close()

    let reopened = try Database.open("embedded.db")
    guard try reopened.count() == 1000, try reopened.get("key 321") == Array("value 321".utf8)
    else {
        preconditionFailure("an entry is missing after the reopen")
    }
    try reopened.close()
}

do throws(StorageError) {
    try run()
    print("OK: 1000 entries written, the database reopened, and one of them read")
} catch {
    print(error.message)
}
