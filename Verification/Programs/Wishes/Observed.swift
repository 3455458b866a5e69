// A task hears of commits, and of what a closure reads whenever that has changed.
// main: yes
// prints:
//   changed
//   0
//   1
import KVDB

@main struct Program {
    static func main() async throws {
        let database = try Database(inMemory: .init())
        let changes = database.changes()
        try await database.put("1", for: "b")
        for try await change in changes {
            let newest = try database.version
            print(change.version == newest ? "changed" : "another version")
            break
        }
        let counts = database.observe { try $0.count(in: .prefix(Array("a".utf8))) }
        for try await count in counts {
            print(count)
            if count == 1 { break }
            try await database.put("1", for: "a")
        }
    }
}
