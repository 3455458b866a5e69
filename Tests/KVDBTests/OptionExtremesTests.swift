@_spi(Engine) import DatabaseTesting
import PageStore
import StorageIO
import StorageIOTesting
import Testing
import WAL

@_spi(Engine) @testable import KVDB

/// The smallest and the largest values that options and arguments can have.
@Suite struct OptionExtremesTests {
    @Test func theLargestBudgetsMeanNever() throws {
        let folder = try TemporaryDirectory()
        var options = DatabaseOptions()
        options.cacheBudget = 1 << 46
        options.dirtyBudget = 1 << 46
        options.logBudget = 1 << 46
        options.syncInterval = .seconds(3600)
        options.writerTimeout = .seconds(86_400)
        let database = try FileDatabase.open(folder.file("my.db"), options: options)
        try database.put("a", "1")
        try database.put("b", "2", durability: .buffered)
        try database.write { transaction in
            for number in 0..<1000 { try transaction.put("key\(number)", "x") }
        }
        try database.close()
        #expect(try FileDatabase.open(folder.file("my.db"), options: options).count() == 1002)
    }

    static let absurd: [(String, @Sendable (inout DatabaseOptions) -> Void)] = [
        ("no cache", { $0.cacheBudget = 0 }), ("a cache below zero", { $0.cacheBudget = -1 }),
        ("a cache beyond all memory", { $0.cacheBudget = 1 << 62 }),
        ("no room for changes", { $0.dirtyBudget = 0 }),
        ("changes beyond all memory", { $0.dirtyBudget = .max }),
        ("no log", { $0.logBudget = 0 }), ("a log beyond all disks", { $0.logBudget = .max }),
        ("syncs without a pause", { $0.syncInterval = .zero }),
        ("syncs before the commit", { $0.syncInterval = .milliseconds(-5) }),
        ("no sync this year", { $0.syncInterval = .seconds(1 << 40) }),
        ("a wait below zero", { $0.writerTimeout = .nanoseconds(-1) }),
        ("a wait for ever", { $0.writerTimeout = .seconds(Int64.max) }),
    ]

    @Test(arguments: absurd)
    func absurdOptionsAreRefused(
        what: String, change: @Sendable (inout DatabaseOptions) -> Void
    ) throws {
        var options = DatabaseOptions()
        change(&options)
        let files = CrashingFileSystem()
        let error = #expect(throws: StorageError.self) {
            try SimulatedDatabase.open("a.db", files: files, options: options)
        }
        #expect(error?.code == .invalidArgument && files.paths.isEmpty, "\(what)")
    }

    @Test(arguments: [.zero, .nanoseconds(1), .seconds(Int64.max)] as [Duration])
    func anyTimeoutWillDo(timeout: Duration) throws {
        let database = try InMemoryDatabase.openInMemory()
        let transaction = try database.begin(timeout: timeout)
        try transaction.put("a", "1")
        try transaction.commit()
        #expect(try database.count() == 1)
    }

    @Test func aNegativeTimeoutIsRefused() throws {
        let database = try InMemoryDatabase.openInMemory()
        let error = #expect(throws: StorageError.self) {
            try database.begin(timeout: .nanoseconds(-1)).abort()
        }
        #expect(error?.code == .invalidArgument)
    }

    @Test func everySegmentSizeThatIsAcceptedWorks() throws {
        for size in [0, 1, 4095, 4096, 5000, 1 << 26, 1 << 27, 1 << 30, .min, .max] {
            var options = DatabaseOptions()
            options.sizeLimit = 64 << 20
            options.logSegmentSize = size
            let files = CrashingFileSystem()
            do {
                let database = try SimulatedDatabase.open("a.db", files: files, options: options)
                try database.put("a", "1")
                try database.close()
            } catch {
                #expect(error.code == .invalidArgument)
                #expect(files.paths.isEmpty, "a refused option left files behind")
            }
        }
    }

    @Test(arguments: [CheckpointPolicy.inline, .automatic])
    func theSmallestBudgetsStillWork(policy: CheckpointPolicy) throws {
        var options = DatabaseOptions.small
        options.logBudget = 1
        options.loggedTransactionLimit = 1 << 20
        options.syncInterval = .milliseconds(1)
        options.checkpointPolicy = policy
        let files = CrashingFileSystem()
        var random = SeededRandom(seed: 11)
        var model: [String: [UInt8]] = [:]
        for session in 0..<6 {
            // The log goes off and on again.
            options.usesLog = session % 3 != 1
            let database = try SimulatedDatabase.open("a.db", files: files, options: options)
            for _ in 0..<40 {
                let key = "key\(Int.random(in: 0..<60, using: &random))"
                let size = [0, 10, 1500, 5000, 60_000, 300_000].randomElement(using: &random)!
                let value = [UInt8](repeating: UInt8(truncatingIfNeeded: size), count: size)
                if Int.random(in: 0..<4, using: &random) == 0 {
                    #expect(try database.delete(key) == (model.removeValue(forKey: key) != nil))
                } else {
                    let durability = Durability(rawValue: UInt8.random(in: 0..<3, using: &random))
                    try database.put(key, value, durability: durability)
                    model[key] = value
                }
            }
            #expect(try database.count() == UInt64(model.count))
            for (key, value) in model { #expect(try database.get(key) == value) }
            #expect(try database.verify().findings.isEmpty)
            try database.close()
        }
    }

    @Test func aFileThatMayNotGrowKeepsWhatItHas() throws {
        var options = DatabaseOptions()
        options.sizeLimit = 1 << 16
        options.checkpointPolicy = .inline
        let files = CrashingFileSystem()
        let database = try SimulatedDatabase.open("a.db", files: files, options: options)
        var stored = 0
        var refusal: StorageError.Code?
        while refusal == nil, stored < 10_000 {
            do throws(StorageError) {
                try database.put("key\(10_000 + stored)", [UInt8](repeating: 1, count: 500))
                stored += 1
            } catch {
                refusal = error.code
            }
        }
        #expect(refusal == .fileTooLarge)
        #expect(database.poison == nil)
        #expect(try database.count() == UInt64(stored))
        #expect(try database.verify().findings.isEmpty)
        // With room again all goes on, from what a crash would leave too.
        options.sizeLimit = 64 << 20
        let again = try SimulatedDatabase.open(
            "a.db", files: files.survivors(.none), options: options)
        #expect(try again.count() == UInt64(stored))
        try again.put("more", "room")
        try again.checkpoint()
        #expect(try again.verify().findings.isEmpty)
    }
}
