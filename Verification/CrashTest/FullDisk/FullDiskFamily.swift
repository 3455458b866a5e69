@_spi(Engine) import DatabaseTesting
@_spi(Engine) import KVDB
import StorageIO
import StorageIOTesting

/// A disk that is really full: a file system of 1 to 16 MiB in memory, filled by the database itself
/// and by another file.
///
/// What holds at every step: a put that finds no space throws `diskFull`, changes nothing and does
/// not poison; reads go on; a delete succeeds, at the latest at the second try (the first may make
/// the engine checkpoint before the next); when enough space is there again (two segments of the log
/// and 40 pages) puts succeed, in the same handle; closing and opening again shows every acknowledged
/// change, and `verify` finds nothing.
struct FullDiskFamily: Family {
    static let name = "fulldisk"
    static let unit = "disks"
    static let gate = Goal.cases(500)
    static let subset = Goal.cases(100)
    /// In MiB; the small ones, which are full sooner, more often.
    static let sizes = [1, 1, 1, 1, 2, 2, 2, 4, 4, 8, 16]

    func run(_ number: UInt64, _ account: inout Account) throws {
        var random = SeededRandom(seed: number)
        guard let disk = try SmallDisk(byteCount: random.element(of: Self.sizes) << 20) else {
            return account.note("skipped: may not mount")
        }
        account.units += 1
        var game = FullDiskCase(disk: disk, random: random)
        do {
            switch number % 5 {
            case 3: try game.creation(&account)
            case 4: try game.largeOperations(&account)
            default: try game.steadyUse(&account)
            }
        } catch {
            throw Failure("\(error) (\(disk.freeByteCount) bytes free)")
        }
    }
}

/// One case under way.
struct FullDiskCase {
    let disk: SmallDisk
    var random: SeededRandom
    var model = DatabaseModel()
    let options: DatabaseOptions
    let path: String

    init(disk: SmallDisk, random: SeededRandom) {
        self.disk = disk
        self.random = random
        path = disk.file("my.db")
        var options = DatabaseOptions()
        options.durability = self.random.element(of: [.full, .written, .buffered])
        options.usesLog = !self.random.oneIn(4)
        options.logSegmentSize = self.random.element(of: [4096, 16384, 65536])
        options.logBudget = options.logSegmentSize * self.random.number(in: 1...6)
        options.dirtyBudget = self.random.element(of: [16 << 10, 128 << 10, 1 << 20])
        options.cacheBudget = 128 << 10
        options.loggedTransactionLimit = self.random.element(of: [4000, 1 << 20])
        options.checkpointPolicy = self.random.element(of: [.automatic, .inline])
        options.sizeLimit = 1 << 28
        self.options = options
    }

    /// Fills, deletes, gives back and fills again.
    mutating func steadyUse(_ account: inout Account) throws {
        var database = try FileDatabase.open(path, options: options)
        for round in 0..<3 {
            account.step = round
            if random.oneIn(2) { try disk.fill(leaving: random.below(disk.freeByteCount)) }
            try fillUp(database, &account)
            if random.oneIn(2) {
                // The last bytes are somebody else's.
                try disk.fill()
                account.note("filled to the last byte")
            }
            try model.check(database, "reading on the full disk,")
            try delete(database, &account)
            if random.oneIn(3) {
                // Closing, and opening again where there is still a log or room for one.
                do throws(StorageError) {
                    try database.close()
                    account.note("closed on a full disk")
                } catch {
                    guard error.code == .diskFull else { throw error }
                    account.note("close refused for space")
                    try disk.release()
                }
                database = try reopen(&account)
            }
            try disk.release()
            try put(database, "after space came back", &account)
        }
        try finish(database)
    }

    private mutating func reopen(_ account: inout Account) throws -> FileDatabase {
        do throws(StorageError) {
            let database = try FileDatabase.open(path, options: options)
            account.note("opened on a full disk")
            return database
        } catch {
            guard error.code == .diskFull else { throw error }
            account.note("open refused for space")
        }
        try disk.release()
        return try FileDatabase.open(path, options: options)
    }

    mutating func finish(_ database: FileDatabase) throws {
        try disk.release()
        if options.durability != .full || random.oneIn(2) { try database.sync() }
        try model.check(database, "before closing,")
        try database.close()
        let again = try FileDatabase.open(path, options: options)
        try model.check(again, "opened again,")
        if let finding = try again.verify().findings.first {
            throw Failure("verify: \(finding.error)")
        }
        try again.close()
    }

    private mutating func changes() -> [Change] {
        (0..<random.number(in: 1...8)).map { _ in
            let length = random.oneIn(8) ? random.below(100_000) : random.below(1500)
            let key = Array("key \(random.below(100_000))".utf8)
            return .put(
                key, [UInt8](repeating: UInt8(random.below(256)), count: length),
                table: random.oneIn(6) ? "t" : "")
        }
    }

    /// Puts until three times there was no space.
    private mutating func fillUp(_ database: FileDatabase, _ account: inout Account) throws {
        var refusals = 0
        while refusals < 3 {
            let before = model
            let changes = changes()
            do {
                let transaction = try database.begin()
                for change in changes {
                    _ = try transaction.apply(change)
                    model.apply(change)
                }
                try transaction.commit()
                account.note("commits")
            } catch {
                guard error.code == .diskFull else { throw error }
                if let poison = database.poison { throw Failure("poisoned by \(poison)") }
                model = before
                refusals += 1
                account.note("puts refused for space")
            }
        }
    }

    /// Deletes a tenth, one transaction each.
    mutating func delete(_ database: FileDatabase, _ account: inout Account) throws {
        for _ in 0..<max(3, model.main.count / 10) {
            guard let entry = model.main.nth(random.below(model.main.count)) else { break }
            for attempt in 1...3 {
                do throws(StorageError) {
                    guard try database.delete(entry.key) else {
                        throw StorageError(.damaged, "a key is not there")
                    }
                    account.note("deletes on a full disk")
                    break
                } catch {
                    guard error.code == .diskFull, attempt < 3 else { throw error }
                    account.note("deletes tried again")
                }
            }
            model.apply(.delete(entry.key))
        }
        try model.check(database, "after deletes,")
        if let poison = database.poison { throw Failure("poisoned by \(poison)") }
    }

    mutating func put(_ database: FileDatabase, _ text: String, _ account: inout Account) throws {
        let change = Change.put(Array(text.utf8), random.bytes(2000))
        let room = disk.freeByteCount
        do {
            let transaction = try database.begin()
            _ = try transaction.apply(change)
            try transaction.commit()
            model.apply(change)
            account.note("puts after space came back")
        } catch {
            guard error.code == .diskFull, room < sufficientRoom else {
                throw Failure("a put \(text), with \(room) bytes free: \(error)")
            }
            if let poison = database.poison { throw Failure("poisoned by \(poison)") }
            account.note("puts refused, as too little space came back")
        }
    }

    /// With so much on the disk a small put must succeed: two segments of the log, the reserve of
    /// pages filled up again, and the paths through the trees. Where nobody else had anything on the
    /// disk, what comes back may be less, or nothing.
    private var sufficientRoom: Int { 2 * options.logSegmentSize + 40 * 4096 }
}
