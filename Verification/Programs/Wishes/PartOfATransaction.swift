// A part of a transaction is taken back by itself, and the rest is committed.
// prints:
//   refused
//   ["ada", "eve"]
import KVDB

struct Refused: Error {}

let names = Table<String, Int>("names")
let database = try Database(inMemory: .init())
try database.write { transaction in
    try transaction[names].put(1, for: "ada")
    do {
        try transaction.savepoint { transaction in
            try transaction[names].put(2, for: "bo")
            throw Refused()
        }
    } catch is Refused { print("refused") }
    try transaction[names].put(3, for: "eve")
}
print(try database[names].keys())
