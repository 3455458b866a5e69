// Foundation's types are keys and values, and a database is where a URL says.
// imports: KVDBFoundation
// prints:
//   true
//   [1, 2]
//   ada
//   2026-01-01 00:00:00 +0000 https://www.swift.org
//   forty-two
import Foundation
import KVDB
import KVDBFoundation

struct User: Codable { var name: String }

let database = try Database(at: URL(filePath: "my.kvdb"))
print(FileManager.default.fileExists(atPath: "my.kvdb"))
try database.put(Data([1, 2]), for: Data([0]))
let data = Data(try database.get([0])!)
print(Array(data))

let users = database[Table<UUID, JSON<User>>("users")]
let id = UUID()
try users.put(JSON(User(name: "ada")), for: id)
print(try users.get(id)!.value.name)

let links = database[Table<Date, URL>("links")]
try links.put(
    URL(string: "https://www.swift.org")!, for: Date(timeIntervalSince1970: 1_767_225_600))
for (date, link) in try links.entries() { print(date, link) }

let numbers = database[Table<Int, String>("numbers")]
try numbers.put("forty-two", for: 42)
print(try numbers.get(42)!)
