// Errors are told apart by their code.
// prints:
//   in a closure: keyTooLong
//   switched: keyTooLong
//   where: keyTooLong
import KVDB

let database = try Database(inMemory: .init())
let long = String(repeating: "k", count: 2000)
do {
    try database.write { transaction throws(StorageError) in
        try transaction.put("", for: long)
    }
} catch {
    print("in a closure:", error.code)
}
do {
    try database.put("", for: long)
} catch {
    switch error.code {
    case .keyTooLong: print("switched:", error.code)
    default: print("other")
    }
}
do {
    try database.put("", for: long)
} catch  where error.code == .keyTooLong {
    print("where:", error.code)
}
