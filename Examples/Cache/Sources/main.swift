// prints:
//   file: 198 values of 199386 bytes; 9 of them have ended
//   file: key 401 is kept since it was used, key 402 is gone: true true
//   memory: 198 values of 199386 bytes; 9 of them have ended
//   memory: key 401 is kept since it was used, key 402 is gone: true true
import KVDB

func tryOut(_ name: String, _ database: Database) throws {
    let cache = Cache(database: database, sizeLimit: 200_000)
    for number in 0..<500 {
        // One in ten ends at 10, the others at 60.
        try cache.put(
            [UInt8](repeating: 7, count: 1000), for: "key \(number)",
            until: number.isMultiple(of: 10) ? 10 : 60)
    }
    let size = try database[.totals].get("size") ?? 0
    print("\(name): \(try database[.values].count) values of \(size) bytes; ", terminator: "")
    _ = try cache.get("key 401", at: 5)
    for number in 500..<600 {
        try cache.put([UInt8](repeating: 7, count: 1000), for: "key \(number)", until: 60)
    }
    print("\(try cache.sweep(at: 20)) of them have ended")
    print(
        "\(name): key 401 is kept since it was used, key 402 is gone:",
        try cache.get("key 401", at: 20) != nil, try cache.get("key 402", at: 20) == nil)
    try database.close()
}
try tryOut("file", Database(at: "cache.kvdb", options: .init(durability: .buffered)))
try tryOut("memory", Database(inMemory: .init()))
