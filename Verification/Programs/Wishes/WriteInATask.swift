// A task writes with await, and no thread is blocked for it.
// prints:
//   100
import KVDB

let database = try Database(inMemory: .init())
try await withThrowingTaskGroup { group in
    for number in 0..<100 {
        group.addTask {
            try await database.write { transaction in
                try transaction.put("\(number)", for: "key \(number)")
            }
        }
    }
    try await group.waitForAll()
}
print(try database.count)
