// Built under Embedded Swift (make embedded): no runtime metadata, no Foundation, no existentials.

import KVDB

/// The least memory that a database does with.
func smallOptions() -> Database.Options {
    var options = Database.Options()
    options.cacheBudget = 64 << 10
    options.dirtyBudget = 16 << 10
    options.logBudget = 32 << 10
    options.logSegmentSize = 4096
    options.loggedTransactionLimit = 16 << 10
    options.sizeLimit = 16 << 20
    options.checkpointPolicy = .inline
    return options
}

func write() throws(StorageError) {
    let database = try Database(at: "embedded.db", options: smallOptions())
    for start in stride(from: 0, to: 1000, by: 20) {
        try database.write { transaction throws(StorageError) in
            for number in start..<start + 20 {
                try transaction.put("value \(number)", for: "key \(number)")
            }
        }
    }
    try database.close()
}

func read() throws(StorageError) {
    let database = try Database(at: "embedded.db", options: smallOptions())
    guard try database.count == 1000, try database.get("key 321") == Array("value 321".utf8)
    else {
        preconditionFailure("an entry is missing after the reopen")
    }
    var scanned = 0
    try database.forEach { _, _ in scanned += 1 }
    guard scanned == 1000 else { preconditionFailure("the scan missed an entry") }
    print("OK: 1000 entries written, the database reopened, one of them read, and all scanned")
    try database.close()
}

do throws(StorageError) {
    try write()
    try read()
} catch {
    print(error.message)
    preconditionFailure("the database failed")
}
