// prints:
//   account-3 has 20 events, the last ones are 16, 17, 18, 19, 20
//   refused: account-3 ends with event 20
//   400 events make the balance of account-3 35
import Foundation
import KVDB
import KVDBFoundation

try? FileManager.default.removeItem(atPath: "events.kvdb")
let store = EventStore(database: try Database(at: "events.kvdb"))
let tenant = UUID()
for account in 0..<20 {
    let stream = Stream(tenant: tenant, account: "account-\(account)")
    for day in 0..<10 {
        try store.append(
            [Event(kind: "deposit", amount: day), Event(kind: "fee", amount: -1)],
            to: stream, after: UInt64(day * 2))
    }
}
let stream = Stream(tenant: tenant, account: "account-3")
let recent = try store.events(of: stream, from: 16).map { "\($0.number)" }
print(
    "account-3 has \(try store.events(of: stream).count) events, the last ones are "
        + recent.joined(separator: ", "))

do {
    try store.append([Event(kind: "deposit", amount: 1)], to: stream, after: 4)
} catch let error as UnexpectedEnd {
    print("refused: account-3 ends with event \(error.number)")
}

var projected = 0
while case let count = try store.project(), count > 0 { projected += count }
let balance = try store.database[.balances].get(Keys(tenant, "account-3")) ?? 0
print("\(projected) events make the balance of account-3 \(balance)")
try store.database.close()
