// Products: WAL, StorageIO
//
// The log by itself: a journal that survives a crash and keeps its newest events. The log recycles what
// lies before a position, which stands in a file beside it: start it as often as you like, the files stay
// small.

import StorageIO
import WAL

let path = CommandLine.arguments.dropFirst().first ?? "journal.log"
let files = POSIXFileSystem()
let identity = LogIdentity(high: 0x6a6f_7572_6e61_6c00, low: 1)
let keptEvents = 6

/// An event, with the position in the log behind it.
struct Event {
    var number: UInt64
    var text: String
    var end: LogSequenceNumber
}

/// Where the journal begins; 0 until something was recycled.
func savedPosition() throws(StorageError) -> LogSequenceNumber {
    var position: LogSequenceNumber = 0
    guard try files.exists(path + ".position") else { return position }
    let file = try files.open(path + ".position", .readOnly)
    defer { file.close() }
    _ = try withUnsafeMutableBytes(of: &position) { bytes throws(StorageError) in
        try file.read(into: bytes, at: 0)
    }
    return position
}

/// Makes durable where the journal begins: in a new file, which takes the old one's place in one step.
func save(_ position: LogSequenceNumber) throws(StorageError) {
    let file = try files.open(path + ".position.new", .create)
    defer { file.close() }
    try withUnsafeBytes(of: position) { bytes throws(StorageError) in
        try file.write(bytes, at: 0)
    }
    try file.sync()
    try files.rename(path + ".position.new", to: path + ".position", replacing: true)
    try files.syncDirectory(of: path)
}

/// Opens the journal, and gives the events that it has kept.
func open() throws(StorageError) -> (log: WriteAheadLog<POSIXFileSystem>, events: [Event]) {
    var events: [Event] = []
    var options = LogOptions()
    // Each start that appends takes a segment until that is recycled.
    options.segmentSize = 4096
    let log = try WriteAheadLog.open(
        files: files, path: path, identity: identity, from: savedPosition(), options: options
    ) { event in
        let text = String(decoding: event.payload.array, as: UTF8.self)
        events.append(Event(number: event.transaction, text: text, end: event.end))
    }
    return (log, events)
}

/// Appends one event; it is durable when the call returns.
func record(
    _ text: String, number: UInt64, in log: WriteAheadLog<POSIXFileSystem>
) throws(StorageError) -> Event {
    let end = try withByteView(of: text) { event throws(StorageError) in
        try log.append(event, transaction: number)
    }
    try log.sync(through: end)
    return Event(number: number, text: text, end: end)
}

func run() throws(StorageError) {
    var (log, events) = try open()
    let first = events.last.map { $0.number + 1 } ?? 0
    for number in first..<first + 3 {
        events.append(try record("event \(number)", number: number, in: log))
    }
    if events.count > keptEvents {
        // The position first, durably: the log does not know where it begins.
        let forgotten = events.count - keptEvents
        let position = events[forgotten - 1].end
        try save(position)
        try log.recycle(before: position)
        events.removeFirst(forgotten)
    }
    try log.close(removing: false)

    let (reopened, replayed) = try open()
    try reopened.close(removing: false)
    precondition(replayed.map(\.text) == events.map(\.text), "an event is missing")
    precondition(replayed.last?.text == "event \(first + 2)")
    precondition(log.byteCount < 16 * 4096, "the file grows")
    print("log alone: \(replayed.count) events kept, the last is \(replayed.last!.text)")
}

try run()
