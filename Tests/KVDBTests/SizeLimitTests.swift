@_spi(Engine) import DatabaseTesting
@_spi(Engine) import KVDB
import PageStore
import StorageIO
import StorageIOTesting
import Testing
import WAL

/// What goes on when the file has reached a limit to its size ("A full disk" in Docs/Guarantees.md): its
/// own, `sizeLimit`, or the system's. A database is used as a bounded store: put until there is no
/// room, delete half, make a checkpoint, now and then compact, and so on; deletes, checkpoints and
/// closing never fail, and the room that deletes make can be used.
@Suite struct SizeLimitTests {
    /// Tiny files, where a single path through the tree is much of the limit, and larger ones.
    static let limits =
        [16, 17, 20, 24, 32, 47, 48, 64, 97, 128, 256, 700].map { $0 * 4096 }

    /// Each limit with a seed of its own, so that every way to keep the log and to make checkpoints comes up; all of
    /// them with each other are the family `sizelimit`.
    static let cases = limits.enumerated().map { place, limit in
        (limit: limit, seed: Seeds.chosen ?? UInt64(place * 7 / 2))
    }

    @Test(arguments: cases)
    func deletesGoOnAtTheSizeLimit(limit: Int, seed: UInt64) throws {
        var options = DatabaseOptions.small
        options.sizeLimit = limit
        options.usesLog = seed % 3 != 2
        options.checkpointPolicy = seed % 3 == 1 ? .manual : .inline
        let files = CrashingFileSystem()
        var life = LimitedLife(seed: seed, options: options)
        try life.run(cycles: limit > 1 << 20 ? 6 : 10) { () throws(StorageError) in
            try SimulatedDatabase.open(on: files, options)
        }
    }

    @Test(arguments: limits) func deletesGoOnInMemory(limit: Int) throws {
        var options = DatabaseOptions.small
        options.sizeLimit = limit
        var life = LimitedLife(seed: 7, options: options)
        life.isReopened = false
        try life.run(cycles: 10) { () throws(StorageError) in
            try InMemoryDatabase.openInMemory(options: options)
        }
    }

    /// A limit of the system, as RLIMIT_FSIZE and the largest file of a file system are.
    @Test(arguments: [60, 100, 300].map { UInt64($0) * 4096 }, Seeds.first(2))
    func deletesGoOnAtTheSystemsLimit(limit: UInt64, seed: UInt64) throws {
        var options = DatabaseOptions.small
        options.checkpointPolicy = seed % 3 == 1 ? .manual : .inline
        let files = CrashingFileSystem()
        files.largestFile = limit
        var life = LimitedLife(seed: seed, options: options)
        try life.run(cycles: 10) { () throws(StorageError) in
            try SimulatedDatabase.open(on: files, options)
        }
    }
}

/// A bounded store under way, beside its model.
private struct LimitedLife {
    let options: DatabaseOptions
    var isReopened = true
    private let seed: UInt64
    private var random: SeededRandom
    private var model = DatabaseModel()

    init(seed: UInt64, options: DatabaseOptions) {
        self.options = options
        self.seed = seed
        random = SeededRandom(seed: seed &+ UInt64(options.sizeLimit))
    }

    mutating func run<Store, Log>(
        cycles: Int, _ open: () throws(StorageError) -> DatabaseEngine<Store, Log>
    ) throws {
        var database = try open()
        for cycle in 0..<cycles {
            let place = "cycle \(cycle) at \(options.sizeLimit) (\(Seeds.again(seed))),"
            let count = try fill(database)
            try check(count > 0 || model.main.count > 1, "\(place) nothing fits")
            try deleteHalf(database, place)
            if cycle % 7 == 5 {
                // Packing needs room for a second copy, so it may be refused, with nothing changed.
                if let code = errorCode({ try database.compact() }) {
                    try check(code == .fileTooLarge, "\(place) compact: \(code)")
                }
            }
            try database.checkpoint()
            try check(database.poison == nil, "\(place) poisoned by \(database.poison!)")
            if random.oneIn(4) { try checkAll(database, place) }
            if isReopened, random.oneIn(5) {
                try database.close()
                database = try open()
                try model.check(database, "\(place) reopened,")
            }
        }
        try checkAll(database, "at the end,")
        try database.close()
    }

    private func checkAll<Store, Log>(
        _ database: DatabaseEngine<Store, Log>, _ place: String
    ) throws {
        try model.check(database, place)
        try database.checkSound(place)
    }

    /// Puts until it was refused; how many were put.
    private mutating func fill<Store, Log>(_ database: DatabaseEngine<Store, Log>) throws -> Int {
        var count = 0
        while true {
            let key = numberKey(random.below(20_000))
            let value = random.bytes(random.element(of: [50, 900, 3000]))
            do throws(StorageError) {
                try database.put(key, value)
                model.apply(.put(key, value))
                count += 1
            } catch {
                guard error.code == .fileTooLarge else { throw error }
                return count
            }
        }
    }

    /// Deletes the lower half, each entry in a transaction of its own. Under the policy `manual` a program
    /// makes the checkpoints that bring space back.
    private mutating func deleteHalf<Store, Log>(
        _ database: DatabaseEngine<Store, Log>, _ place: String
    ) throws {
        for _ in 0..<(model.main.count + 1) / 2 {
            guard let entry = model.main.nth(0) else { break }
            do throws(StorageError) {
                _ = try database.delete(entry.key)
            } catch {
                guard error.code == .fileTooLarge, options.checkpointPolicy == .manual else {
                    throw error
                }
                try database.checkpoint()
                _ = try database.delete(entry.key)
            }
            model.apply(.delete(entry.key))
        }
    }
}
