@_spi(Engine) import KVDB
import PageStore
import StorageIO
import StorageIOTesting
import Synchronization
import WAL

/// Numbers the events of a run, over all its threads.
public final class EventCounter: Sendable {
    private let next = Atomic(0)

    public init() {}

    public func tick() -> Int { next.add(1, ordering: .sequentiallyConsistent).oldValue }
}

/// Threads that append to lists in a database and read them, and the history of what each saw.
///
/// A transaction has 1 to 6 operations: it appends and reads in a write transaction that commits at
/// some level, aborts or is dropped; or it reads in a snapshot, or one list by a read of its own. A
/// thread beside them keeps house. Lists lie in the default table and in a named one. Each is used
/// for a while and then left for the next, so that none grows for ever.
///
/// The draws follow from the seed; how the threads fall does not.
public struct ListWorkload: Sendable {
    public var seed: UInt64
    public var threads = 8
    public var transactionsPerThread = 500
    /// How many lists are in use at a time.
    public var lists = 8
    /// After how many of its transactions a thread goes on to the next lists.
    public var turn = 40
    /// Bytes that each key has besides its number: long ones make high trees.
    public var padding = 0
    /// Whether a thread checkpoints, syncs, verifies and compacts meanwhile.
    public var keepsHouse = true
    /// The number of the first list: workloads on one database keep apart by it.
    public var firstList = 0

    public init(seed: UInt64) { self.seed = seed }

    /// The highest number of a list, and one more.
    public var listEnd: Int {
        firstList + lists * (1 + (max(transactionsPerThread, 1) - 1) / turn)
    }

    static let table = "lists"

    private func tableName(_ list: Int) -> String { list % 4 == 3 ? Self.table : "" }

    private func key(_ list: Int) -> [UInt8] {
        // Spread over the tree, so that neighbours in time lie in different leaves.
        let spread = UInt32(truncatingIfNeeded: list) &* 0x9E37_79B1
        return numberKey(Int(spread)) + numberKey(list)
            + [UInt8](repeating: UInt8(truncatingIfNeeded: list), count: padding)
    }

    private static func decode(_ bytes: [UInt8]?) throws -> [Int] {
        guard let bytes else { return [] }
        try check(bytes.count % 4 == 0, "a list of \(bytes.count) bytes")
        return stride(from: 0, to: bytes.count, by: 4).map { start in
            bytes[start..<start + 4].reduce(0) { $0 << 8 | Int($1) }
        }
    }

    // MARK: The run

    /// Runs all threads to their end; everything that they did, in the order of each.
    @_spi(Engine) public func run<Store, Log>(
        on database: DatabaseEngine<Store, Log>, _ events: EventCounter
    ) throws -> [ListTransaction] {
        let gathered = Gathering<ListTransaction>()
        let threadsLeft = Atomic(threads)
        let threadsReady = Atomic(0)
        let first = FirstError()
        try inParallel(threads + (keepsHouse ? 1 : 0)) { thread in
            if thread == threads {
                try keepHouse(database, threadsLeft)
                return
            }
            defer { threadsLeft.subtract(1, ordering: .relaxed) }
            var random = SeededRandom(seed: seed &* 64 &+ UInt64(thread))
            var done: [ListTransaction] = []
            done.reserveCapacity(transactionsPerThread)
            var nextElement = (firstList * threads + thread) << 16
            threadsReady.add(1, ordering: .relaxed)
            while threadsReady.load(ordering: .relaxed) < threads { System.yield() }
            do {
                for number in 0..<transactionsPerThread where !first.isSet {
                    var one = ListTransaction()
                    one.thread = thread
                    let base = firstList + lists * (number / turn)
                    try perform(&one, database, events, &random, base, &nextElement)
                    done.append(one)
                }
            } catch {
                first.take(error)
            }
            gathered.add(done)
        }
        try first.rethrow()
        return gathered.elements
    }

