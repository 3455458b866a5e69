// The closure of write may change what belongs to the caller's actor.
// prints:
//   1
import KVDB

@MainActor final class Model {
    var number = 0
    let database: Database

    init() throws { database = try Database(inMemory: .init()) }

    func bump() throws {
        try database.write { transaction in
            number += 1
            try transaction.put("\(number)", for: "n")
        }
    }
}
let model = try Model()
try model.bump()
print(model.number)
