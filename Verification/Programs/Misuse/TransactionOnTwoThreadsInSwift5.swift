// Swift 5 does not see that two threads use one transaction: then calls that meet get an error, and
// every put that returned without one is there.
// language: 5
// prints:
//   as many as were put: true
//   an error other than busy: false
import Dispatch
import KVDB

final class Tally: @unchecked Sendable {
    private let lock = DispatchSemaphore(value: 1)
    private(set) var done = 0
    private(set) var isOther = false

    func note(_ error: StorageError?) {
        lock.wait()
        defer { lock.signal() }
        if error == nil { done += 1 }
        if let error, error.code != .busy { isOther = true }
    }
}

func share() throws {
    let database = try Database(inMemory: .init())
    let tally = Tally()
    let transaction = try database.begin()
    DispatchQueue.concurrentPerform(iterations: 4) { thread in
        for number in 0..<2000 {
            do throws(StorageError) {
                try transaction.put("1", for: "\(thread)-\(number)")
                tally.note(nil)
            } catch {
                tally.note(error)
            }
        }
    }
    try transaction.commit()
    print("as many as were put:", try database.count == tally.done)
    print("an error other than busy:", tally.isOther)
}
try share()
