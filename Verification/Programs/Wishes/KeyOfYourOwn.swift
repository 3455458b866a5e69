// A key type of one's own, without anything unsafe.
// prints:
//   ada
import KVDB

struct UserID: OrderedKey {
    var number: UInt64

    static var schemaName: String { "user" }
    init(_ number: UInt64) { self.number = number }
    init(from reader: inout KeyReader) throws(StorageError) {
        number = try UInt64(from: &reader)
    }
    func encode(into writer: inout KeyWriter) { number.encode(into: &writer) }
}
let database = try Database(inMemory: .init())
let users = database[Table<UserID, String>("users")]
try users.put("ada", for: UserID(1))
print(try users.get(UserID(1))!)
