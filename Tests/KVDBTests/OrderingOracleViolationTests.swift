@_spi(Engine) import DatabaseTesting
@_spi(Engine) import KVDB
import StorageIO
import StorageIOTesting
import Testing

/// The ordering oracle finds what it is there to find: the calls of a sound life, with something
/// left out, moved or added.
@Suite struct OrderingOracleViolationTests {
    /// What an oracle is told, in order.
    private enum Event: Sendable {
        case call(CompletedOperation)
        case commit(UInt64, Durability)
    }

    private final class Recorder: @unchecked Sendable {
        // Sendable: only this test's one thread uses it.
        var events: [Event] = []
    }

    /// Commits, checkpoints, tables and long values, and two durabilities.
    private static func life() throws -> [Event] {
        let files = CrashingFileSystem()
        let recorder = Recorder()
        files.afterOperation = { recorder.events.append(.call($0)) }
        let database = try SimulatedDatabase.open(on: files, .manual)
        for round in 0..<40 {
            let durability: Durability = round % 3 == 2 ? .written : .full
            try database.write(durability: durability) { transaction in
                for number in 0..<5 {
                    try transaction.put(
                        numberKey(round * 37 % 50 + number), [UInt8](repeating: 1, count: 300))
                }
                try transaction.put(numberKey(round), [1, 2], table: "table")
                if round % 7 == 0 {
                    try transaction.put([1], [UInt8](repeating: 7, count: 9_000 + round))
                }
            }
            recorder.events.append(.commit(try database.snapshot().transaction, durability))
            if round % 8 == 7 { try database.checkpoint() }
        }
        try database.close()
        return recorder.events
    }

    private static func violations(_ events: [Event]) -> [String] {
        let oracle = OrderingOracle(path: SimulatedDatabase.testPath)
        for event in events {
            switch event {
            case .call(let call): oracle.observe(call)
            case .commit(let number, let durability):
                oracle.committed(transaction: number, durability: durability)
            }
        }
        return oracle.violations
    }

    private static let data = SimulatedDatabase.testPath
    private static let log = data + "-wal"

    private static func call(_ event: Event) -> CompletedOperation? {
        if case .call(let call) = event { call } else { nil }
    }

    private static func isCall(
        _ event: Event, _ kind: FileOperation.Kind, _ path: String
    ) -> Bool {
        call(event).map { $0.operation.kind == kind && $0.operation.path == path } ?? false
    }

    private static func isSuperblock(_ event: Event) -> Bool {
        isCall(event, .write, data) && call(event)!.operation.offset < 8192
    }

    private static func operation(
        _ kind: FileOperation.Kind, _ path: String, offset: UInt64 = 0, bytes: [UInt8] = []
    ) -> Event {
        .call(
            CompletedOperation(
                FileOperation(
                    number: 0, kind: kind, path: path, offset: offset, byteCount: bytes.count),
                bytes: bytes))
    }

    /// The index of the superblock written last but `count`.
    private static func superblock(_ events: [Event], last count: Int) throws -> Int {
        let all = events.indices.filter { isSuperblock(events[$0]) }
        return try #require(all.dropLast(count).last)
    }

    @Test func aSoundLifeHasNone() throws {
        let events = try Self.life()
        #expect(Self.violations(events) == [])
        #expect(events.count(where: Self.isSuperblock) >= 6)
    }

