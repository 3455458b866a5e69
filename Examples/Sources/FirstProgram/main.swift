// Products: KVDB
//
// The first program of the README.

import KVDB

let database = try FileDatabase.open("fruit.db")

// A write by itself is durable when the call returns.
try database.put("apple", "red")

// Several belong together: they commit when the closure returns, and leave no trace if it throws.
try database.write { transaction in
    try transaction.put("banana", "yellow")
    try transaction.put("blueberry", "blue")
    try transaction.delete("apple")
}

// A snapshot sees one version for as long as it lives, whatever is written meanwhile.
let snapshot = try database.snapshot()
try database.put("cherry", "red")
print("\(snapshot.count) entries then, \(try database.count()) now")

// Entries come in key order, and ranges are counted without being read.
try database.forEach(in: .prefix("b")) { key, value in
    print(String(decoding: key.array, as: UTF8.self), String(decoding: value.array, as: UTF8.self))
    return true
}
print("\(try database.count(in: .from("banana"))) from banana on")

try database.close()
