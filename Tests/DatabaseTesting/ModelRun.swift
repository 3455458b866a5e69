import KVDB
import StorageIO
import StorageIOTesting

/// One seed of the model test: a database and the plain arrays that it must equal, through random
/// operations. Everything, the options and the kind of keys included, follows from the seed.
package struct ModelRun {
    /// A live snapshot and what it must show for as long as it lives.
    package struct HeldSnapshot {
        package let snapshot: SimulatedSnapshot
        package let model: DatabaseModel
    }

    package private(set) var step = 0
    package var random: SeededRandom
    package let options: DatabaseOptions
    package let keys: KeyGenerator
    package var files = CrashingFileSystem()
    package var handle: SimulatedDatabase?
    package var model = DatabaseModel()
    package var held: [HeldSnapshot] = []

    package var database: SimulatedDatabase { handle! }

    package init(seed: UInt64) throws {
        random = SeededRandom(seed: seed)
        options = Self.options(&random)
        keys = KeyGenerator(&random)
        handle = try .open(on: files, options)
    }

    private static func options(_ random: inout SeededRandom) -> DatabaseOptions {
        var options = DatabaseOptions.small
        if random.oneIn(3) { options.checkpointPolicy = .manual }
        options.logging = !random.oneIn(8)
        options.durability = random.element(of: [.full, .full, .written, .buffered])
        options.cacheBudget <<= random.below(3)
        options.logSegmentSize <<= random.below(3)
        options.logBudget = random.element(of: [4 << 10, 16 << 10, 100 << 10])
        options.loggedTransactionLimit = random.element(of: [0, 300, 3000, 8 << 20])
        return options
    }

    /// Runs `count` operations, then checks everything once more.
    package mutating func run(steps count: Int) throws {
        while step < count {
            step += 1
            try perform()
        }
        try checkHeld()
        held = []
        try model.check(database)
        try database.checkSound()
        try reopen()
        try database.compact()
        try model.check(database, "after a compaction")
        try database.checkSound("after a compaction")
        try database.close()
    }

    private mutating func perform() throws {
        switch random.below(1000) {
        case 0..<330: try change(keys.change(&random))
        case 330..<400: try transaction()
        case 400..<560: try readOne()
        case 560..<680: try readOrder()
        case 680..<800: try readRange()
        case 800..<860: try tableChange()
        case 860..<890: try readTable()
        case 890..<925: try hold()
        case 925..<945: try checkOneHeld()
        case 945..<970: if !held.isEmpty { held.remove(at: random.below(held.count)) }
        case 970..<980: try database.checkpoint()
        case 980..<983: try database.sync()
        case 983..<986: try compact()
        case 986..<992: try reopen()
        case 992..<994: try kill()
        case 994..<996: try importAndExport()
        case 996..<998: try importUnsorted()
        default: try database.checkSound()
        }
    }

    // MARK: Changes

    /// A change as a transaction of its own.
    private mutating func change(_ change: Change) throws {
        let expected = model.apply(change)
        let removed: Int
        switch change {
        case .put(let key, let value, let table) where table.isEmpty:
            try database.put(key, value)
            removed = 0
        case .delete(let key, let table) where table.isEmpty:
            removed = try database.delete(key) ? 1 : 0
        case .deleteRange(let range, let table) where table.isEmpty:
            removed = Int(try database.deleteRange(range))
        default:
            removed = try database.write { try $0.apply(change) }
        }
        try check(removed == expected, "\(change) removed \(removed), not \(expected)")
    }

    private struct Refused: Error {}

    /// Several changes that commit, abort, are dropped, or are left by an error.
    private mutating func transaction() throws {
        let count = random.oneIn(12) ? random.below(400) : random.below(25)
        var next = model
        let ending = random.below(8)
        do {
            try database.write { transaction in
                for _ in 0..<count {
                    let change =
                        random.oneIn(6) ? keys.tableChange(&random) : keys.change(&random)
                    let expected = next.apply(change)
                    let removed = try transaction.apply(change)
                    try check(removed == expected, "\(change) removed \(removed), not \(expected)")
                    if random.oneIn(4) { try checkInside(transaction, next) }
                }
                if ending == 0 { throw Refused() }
            }
            model = next
        } catch is Refused {}
        guard ending < 4 else { return }
        // The same without the closure: begun, changed and given up.
        let transaction = try database.begin()
        for _ in 0..<random.below(10) { _ = try transaction.apply(keys.change(&random)) }
        switch ending {
        case 1: transaction.abort()
        case 2: drop(transaction)
        default:
            transaction.abort()
            try model.check(database, "after an abort")
        }
    }

    private func drop(_ transaction: consuming SimulatedTransaction) {}

    /// A transaction sees its own changes.
    private mutating func checkInside(
        _ transaction: borrowing SimulatedTransaction, _ next: DatabaseModel
    ) throws {
        let key = keys.key(&random)
        try check(try transaction.get(key) == next.main.get(key), "get in a transaction: \(key)")
        try check(transaction.count == UInt64(next.main.count), "count in a transaction")
        let range = keys.range(&random)
        let expected = range.isEmpty ? 0 : next.main.count(from: range.from, to: range.to)
        try check(
            try transaction.count(in: range) == UInt64(expected), "count(in:) in a transaction")
        let table = keys.table(&random)
        try check(
            try transaction.get(key, table: table) == next.tables[table]?.get(key),
            "get from \(table) in a transaction: \(key)")
    }

    private mutating func tableChange() throws { try change(keys.tableChange(&random)) }

    // MARK: Reads

    private mutating func readOne() throws {
        let key = keys.key(&random)
        let expected = model.main.get(key)
        try check(try database.get(key) == expected, "get \(key)")
        try check(try database.contains(key) == (expected != nil), "contains \(key)")
        let count = try database.withValue(key) { $0.count }
        try check(count == expected?.count, "withValue \(key)")
    }

    private mutating func readOrder() throws {
        let snapshot = try database.snapshot()
        let key = keys.key(&random)
        try check(try snapshot.rank(key) == UInt64(model.main.rank(key)), "rank \(key)")
        let index = random.below(model.main.count + 2)
        let entry = try snapshot.entry(at: UInt64(index))
        let expected = model.main.nth(index)
        try check(
            entry?.key == expected?.key && entry?.value == expected?.value, "entry at \(index)")
        let range = keys.range(&random)
        let count = range.isEmpty ? 0 : model.main.count(from: range.from, to: range.to)
        try check(try snapshot.count(in: range) == UInt64(count), "count in \(range)")
        try check(try snapshot.first()?.key == model.main.entries.first?.key, "first")
        try check(try snapshot.last()?.key == model.main.entries.last?.key, "last")
    }

    private mutating func readRange() throws {
        let isPrefix = random.oneIn(3)
        let range = isPrefix ? .prefix(keys.prefix(&random)) : keys.range(&random)
        let reverse = random.oneIn(2)
        let limit = random.oneIn(4) ? Int.max : random.below(40)
        let indices = range.isEmpty ? 0..<0 : model.main.indices(from: range.from, to: range.to)
        var expected = reverse ? indices.upperBound - 1 : indices.lowerBound
        var left = min(limit, indices.count)
        var wrong: String?
        if left > 0 {
            try database.forEach(in: range, reverse: reverse) { key, value in
                let entry = model.main.nth(expected)
                if entry?.key != key.array || entry?.value != value.array {
                    wrong = "\(key.array) instead of \(String(describing: entry?.key))"
                }
                expected += reverse ? -1 : 1
                left -= 1
                return left > 0 && wrong == nil
            }
        } else if limit > 0 {
            try database.forEach(in: range, reverse: reverse) { key, _ in
                wrong = "\(key.array) in an empty range"
                return false
            }
        }
        try check(wrong == nil && left <= 0, "forEach in \(range), \(reverse): \(wrong ?? "short")")
    }

    private mutating func readTable() throws {
        let snapshot = try database.snapshot()
        let table = keys.table(&random)
        let key = keys.key(&random)
        let expected = model.tables[table]
        try check(try snapshot.get(key, table: table) == expected?.get(key), "get from \(table)")
        try check(
            try snapshot.count(table: table) == expected.map { UInt64($0.count) }, "count \(table)")
        try check(try snapshot.tableNames() == model.tables.keys.sorted(), "table names")
    }

    // MARK: Snapshots

    private mutating func hold() throws {
        if held.count >= 6 { held.remove(at: random.below(held.count)) }
        held.append(HeldSnapshot(snapshot: try database.snapshot(), model: model))
    }

    private mutating func checkOneHeld() throws {
        guard !held.isEmpty else { return }
        let one = random.element(of: held)
        if let difference = try one.model.difference(from: one.snapshot) {
            throw Mismatch("R6: snapshot of \(one.snapshot.transaction): \(difference)")
        }
    }

    private func checkHeld() throws {
        for one in held {
            if let difference = try one.model.difference(from: one.snapshot) {
                throw Mismatch("R6: snapshot of \(one.snapshot.transaction): \(difference)")
            }
        }
    }

    // MARK: Keeping house

    private mutating func compact() throws {
        try database.compact()
        try model.check(database, "after a compaction")
        try checkHeld()
    }

    private mutating func reopen() throws {
        try checkHeld()
        held = []
        try database.close()
        handle = try .open(on: files, options)
        try model.check(database, "after a reopen")
        if random.oneIn(4) { try database.checkSound("after a reopen") }
    }

    /// The process ends without a close; what the system has survives.
    private mutating func kill() throws {
        held = []
        if options.durability == .buffered || !options.logging { try database.sync() }
        let survivors = files.survivors(.all)
        files.crash()
        handle = nil
        files = survivors
        handle = try .open(on: files, options)
        try model.check(database, "after a kill")
        try database.checkSound("after a kill")
    }

    // MARK: Export and import

    private mutating func importAndExport() throws {
        let bytes = Gathered()
        try database.export { view throws(StorageError) in bytes.array += view.array }
        let replacing = random.oneIn(2)
        // Something that a replacing import must take away, and a merging one must leave.
        let extra: [UInt8] = [255, 255, 255]
        try database.put(extra, [1])
        if !replacing { model.apply(.put(extra, [1])) } else { model.apply(.delete(extra)) }
        var offset = 0
        let reader = ExportReader { buffer throws(StorageError) in
            let count = min(buffer.count, bytes.array.count - offset)
            buffer.replaceSubrange(0..<count, with: bytes.array[offset..<(offset + count)])
            offset += count
            return count
        }
        // A replacing import brings back what the key had before.
        if replacing, let before = try valueBefore(extra, bytes.array) {
            model.apply(.put(extra, before))
        } else if !replacing, let before = try valueBefore(extra, bytes.array) {
            model.apply(.put(extra, before))
        }
        try database.importEntries(replacing: replacing) { () throws(StorageError) in
            try reader.next()
        }
        try model.check(database, "after an import")
    }

    /// The value of `key` in an export's default table.
    private func valueBefore(_ key: [UInt8], _ bytes: [UInt8]) throws -> [UInt8]? {
        var offset = 0
        let reader = ExportReader { buffer throws(StorageError) in
            let count = min(buffer.count, bytes.count - offset)
            buffer.replaceSubrange(0..<count, with: bytes[offset..<(offset + count)])
            offset += count
            return count
        }
        var isMain = true
        while true {
            switch try reader.next() {
            case .table(let name): isMain = name.isEmpty
            case .entry(let found, let value): if isMain && found == key { return value }
            case .end: return nil
            }
        }
    }

    /// Entries out of order, some of them twice, merged into two tables.
    private mutating func importUnsorted() throws {
        let replacing = random.oneIn(4)
        var events: [ExportEvent] = []
        var next = replacing ? DatabaseModel() : model
        for table in ["", keys.table(&random)] {
            events.append(.table(Array(table.utf8)))
            next.apply(.createTable(table))
            next.tables[""] = nil
            for _ in 0..<random.below(150) {
                let key = keys.key(&random)
                let value = keys.value(&random)
                next.apply(.put(key, value, table: table))
                events.append(.entry(key: key, value: value))
            }
        }
        let count = events.count - 2
        // One in three breaks off, and must leave no trace.
        let breaks = random.oneIn(3)
        events.append(.end(entryCount: UInt64(count)))
        var index = 0
        let limit = random.below(events.count)
        let code = errorCode {
            try database.importEntries(replacing: replacing) { () throws(StorageError) in
                if breaks && index == limit { throw StorageError(.truncated, "It is cut.") }
                index += 1
                return events[index - 1]
            }
        }
        try check(
            code == (breaks ? .truncated : nil), "import ended with \(String(describing: code))")
        if !breaks { model = next }
        try model.check(database, "after an import\(breaks ? " that broke off" : "")")
    }
}

/// Bytes that a closure gathers.
package final class Gathered: @unchecked Sendable {
    // Sendable: only used by one thread.
    package var array: [UInt8] = []
}
