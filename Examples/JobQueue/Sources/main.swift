// prints:
//   a second daily report is refused
//   295 jobs finished by 4 workers, each once
//   6 jobs failed too often: 50, 100, 150, 200, 250, 300
//   0 jobs left
import Foundation
import KVDB
import KVDBFoundation

try? FileManager.default.removeItem(atPath: "jobs.kvdb")
let queue = JobQueue(database: try Database(at: "jobs.kvdb"))
for number in 1...300 { _ = try await queue.add("mail \(number)") }
_ = try await queue.add("the day's figures", name: "daily report")
if try await queue.add("the day's figures", name: "daily report") == nil {
    print("a second daily report is refused")
}

/// Works until nothing is left. Returns the numbers of the jobs that it finished.
@Sendable func work() async throws -> [UInt64] {
    var finished: [UInt64] = []
    while try !queue.database[.jobs].isEmpty {
        guard let lease = try await queue.take(for: 0.2) else {
            // Others have them; one of those may die.
            try await Task.sleep(for: .milliseconds(10))
            continue
        }
        let (id, attempts) = (lease.job.id, lease.job.attempts)
        if id.isMultiple(of: 50) {
            try await queue.fail(lease)
        } else if id.isMultiple(of: 77), attempts == 1 {
            // As if the worker had died: the job is handed out again when the time is over.
        } else {
            do {
                try await queue.finish(lease)
                finished.append(id)
            } catch is LeaseLost {
                // This worker was too slow, and another one does it.
            }
        }
    }
    return finished
}
let finished = try await withThrowingTaskGroup(of: [UInt64].self) { group in
    for _ in 0..<4 { group.addTask { try await work() } }
    var finished: [UInt64] = []
    for try await some in group { finished += some }
    return finished
}
let isEachOnce = Set(finished).count == finished.count
print("\(finished.count) jobs finished by 4 workers, \(isEachOnce ? "each once" : "some twice")")

let dead = try queue.database[.dead].keys()
print("\(dead.count) jobs failed too often: " + dead.map(String.init).joined(separator: ", "))
print("\(try queue.database[.jobs].count) jobs left")
try queue.database.close()
