@_spi(Engine) import DatabaseTesting
@_spi(Engine) import KVDB
import StorageIO
import StorageIOTesting

/// One step of a scripted life in which calls fail.
enum FaultStep: Sendable {
    /// A transaction with these changes.
    case commit([Change], Durability = .full)
    /// The same, taken back.
    case abort([Change])
    /// An import of these events.
    case importEntries([ExportEvent], replacing: Bool)
    /// An export into a file that appears when it is whole, plain or as an LZ4 frame.
    case export(packed: Bool)
    /// An import of the file that the last `export` wrote, in place of everything.
    case importFile
    case sync
    case checkpoint
    case compact
    case verify
    /// Everything is read, through whatever cache there is.
    case read
    /// A second writer waits in vain for a transaction that is then committed.
    case waitInVain([Change])
    /// A snapshot is taken, and compared when it is given back.
    case hold, release
    case reopen
    /// Closed, read by a handle that may only read, and opened again.
    case reopenReadOnly
}

/// A small life of a database, for one thing that can go wrong in many places.
struct FaultScenario: Sendable {
    let name: String
    var options: DatabaseOptions
    /// What is there before faults begin.
    let setup: [FaultStep]
    /// Whether the setup ends in a clean close; else its process was killed, and the log is there.
    let closes: Bool
    let steps: [FaultStep]
    /// Whether the first handle of the steps only reads.
    var opensReadOnly = false

    init(
        _ name: String, setup: [FaultStep] = [], closes: Bool = true, readOnly: Bool = false,
        options adjust: (inout DatabaseOptions) -> Void = { _ in }, _ steps: [FaultStep]
    ) {
        self.name = name
        options = .small
        options.logBudget = 12 << 10
        options.loggedTransactionLimit = 8 << 10
        adjust(&options)
        self.setup = setup
        self.closes = closes
        self.steps = steps
        opensReadOnly = readOnly
    }

    /// The content after `step` on `model`; `exported` is what the last export wrote.
    static func state(
        after step: FaultStep, _ model: DatabaseModel, exported: DatabaseModel?
    ) -> DatabaseModel {
        var model = model
        switch step {
        case .commit(let changes, _), .waitInVain(let changes):
            for change in changes { model.apply(change) }
        case .importEntries(let events, let replacing):
            model = CrashWorkload.state(
                after: .importEntries(events, replacing: replacing), model)
        case .importFile:
            if let exported { model = exported }
        default: break
        }
        return model
    }
}

/// Puts changes and events together; equal seeds give equal ones.
struct FaultScript {
    private var random: SeededRandom

    init(_ seed: UInt64) { random = SeededRandom(seed: seed) }

    /// Puts of `numbers` with values of `length` bytes.
    mutating func put(
        _ numbers: some Sequence<Int>, _ length: Int, table: String = ""
    ) -> [Change] {
        numbers.map { .put(numberKey($0), random.bytes(length), table: table) }
    }

    /// `count` commits of `size` puts each, of ascending or random keys.
    mutating func commits(
        _ count: Int, of size: Int, _ length: Int, below limit: Int? = nil,
        _ durability: Durability = .full
    ) -> [FaultStep] {
        (0..<count).map { part in
            let numbers = (0..<size).map { limit.map { random.below($0) } ?? part * size + $0 }
            return .commit(put(numbers, length), durability)
        }
    }

    /// An export's events: `count` entries in the default table, as many in one named.
    mutating func events(_ count: Int, _ length: Int, sorted: Bool = true) -> [ExportEvent] {
        var events: [ExportEvent] = [.table([])]
        for index in 0..<count {
            let number = sorted ? 2000 + index : random.below(3000)
            events.append(.entry(key: numberKey(number), value: random.bytes(length)))
        }
        events.append(.table(Array("imported".utf8)))
        for index in 0..<count {
            events.append(.entry(key: numberKey(index), value: random.bytes(20)))
        }
        events.append(.end(entryCount: UInt64(2 * count)))
        return events
    }
}

/// Deletes of these keys.
func deletes(_ numbers: some Sequence<Int>, table: String = "") -> [Change] {
    numbers.map { .delete(numberKey($0), table: table) }
}
