@_spi(Engine) import DatabaseTesting
@_spi(Engine) import KVDB
import StorageIO
import StorageIOTesting

/// A history whose *n*-th commit follows from a seed and *n* alone, whoever makes it: so a process
/// that takes over from one that was killed goes on where that one stopped, and everybody knows what
/// the database must hold after *n* commits.
///
/// The number of commits is in the database itself, changed by each of them.
struct NumberedCommits {
    let seed: UInt64
    static let countKey = Array("commits".utf8)

    /// What the `number`-th commit changes, from 1.
    func changes(_ number: UInt64) -> [Change] {
        var random = SeededRandom(seed: seed &* 1_000_003 &+ number)
        var changes: [Change] = []
        for _ in 0..<random.number(in: 1...6) {
            let key = Array("key \(random.below(120))".utf8)
            let table = random.oneIn(4) ? "t\(random.below(2))" : ""
            switch random.below(10) {
            case 0...6:
                let length = random.oneIn(12) ? random.below(30_000) : random.below(200)
                let value = [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: length)
                changes.append(.put(key, value, table: table))
            case 7, 8: changes.append(.delete(key, table: table))
            default:
                let from = random.below(110)
                let range = KeyRange(
                    from: Array("key \(from)".utf8), upTo: Array("key \(from + 3)".utf8))
                changes.append(.deleteRange(range, table: table))
            }
        }
        changes.append(.put(Self.countKey, Array("\(number)".utf8)))
        return changes
    }

    /// What the database holds after `count` commits.
    func model(after count: UInt64) -> DatabaseModel {
        var model = DatabaseModel()
        for number in 0..<count {
            for change in changes(number + 1) { model.apply(change) }
        }
        return model
    }

    /// How many commits a database holds, by its own account.
    static func count<Store, Log>(_ database: DatabaseEngine<Store, Log>) throws -> UInt64 {
        guard let value = try database.get(countKey) else { return 0 }
        guard let count = UInt64(String(decoding: value, as: UTF8.self)) else {
            throw Failure("the count of commits is \(value)")
        }
        return count
    }

    /// Makes the `number`-th commit.
    func commit<Store, Log>(
        _ number: UInt64, in database: DatabaseEngine<Store, Log>, _ durability: Durability? = nil
    ) throws {
        let transaction = try database.begin()
        for change in changes(number) { _ = try transaction.apply(change) }
        try transaction.commit(durability: durability)
    }

    /// Throws when `database` does not hold exactly a prefix of the history.
    ///
    /// - Returns: how many commits.
    @discardableResult
    func check(_ database: FileDatabase, verifying: Bool = true) throws -> UInt64 {
        let count = try Self.count(database)
        try model(after: count).check(database, "after \(count) commits:")
        if verifying {
            let report = try database.verify()
            if let finding = report.findings.first { throw Failure("verify: \(finding.error)") }
        }
        return count
    }

    /// The options that the processes of one case open with.
    var options: DatabaseOptions {
        var random = SeededRandom(seed: seed ^ 0x70726f63)
        var options = DatabaseOptions()
        options.durability = random.oneIn(3) ? .written : .full
        options.usesLog = !random.oneIn(6)
        options.logSegmentSize = random.element(of: [4096, 16384, 65536])
        options.logBudget = options.logSegmentSize * random.number(in: 1...8)
        options.dirtyBudget = random.element(of: [16 << 10, 256 << 10])
        options.cacheBudget = 256 << 10
        options.loggedTransactionLimit = random.element(of: [2000, 8 << 20])
        options.checkpointPolicy = random.element(of: [.automatic, .inline])
        options.sizeLimit = 1 << 30
        // Without the log only a `full` commit survives its process.
        if !options.usesLog { options.durability = .full }
        return options
    }
}
