// Products: KVDB
//
// The first program of the README.

import KVDB

extension Table where Key == String, Value == String {
    static var colors: Self { Self("colors") }
}

let database = try Database(at: "fruit.db")
let colors = database[.colors]

// A put by itself is durable when the call returns.
try colors.put("red", for: "apple")

// Several changes belong together: they commit when the closure returns, and leave no trace if it throws.
try database.write { transaction in
    let colors = transaction[.colors]
    try colors.put("yellow", for: "banana")
    try colors.put("blue", for: "blueberry")
    try colors.delete("cherry")
}

// A snapshot shows one version for as long as it lives, whatever is written meanwhile.
let snapshot = try database.snapshot()
try colors.put("red", for: "cherry")
print("\(try snapshot[.colors].count) entries then, \(try colors.count) now")

// Entries come in the order of their keys, and a range is counted without being read.
for (fruit, color) in try colors.entries(in: .prefix("b")) { print(fruit, color) }
print("\(try colors.count(in: "banana"...)) from banana on")

try database.close()
