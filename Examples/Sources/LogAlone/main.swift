// Products: WAL, StorageIO
//
// The log by itself: an event journal that survives a crash, here with any bytes as its records.

import StorageIO
import WAL

let path = CommandLine.arguments.dropFirst().first ?? "journal.log"
let files = POSIXFileSystem()
let identity = LogIdentity(high: 0x6a6f_7572_6e61_6c00, low: 1)

/// Appends one event; it is durable when the call returns.
func record(
    _ event: String, number: UInt64, in log: WriteAheadLog<POSIXFileSystem>
) throws(StorageError) {
    let end = try event.withByteView { event throws(StorageError) in
        try log.append(event, transaction: number)
    }
    try log.sync(through: end)
}

func run() throws(StorageError) {
    var events: [String] = []
    let log = try WriteAheadLog.open(files: files, path: path, identity: identity) { event in
        events.append(String(decoding: event.payload.array, as: UTF8.self))
    }
    let first = events.count
    for number in first..<first + 3 {
        try record("event \(number)", number: UInt64(number), in: log)
    }
    try log.close(removing: false)

    var replayed: [String] = []
    let reopened = try WriteAheadLog.open(files: files, path: path, identity: identity) { event in
        replayed.append(String(decoding: event.payload.array, as: UTF8.self))
    }
    try reopened.close(removing: false)
    precondition(replayed == (0..<first + 3).map { "event \($0)" }, "an event is missing")
    print("log alone: \(replayed.count) events replayed, the last is \(replayed.last!)")
}

try run()
