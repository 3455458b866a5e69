// prints:
//   people of SQLite: 2000, the last one Name 2000
//   entries of LMDB: 5000, of the group 7: 100
//   another file is refused: file is not a database
import CLMDB
import CSQLite
import Foundation
import KVDB
import KVDBFoundation

/// A SQLite database with people.
func makePeople(_ path: String) {
    var source: OpaquePointer?
    sqlite3_open(path, &source)
    sqlite3_exec(
        source,
        """
        CREATE TABLE people(id INTEGER PRIMARY KEY, name TEXT, city TEXT, email TEXT);
        WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 2000)
        INSERT INTO people SELECT n, 'Name ' || n, 'City ' || (n % 20),
            CASE WHEN n % 3 = 0 THEN NULL ELSE 'p' || n || '@example.org' END FROM numbers;
        """, nil, nil, nil)
    sqlite3_close(source)
}

/// An LMDB environment with entries.
func makeEntries(_ path: String) throws {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    var environment, transaction: OpaquePointer?
    var main: MDB_dbi = 0
    mdb_env_create(&environment)
    mdb_env_set_mapsize(environment, 64 << 20)
    mdb_env_open(environment, path, 0, 0o644)
    mdb_txn_begin(environment, nil, 0, &transaction)
    mdb_dbi_open(transaction, nil, 0, &main)
    for number in 0..<5000 {
        var key = Array("group \(number % 50)/\(number)".utf8)
        var value = Array("value \(number)".utf8)
        key.withUnsafeMutableBytes { key in
            value.withUnsafeMutableBytes { value in
                var key = MDB_val(mv_size: key.count, mv_data: key.baseAddress)
                var value = MDB_val(mv_size: value.count, mv_data: value.baseAddress)
                mdb_put(transaction, main, &key, &value, 0)
            }
        }
    }
    mdb_txn_commit(transaction)
    mdb_env_close(environment)
}

makePeople("people.sqlite")
try makeEntries("entries.lmdb")
let database = try Database(at: "migrated.kvdb")

let people = try loadPeople(fromSQLite: "people.sqlite", into: database)
let last = try database[.people].last()?.value.value
print("people of SQLite: \(people), the last one \(last?.name ?? "missing")")

let entries = Table<[UInt8], [UInt8]>("entries")
let count = try loadEntries(fromLMDB: "entries.lmdb", into: entries, of: database)
let group = try database[entries].count(in: .prefix(Array("group 7/".utf8)))
print("entries of LMDB: \(count), of the group 7: \(group)")

do {
    // LMDB's file is none of SQLite's.
    _ = try loadPeople(fromSQLite: "entries.lmdb/data.mdb", into: database)
} catch let error as SourceError {
    print("another file is refused: \(error.message)")
}
try database.close()
