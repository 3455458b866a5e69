// A value that is lent stays as it is while others change the database, and while it is closed.
// prints:
//   AAAAAAAA then AAAAAAAA
//   after close: AAAAAAAA
//   visited its version: true
import KVDB

extension RawSpan {
    var text: String {
        var bytes: [UInt8] = []
        for index in 0..<byteCount {
            bytes.append(unsafeLoad(fromByteOffset: index, as: UInt8.self))
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
let database = try Database(at: "my.kvdb")
try database.put("AAAAAAAA", for: "key")
try database.withValue(for: "key") { value in
    let before = value.text
    try database.put("BBBBBBBB", for: "key")
    print(before, "then", value.text)
}
try database.put("AAAAAAAA", for: "key")
for number in 0..<100 { try database.put("value", for: "k\(number)") }
var visited = 0
do {
    // What is in memory is still there; a page that is not ends the visit by an error.
    try database.forEach { _, _ in
        visited += 1
        if visited == 5 {
            try database.withValue(for: "key") { value in
                try database.close()
                print("after close:", value.text)
            }
        }
    }
} catch let error as StorageError where error.code == .closed {}
print("visited its version:", visited <= 101 && visited >= 5)