    private func perform<Store, Log>(
        _ one: inout ListTransaction, _ database: DatabaseEngine<Store, Log>,
        _ events: EventCounter, _ random: inout SeededRandom, _ base: Int,
        _ nextElement: inout Int
    ) throws {
        switch random.below(10) {
        case 0:
            let list = base + random.below(lists)
            one.invoked = events.tick()
            let value =
                tableName(list).isEmpty
                ? try database.get(key(list)) : try database.get(key(list), table: Self.table)
            one.completed = events.tick()
            one.operations.append(.read(key: list, list: try Self.decode(value)))
        case 1..<4:
            one.invoked = events.tick()
            let snapshot = try database.snapshot()
            one.version = snapshot.transaction
            for _ in 0..<random.number(in: 1...6) {
                try read(snapshot, base + random.below(lists), &one)
            }
            one.completed = events.tick()
        default: try write(&one, database, events, &random, base, &nextElement)
        }
    }

    private func read<Store, Log>(
        _ snapshot: EngineSnapshot<Store, Log>, _ list: Int, _ one: inout ListTransaction
    ) throws {
        let value = try snapshot.get(key(list), table: tableName(list))
        one.operations.append(.read(key: list, list: try Self.decode(value)))
    }

    private func write<Store, Log>(
        _ one: inout ListTransaction, _ database: DatabaseEngine<Store, Log>,
        _ events: EventCounter, _ random: inout SeededRandom, _ base: Int,
        _ nextElement: inout Int
    ) throws {
        let durability = random.element(of: [Database.Durability.full, .full, .written, .buffered])
        one.invoked = events.tick()
        one.durability = durability
        let transaction = try database.begin()
        let number = transaction.number
        for _ in 0..<random.number(in: 1...6) {
            let list = base + random.below(lists)
            let value = try transaction.get(key(list), table: tableName(list))
            if random.oneIn(2) {
                one.operations.append(.read(key: list, list: try Self.decode(value)))
            } else {
                nextElement += 1
                one.operations.append(.append(key: list, element: nextElement))
                try transaction.put(
                    key(list), (value ?? []) + numberKey(nextElement), table: tableName(list))
            }
        }
        switch random.below(10) {
        case 0:
            one.ending = .aborted
            transaction.abort()
        case 1 where random.oneIn(2):
            one.ending = .aborted
            drop(transaction)
        default:
            // One that changed nothing makes no version.
            one.version = one.isWriter ? number : number - 1
            try transaction.commit(durability: durability)
        }
        one.completed = events.tick()
    }

    private func drop<Store, Log>(_ transaction: consuming EngineTransaction<Store, Log>) {}

    private func keepHouse<Store, Log>(
        _ database: DatabaseEngine<Store, Log>, _ threadsLeft: borrowing Atomic<Int>
    ) throws {
        var random = SeededRandom(seed: ~seed)
        var held: [EngineSnapshot<Store, Log>] = []
        while threadsLeft.load(ordering: .relaxed) > 0 {
            switch random.below(40) {
            case 0..<3: try database.checkpoint()
            case 3: try database.sync()
            case 4: held.append(try database.snapshot())
            case 5 where random.oneIn(3): try database.compact()
            case 6 where random.oneIn(3): try database.checkSound("while others work:")
            default:
                if held.count > 3 { held.removeFirst() }
                for _ in 0..<100 { System.yield() }
            }
        }
    }

    // MARK: All lists

    /// Every list as `database` has it now: a history's last transaction.
    @_spi(Engine) public func readAll<Store, Log>(
        _ database: DatabaseEngine<Store, Log>, _ events: EventCounter
    ) throws -> ListTransaction {
        var one = ListTransaction()
        one.thread = threads
        one.invoked = events.tick()
        let snapshot = try database.snapshot()
        one.version = snapshot.transaction
        for list in firstList..<listEnd { try read(snapshot, list, &one) }
        one.completed = events.tick()
        return one
    }

    /// Every list as a crash at `event` left it, to be put at the end of `history`: all commits at
    /// `full` that had returned by then must be before it.
    @_spi(Engine) public func readRecovered<Store, Log>(
        _ database: DatabaseEngine<Store, Log>, crashedAt event: Int,
        of history: [ListTransaction]
    ) throws -> ListTransaction {
        var one = try readAll(database, EventCounter())
        one.isRecovered = true
        one.invoked = event
        one.completed = .max
        one.after = history.indices.filter {
            history[$0].ending == .committed && history[$0].durability == .full
                && history[$0].completed < event
        }
        for index in one.after where history[index].version! > one.version! {
            throw Mismatch(
                "R4: the crash at event \(event) left version \(one.version!), without "
                    + "\(index): \(history[index])")
        }
        return one
    }
}
