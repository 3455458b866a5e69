@_spi(Engine) import DatabaseTesting
import PageStore
import StorageIO
import StorageIOTesting
import Testing
import WAL

@_spi(Engine) @testable import KVDB

/// A failed write or sync ends all writing through the handle ("Failure" in Docs/Architecture.md):
/// whoever waits for it learns of it, and what was acknowledged before is there after a reopen.
@Suite struct PoisonTests {
    /// A call that fails, and where.
    struct Fault: Sendable, CustomTestStringConvertible {
        var kind: FileOperation.Kind
        var isLog: Bool
        var code: StorageError.Code = .inputOutput
        /// The write of a superblock, not of any other page.
        var isSuperblock = false

        var testDescription: String {
            "\(code) of \(kind.rawValue) on the \(isLog ? "log" : "data file")"
                + (isSuperblock ? "'s superblock" : "")
        }

        func matches(_ operation: FileOperation) -> Bool {
            operation.kind == kind && operation.path.hasSuffix("-wal") == isLog
                && (!isSuperblock || operation.offset < 8192)
        }
    }

    static let faults = [
        Fault(kind: .write, isLog: true), Fault(kind: .write, isLog: true, code: .diskFull),
        Fault(kind: .sync, isLog: true), Fault(kind: .sync, isLog: true, code: .diskFull),
        Fault(kind: .write, isLog: false), Fault(kind: .sync, isLog: false),
        Fault(kind: .sync, isLog: false, code: .diskFull),
        Fault(kind: .write, isLog: false, isSuperblock: true),
        // Part of it may be there, and become durable at any time: then it stands for a checkpoint
        // whose pages must not be given to anybody else, so nothing may follow.
        Fault(kind: .write, isLog: false, code: .diskFull, isSuperblock: true),
    ]

    /// The number of the first call that `fault` is about among those that `body` makes.
    private static func firstCall(
        _ fault: Fault, on files: CrashingFileSystem, _ body: () throws -> Void
    ) throws -> Int? {
        let calls = Calls()
        files.beforeOperation = { if fault.matches($0) { calls.take($0.number) } }
        defer { files.beforeOperation = nil }
        try body()
        return calls.first
    }

    private final class Calls: @unchecked Sendable {
        // Sendable: only used by the one thread that works on the files.
        var first: Int?
        func take(_ number: Int) { if first == nil { first = number } }
    }

    @Test(arguments: faults)
    func anyFailedWriteOrSyncPoisons(fault: Fault) throws {
        /// Commits, of which the later ones meet the fault.
        func work(_ database: SimulatedDatabase, _ model: inout DatabaseModel) throws {
            for number in 0..<40 {
                let change = Change.put(numberKey(number), [UInt8](repeating: 7, count: 300))
                try database.write { _ = try $0.apply(change) }
                model.apply(change)
            }
        }
        var counted = DatabaseModel()
        let rehearsal = CrashingFileSystem()
        let whole = try SimulatedDatabase.open(on: rehearsal)
        let number = try #require(
            try Self.firstCall(fault, on: rehearsal) { try work(whole, &counted) })

        let files = CrashingFileSystem()
        let database = try SimulatedDatabase.open(on: files)
        files.fail(operation: number, with: fault.code)
        var model = DatabaseModel()
        // An inline checkpoint that fails shows in the next commit.
        let code = errorCode { try work(database, &model) }
        #expect(code == .poisoned || code == fault.code)
        #expect(database.poison?.code == fault.code)
        let write = #expect(throws: StorageError.self) { try database.put([9], [9]) }
        #expect(write?.code == .poisoned)
        #expect(write?.cause?.error.code == fault.code)
        // What the handle has and what the file has may differ for good; only a reopen can tell.
        #expect(errorCode { try database.verify() } == .poisoned)
        #expect(errorCode { try database.checkpoint() } == .poisoned)
        #expect(errorCode { try database.sync() } == .poisoned)
        try checkKept(files, model, further: 1)
        #expect(throws: StorageError.self) { try database.close() }
        try checkKept(files, model, further: 1)
        let again = try SimulatedDatabase.open(on: files)
        #expect(again.poison == nil)
        try again.put([9], [9])
        try again.checkSound()
    }

    /// Many threads wait in one group when its write or sync fails.
    @Test(arguments: [Fault(kind: .write, isLog: true), Fault(kind: .sync, isLog: true)])
    func everyCommitOfAGroupGetsTheError(fault: Fault) throws {
        let threads = 12
        let files = CrashingFileSystem()
        let database = try SimulatedDatabase.open(on: files, .manual)
        var model = DatabaseModel()
        for number in 0..<3 {
            let change = Change.put(numberKey(number), [1])
            try database.write { _ = try $0.apply(change) }
            model.apply(change)
        }
        // The leader is held in its call until all are committed but for the wait. What of them
        // it took with it does not matter: the others are in the next group, which never comes.
        files.fail(operation: files.count(of: fault.kind) + 1, of: fault.kind)
        // A version that is held can't be changed in place, which would write to the log under the
        // writers' lock: if such a put came first, the others could not gather.
        var held: SimulatedSnapshot? = try database.snapshot()
        let core = database.core
        files.beforeOperation = { operation in
            guard fault.matches(operation) else { return }
            while core.versions.count < threads { System.yield() }
        }
        try inParallel(threads) { thread in
            let durability = fault.kind == .write && thread % 2 == 1 ? Durability.written : .full
            let error = #expect(throws: StorageError.self) {
                try database.put(numberKey(100 + thread), [2], durability: durability)
            }
            #expect(error?.code == .poisoned)
            #expect(error?.cause?.error.code == .inputOutput)
        }
        files.beforeOperation = nil
        #expect(held?.count == 3)
        held = nil
        // None of them is seen.
        try model.check(database, "poisoned:")
        try checkKept(files, model, further: threads)
        #expect(throws: StorageError.self) { try database.close() }
        try checkKept(files, model, further: threads)
    }

    /// Whatever a power cut leaves now holds all of `model`, and at most `further` entries more.
    private func checkKept(
        _ files: CrashingFileSystem, _ model: DatabaseModel, further: Int
    ) throws {
        for variant in 0..<Survival.variants.count {
            let left = files.survivors(variant: variant, seed: 1)
            let database = try SimulatedDatabase.open(on: left)
            for entry in model.main.entries {
                try check(
                    try database.get(entry.key) == entry.value, "\(entry.key) is gone, \(variant)")
            }
            let count = try database.count()
            try check(
                Int(count) - model.main.count <= further, "\(count) entries, \(variant)")
            try database.checkSound("variant \(variant):")
            try database.close()
        }
    }
}
