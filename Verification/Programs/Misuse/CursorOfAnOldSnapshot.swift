// A cursor reads its own version, whatever became of the database.
// prints:
//   1000
import KVDB

let database = try Database(at: "my.kvdb")
try database.put(contentsOf: (0..<1000).map { (Array("k\($0)".utf8), Array("v".utf8)) })
func look() throws {
    var cursor = try database.snapshot().cursor()
    for _ in 0..<5 {
        try database.delete(in: .all)
        try database.put(contentsOf: (0..<1000).map { (Array("z\($0)".utf8), Array("w".utf8)) })
        try database.checkpoint()
    }
    var count = 0
    while let (key, _) = try cursor.next() {
        if key.first == UInt8(ascii: "k") { count += 1 }
    }
    print(count)
}
try look()
