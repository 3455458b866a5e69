// What takes long is stopped by what its progress closure throws, or with its task.
// main: yes
// prints:
//   stopped
//   cancelled
//   true
import KVDB

@main struct Program {
    static func main() async throws {
        let database = try Database(inMemory: .init())
        try await database.put("1", for: "a")
        do {
            _ = try await database.verify(progress: { _ in throw CancellationError() })
        } catch is CancellationError {
            print("stopped")
        }
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await database.verify()
        }
        do {
            _ = try await task.value
        } catch is CancellationError {
            print("cancelled")
        }
        print(try await database.verify().isSound)
    }
}
