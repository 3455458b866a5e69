// Swift's own ranges, prefixes, pages.
// prints:
//   2 3 3 2 1
//   b: 2
//   c: 3
//   ["c", "d"]
import KVDB

let database = try Database(inMemory: .init())
let letters = database[Table<String, String>("letters")]
for (letter, number) in [("a", "1"), ("b", "2"), ("c", "3"), ("d", "4")] {
    try letters.put(number, for: letter)
}
print(
    try letters.count(in: "a"..<"c"), try letters.count(in: "a"..."c"),
    try letters.count(in: "b"...), try letters.count(in: ..<"c"),
    try letters.count(in: .prefix("a")))
for (letter, number) in try letters.entries(in: "b"..."c") { print("\(letter): \(number)") }
print(try letters.keys(in: .after("b"), limit: 50))
