@_spi(Engine) import KVDB
import StorageIO
import StorageIOTesting

/// Changes, alone and in transactions.
extension ModelRun {
    /// A random change of the default table, or of a named one, as the phase has it.
    mutating func change(table: String = "") -> Change {
        let dice = random.below(100)
        if dice < phase.puts {
            let key = keys.key(&random)
            return .put(key, keys.value(for: key, &random), table: table)
        }
        if dice < phase.puts + phase.deletes {
            return .delete(
                random.oneIn(10) ? keys.probe(&random) : keys.key(&random), table: table)
        }
        return .deleteRange(keys.shortRange(&random), table: table)
    }

    mutating func tableChange() -> Change {
        let table = keys.table(&random)
        switch random.below(20) {
        case 0: return .createTable(table)
        case 1: return .dropTable(table)
        default: return change(table: table)
        }
    }

    /// The level of the next commit: mostly the database's own.
    private mutating func durability() -> Database.Durability? {
        random.oneIn(4) ? random.element(of: [.full, .written, .buffered]) : nil
    }

    /// Notes that something was committed, at a level of its own or the database's.
    mutating func noteCommit(_ durability: Database.Durability?) {
        switch durability ?? options.durability {
        case .full: unsynced = nil
        case .written: unsynced = options.usesLog ? .written : .buffered
        case .buffered: unsynced = .buffered
        }
    }

    /// A change as a transaction of its own.
    mutating func change(_ change: Change) throws {
        step += 1
        let expected = model.apply(change)
        let durability = durability()
        let removed: Int
        switch change {
        case .put(let key, let value, let table) where table.isEmpty && !change.isInPortions:
            try database.put(key, value, durability: durability)
            removed = 0
        case .delete(let key, let table) where table.isEmpty:
            removed = try database.delete(key, durability: durability) ? 1 : 0
        case .deleteRange(let range, let table) where table.isEmpty:
            removed = Int(try database.deleteRange(range, durability: durability))
        default:
            removed = try database.write(durability: durability) { try $0.apply(change) }
        }
        noteCommit(durability)
        try check(removed == expected, "\(change) removed \(removed), not \(expected)")
    }

    private struct Refused: Error {}

    /// Several changes that commit, abort, are dropped, or are left by an error (R5).
    mutating func transaction() throws {
        let count = random.below(random.oneIn(12) ? 400 : phase.batch + 1)
        switch random.below(16) {
        case 0:
            let before = model
            let transaction = try database.begin()
            try change(transaction, count)
            transaction.abort()
            model = before
            if random.oneIn(4) { try model.check(database, "after an abort") }
        case 1:
            let before = model
            let transaction = try database.begin()
            try change(transaction, count)
            drop(transaction)
            model = before
        case 2:
            let before = model
            do {
                try database.write { transaction in
                    try change(transaction, count)
                    throw Refused()
                }
            } catch is Refused {}
            model = before
        case 3:
            let durability = durability()
            try database.write(durability: durability) { try changeInParts($0, count) }
            noteCommit(durability)
        default:
            let durability = durability()
            let transaction = try database.begin()
            try changeInParts(transaction, count)
            try transaction.commit(durability: durability)
            noteCommit(durability)
        }
    }

    private func drop(_ transaction: consuming SimulatedTransaction) {}

    /// Changes, some of them behind savepoints, of which some are undone.
    private mutating func changeInParts(
        _ transaction: borrowing SimulatedTransaction, _ count: Int
    ) throws {
        guard count > 2, random.oneIn(3) else { return try change(transaction, count) }
        let part = random.below(count + 1)
        let rest = count - part
        try change(transaction, rest / 2)
        let before = model
        let isUndone = random.oneIn(2)
        do {
            try transaction.savepoint {
                try changeInParts(transaction, part)
                if isUndone { throw Refused() }
            }
        } catch is Refused {
            model = before
            try readInside(transaction)
        }
        try change(transaction, rest - rest / 2)
    }

