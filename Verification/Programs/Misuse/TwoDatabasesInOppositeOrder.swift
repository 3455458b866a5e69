// Two threads that each want what the other has: one of them gives up when its time is over.
// prints:
//   both at once: false
import Dispatch
import KVDB

let options = Database.Options(writerTimeout: .milliseconds(200))
let a = try Database(inMemory: options)
let b = try Database(inMemory: options)
final class Failures: @unchecked Sendable {
    private let lock = DispatchSemaphore(value: 1)
    private var count = 0
    func note() {
        lock.wait()
        count += 1
        lock.signal()
    }
    var isSome: Bool { count > 0 }
}
let failures = Failures()
let arrivals = [DispatchSemaphore(value: 0), DispatchSemaphore(value: 0)]
DispatchQueue.concurrentPerform(iterations: 2) { thread in
    let (first, second) = thread == 0 ? (a, b) : (b, a)
    do {
        try first.write { _ in
            // Each has its first one by now.
            arrivals[thread].signal()
            _ = arrivals[1 - thread].wait(timeout: .now() + 10)
            try second.put("value", for: "key")
        }
    } catch {
        failures.note()
    }
}
print("both at once:", !failures.isSome)