    private func expect(
        _ rule: String, _ part: String, in events: [Event],
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let found = Self.violations(events)
        #expect(
            found.contains { $0.hasPrefix(rule) && $0.contains(part) }, "\(found)",
            sourceLocation: sourceLocation)
    }

    @Test func aSyncOfTheDataIsSkipped() throws {
        var events = try Self.life()
        let superblock = try Self.superblock(events, last: 1)
        let sync = try #require(
            events[..<superblock].lastIndex { Self.isCall($0, .sync, Self.data) })
        events.remove(at: sync)
        expect("R2", "is not durable", in: events)
    }

    @Test func aSuperblockIsWrittenEarly() throws {
        var events = try Self.life()
        let superblock = try Self.superblock(events, last: 1)
        let event = events.remove(at: superblock)
        let page = try #require(
            events[..<superblock].lastIndex { Self.isCall($0, .write, Self.data) })
        events.insert(event, at: page)
        expect("R2", "which is not durable", in: events)
    }

    @Test func aPageOfTheCheckpointIsReused() throws {
        var events = try Self.life()
        let superblock = try Self.superblock(events, last: 1)
        // The first page that the checkpoint wrote, once more behind the sync of its superblock.
        let before = try #require(events[..<superblock].lastIndex(where: Self.isSuperblock))
        let page = try #require(
            events[(before + 1)..<superblock].first { Self.isCall($0, .write, Self.data) })
        events.insert(page, at: superblock + 2)
        expect("R1", "is overwritten, which superblock", in: events)
        // Nor before that sync: the superblock may have got there on its own.
        events.remove(at: superblock + 2)
        events.insert(page, at: superblock + 1)
        expect("R1", "is overwritten, which superblock", in: events)
    }

    @Test func theDurableSlotIsOverwritten() throws {
        var events = try Self.life()
        let superblock = try Self.superblock(events, last: 2)
        let next = try Self.superblock(events, last: 1)
        let offset = Self.call(events[superblock])!.operation.offset
        let call = Self.call(events[next])!
        events[next] = Self.operation(.write, Self.data, offset: offset, bytes: call.bytes)
        expect("R1", "the slot of the durable superblock", in: events)
    }

    @Test func theFileIsCutTooShort() throws {
        var events = try Self.life()
        let superblock = try Self.superblock(events, last: 1)
        events.insert(Self.operation(.truncate, Self.data, offset: 12_288), at: superblock + 2)
        expect("R1", "needs more pages", in: events)
    }

    @Test func theLogIsNotSynced() throws {
        let events = try Self.life().filter { !Self.isCall($0, .sync, Self.log) }
        expect("R3", "after a full commit", in: events)
        expect("R2", "the log is not durable", in: events)
    }

    /// Of the last commit at `full` alone; nothing else goes wrong.
    @Test func oneSyncOfTheLogIsSkipped() throws {
        var events = try Self.life()
        let commit = try #require(
            events.lastIndex { if case .commit(_, .full) = $0 { true } else { false } })
        let sync = try #require(
            events[..<commit].lastIndex { Self.isCall($0, .sync, Self.log) })
        events.remove(at: sync)
        expect("R3", "after a full commit", in: events)
    }

    @Test func aWrittenCommitIsNotWritten() throws {
        var events = try Self.life()
        let commit = try #require(
            events.lastIndex { if case .commit(_, .written) = $0 { true } else { false } })
        let write = try #require(
            events[..<commit].lastIndex { Self.isCall($0, .write, Self.log) })
        events.remove(at: write)
        expect("R3", "after a written commit", in: events)
    }

    @Test func namesAreNotSynced() throws {
        let events = try Self.life().filter { Self.call($0)?.operation.kind != .syncDirectory }
        expect("R3", "there is no database", in: events)
    }

    @Test func theLogIsOverwrittenCutOrRemoved() throws {
        let events = try Self.life()
        let commit = try #require(
            events.lastIndex { if case .commit(_, .full) = $0 { true } else { false } })
        let write = try #require(
            events[..<commit].last { Self.isCall($0, .write, Self.log) })
        let call = Self.call(write)!
        let zeros = [UInt8](repeating: 0, count: call.bytes.count)
        func adding(_ event: Event) -> [Event] {
            Array(events[...commit]) + [event]
        }
        expect(
            "R2", "of the log are overwritten",
            in: adding(
                Self.operation(.write, Self.log, offset: call.operation.offset, bytes: zeros)))
        expect(
            "R2", "cut off from the log",
            in: adding(Self.operation(.truncate, Self.log, offset: call.operation.offset)))
        expect("R2", "the log is removed", in: adding(Self.operation(.remove, Self.log)))
    }
}