    private mutating func change(
        _ transaction: borrowing SimulatedTransaction, _ count: Int
    ) throws {
        // Some transactions make their changes one by one, and some many at a time.
        let limit = count % 3 == 0 ? Int.max : 1
        var gathered: [Change] = []
        var expected = 0
        for _ in 0..<count {
            step += 1
            let change = random.oneIn(8) ? tableChange() : change()
            expected += model.apply(change)
            gathered.append(change)
            if gathered.count == limit { try make(&gathered, &expected, transaction) }
            if random.oneIn(6) {
                try make(&gathered, &expected, transaction)
                try readInside(transaction)
            }
        }
        try make(&gathered, &expected, transaction)
        if random.oneIn(4) { try iterateInside(transaction) }
    }

    /// Makes changes that the model has had already, `expected` of which removed an entry there.
    private func make(
        _ changes: inout [Change], _ expected: inout Int,
        _ transaction: borrowing SimulatedTransaction
    ) throws {
        let removed = try transaction.apply(changes)
        try check(removed == expected, "\(changes) removed \(removed), not \(expected)")
        changes = []
        expected = 0
    }

    /// A transaction sees its own changes.
    private mutating func readInside(_ transaction: borrowing SimulatedTransaction) throws {
        step += 1
        let key = keys.probe(&random)
        let expected = model.main.get(key)
        try check(try transaction.get(key) == expected, "get in a transaction: \(key)")
        try check(
            try transaction.contains(key) == (expected != nil), "contains in a transaction: \(key)")
        try check(transaction.count == UInt64(model.main.count), "count in a transaction")
        let range = keys.range(&random)
        try check(
            try transaction.count(in: range) == UInt64(model.main.indices(in: range).count),
            "count(in:) in a transaction: \(range)")
        let table = keys.table(&random)
        try check(
            try transaction.get(key, table: table) == model.tables[table]?.get(key),
            "get from \(table) in a transaction: \(key)")
    }

    /// So does an iteration of it, from within which nothing can be changed; and after the error
    /// that says so the transaction goes on as if nothing had been.
    private mutating func iterateInside(_ transaction: borrowing SimulatedTransaction) throws {
        step += 1
        let range = keys.range(&random)
        let reverse = random.oneIn(2)
        let walk = ModelWalk(
            model.main, range, reverse: reverse, limit: random.oneIn(5) ? .max : random.below(60))
        let refused = random.oneIn(3) ? keys.key(&random) : nil
        var code: StorageError.Code?
        try transaction.forEach(in: range, reverse: reverse) { key, value throws(StorageError) in
            if let refused, code == nil {
                code = errorCode { try transaction.put(refused, [1, 2, 3]) }
                if code != .busy { return false }
            }
            return walk.take(key, value)
        }
        try check(code == nil || code == .busy, "a change from within an iteration: \(code!)")
        try walk.end("in a transaction")
    }

    /// What no call may take: the limits of keys, values and names. Nothing changes by it.
    mutating func refuse() throws {
        step += 1
        let long = [UInt8](repeating: 97, count: 1025)
        let name = String(decoding: long, as: UTF8.self)
        let transaction = try database.begin()
        try check(errorCode { try transaction.put(long, [1]) } == .keyTooLong, "a key of 1,025")
        try check(
            errorCode { try transaction.put([1], [1], table: name) } == .keyTooLong,
            "a name of 1,025")
        try check(try !transaction.delete(long), "a key of 1,025 was there")
        try check(try transaction.get(long) == nil, "a key of 1,025 was read")
        try check(
            errorCode { _ = try database.begin(timeout: .zero) } == .timedOut,
            "a second transaction")
        if random.oneIn(4) {
            let count = random.element(of: [100, 262_145, 300_000])
            let code = errorCode {
                try transaction.put(keys.key(&random), count: count) { write throws(StorageError) in
                    try withByteView(of: long) { bytes throws(StorageError) in
                        try write(bytes.prefix(99))
                    }
                }
            }
            try check(code == .invalidArgument, "a value in portions that lacks some")
        }
        if random.oneIn(2) { try change(transaction, random.below(4)) }
        try transaction.commit(durability: .full)
        noteCommit(.full)
    }
}
