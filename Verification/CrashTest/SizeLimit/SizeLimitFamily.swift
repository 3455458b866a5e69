@_spi(Engine) import DatabaseTesting
import Foundation
@_spi(Engine) import KVDB
import StorageIO
import StorageIOTesting

/// A database whose file may not grow beyond a limit, used as a bounded store: put until there is no
/// room, delete many, make a checkpoint, now and then compact, close and open again, and so on. In
/// half of the cases the limit is the database's own (`sizeLimit`), in the others that of the
/// process (RLIMIT_FSIZE, with the signal SIGXFSZ ignored), which the log meets too.
///
/// What holds at every step: a put that finds no room throws `fileTooLarge`, changes nothing and does not
/// poison; a delete succeeds, at the latest at the second try or, where the program makes the
/// checkpoints, after one; so do checkpoints and closing; a compaction is done or refused for room, and
/// never makes the file larger; and the room that deletes made can be used.
struct SizeLimitFamily: Family {
    static let name = "sizelimit"
    static let unit = "stores"
    static let gate = Goal.cases(400)
    static let subset = Goal.cases(12)

    func run(_ number: UInt64, _ account: inout Account) throws {
        var random = SeededRandom(seed: number)
        let folder = try TemporaryDirectory()
        let isOwn = number % 2 == 0
        // Small ones, where one path through the tree is much of it, more often.
        let pages =
            isOwn ? 16 + random.below(1 << random.number(in: 1...11)) : 60 + random.below(2000)
        var game = SizeLimitCase(
            path: folder.file("my.db"), limit: pages * 4096, isOwn: isOwn, random: random)
        account.units += 1
        account.note(isOwn ? "limits of their own" : "limits of the process")
        do {
            try game.run(&account)
        } catch {
            throw Failure("\(error) (limit of \(pages) pages)")
        }
    }
}

/// One case under way.
private struct SizeLimitCase {
    let path: String
    let limit: Int
    let isOwn: Bool
    let options: DatabaseOptions
    var random: SeededRandom
    var model = DatabaseModel()

    init(path: String, limit: Int, isOwn: Bool, random: SeededRandom) {
        self.path = path
        self.limit = limit
        self.isOwn = isOwn
        self.random = random
        var options = DatabaseOptions()
        options.durability = self.random.element(of: [.written, .buffered])
        options.usesLog = !self.random.oneIn(4)
        options.logSegmentSize = self.random.element(of: [4096, 16384])
        options.logBudget = options.logSegmentSize * self.random.number(in: 1...4)
        options.dirtyBudget = self.random.element(of: [16 << 10, 128 << 10])
        options.cacheBudget = 128 << 10
        options.loggedTransactionLimit = self.random.element(of: [4000, 1 << 20])
        options.checkpointPolicy = self.random.element(of: [.automatic, .inline, .manual])
        options.sizeLimit = isOwn ? limit : 1 << 28
        self.options = options
    }

    mutating func run(_ account: inout Account) throws {
        let old = isOwn ? nil : try limitFiles(to: limit)
        defer { if let old { restore(old) } }
        var database = try FileDatabase.open(path, options: options)
        for cycle in 0..<random.number(in: 4...12) {
            account.step = cycle
            try fill(database, &account)
            try delete(database, &account)
            if random.oneIn(3) { try compact(database, &account) }
            try database.checkpoint()
            if let poison = database.poison { throw Failure("poisoned by \(poison)") }
            try model.check(database, "cycle \(cycle),")
            guard random.oneIn(3) else { continue }
            try database.close()
            database = try FileDatabase.open(path, options: options)
            try model.check(database, "cycle \(cycle), opened again,")
        }
        try database.checkSound("at the end,")
        try database.close()
    }

    /// Puts until three times there was no room.
    private mutating func fill(_ database: FileDatabase, _ account: inout Account) throws {
        var refusals = 0
        while refusals < 3 {
            let changes = (0..<random.number(in: 1...3)).map { _ in
                Change.put(
                    Array("key \(random.below(30_000))".utf8),
                    random.bytes(random.element(of: [50, 900, 3000, 3000, 20_000])),
                    table: random.oneIn(8) ? "t" : "")
            }
            let before = model
            for change in changes { model.apply(change) }
            do {
                try database.commit(changes, options.durability)
                account.note("commits")
            } catch {
                guard let error = error as? StorageError, error.code == .fileTooLarge else {
                    throw error
                }
                if let poison = database.poison { throw Failure("poisoned by \(poison)") }
                model = before
                refusals += 1
                account.note("puts refused for room")
            }
        }
    }

    /// Deletes a part, one transaction each.
    private mutating func delete(_ database: FileDatabase, _ account: inout Account) throws {
        for _ in 0..<max(2, model.main.count / random.number(in: 2...5)) {
            guard let entry = model.main.nth(random.below(max(1, model.main.count))) else { break }
            do throws(StorageError) {
                _ = try database.delete(entry.key)
            } catch {
                guard error.code == .fileTooLarge else { throw error }
                if options.checkpointPolicy == .manual { try database.checkpoint() }
                _ = try database.delete(entry.key)
                account.note("deletes tried again")
            }
            account.note("deletes")
            model.apply(.delete(entry.key))
        }
    }

    private func compact(_ database: FileDatabase, _ account: inout Account) throws {
        do throws(StorageError) {
            try database.checkpoint()
            let report = try database.compact()
            guard report.byteCountAfter <= report.byteCountBefore else {
                throw StorageError(.invalidArgument, "a compaction made the file larger: \(report)")
            }
            account.note("compactions")
        } catch {
            guard error.code == .fileTooLarge else { throw error }
            account.note("compactions refused for room")
        }
    }

    // MARK: The process's limit

    /// Lets no file of this process grow beyond `byteCount`; the limit before.
    private func limitFiles(to byteCount: Int) throws -> rlimit {
        signal(SIGXFSZ, SIG_IGN)
        var old = rlimit()
        guard unsafe getrlimit(Self.fileSize, &old) == 0 else {
            throw Failure("getrlimit: \(errno)")
        }
        var new = old
        new.rlim_cur = rlim_t(byteCount)
        guard unsafe setrlimit(Self.fileSize, &new) == 0 else {
            throw Failure("setrlimit: \(errno)")
        }
        return old
    }

    private func restore(_ old: rlimit) {
        var old = old
        _ = unsafe setrlimit(Self.fileSize, &old)
    }

    #if os(Linux)
        private static var fileSize: __rlimit_resource_t {
            __rlimit_resource_t(RLIMIT_FSIZE.rawValue)
        }
    #else
        private static var fileSize: Int32 { RLIMIT_FSIZE }
    #endif
}
