import StorageIO
import StorageIOTesting
import Synchronization
import Testing

@testable import WAL

@Suite struct LogFaultTests {
    @Test func aFailureAtEveryCallPoisonsOrLeavesNothingChanged() throws {
        var number = 0
        var isDone = false
        while !isDone {
            number += 1
            let files = CrashingFileSystem()
            let log: WriteAheadLog<CrashingFileSystem>
            files.fail(operation: number)
            do throws(StorageError) { log = try openLog(files).log } catch {
                // Opening failed; the next attempt works.
                #expect(error.code == .inputOutput)
                #expect(try openLog(files).entries.isEmpty)
                continue
            }
            var acknowledged: [Entry] = []
            var failure: StorageError?
            for transaction in 1...12 where failure == nil {
                let entry = Entry(UInt64(transaction), size: 1500)
                do throws(StorageError) {
                    try log.commit(entry)
                    acknowledged.append(entry)
                } catch {
                    failure = error
                }
            }
            isDone = failure == nil
            if let failure { try expectUsableOrPoisoned(log, failure) }
            // Only a reopen tells what is really there.
            let isPoisoned = log.poison != nil
            try? log.close(removing: false)
            files.clearFaults()
            let (_, entries) = try openLog(files, mustExist: !acknowledged.isEmpty)
            #expect(entries.starts(with: acknowledged))
            #expect(!isPoisoned || entries.count <= acknowledged.count + 1)
        }
        #expect(number > 15)
    }

    private func expectUsableOrPoisoned(
        _ log: WriteAheadLog<CrashingFileSystem>, _ failure: StorageError
    ) throws {
        guard let poison = log.poison else {
            // The file was not made or not extended: nothing was appended, and the log goes on.
            #expect(failure.code == .inputOutput)
            #expect(log.end == log.durable)
            try log.commit(Entry(99, size: 1))
            return
        }
        #expect(failure.code == .poisoned)
        #expect(failure.cause?.error.code == .inputOutput)
        #expect(poison.code == .inputOutput)
        let (end, durable) = (log.end, log.durable)
        for call in 0..<4 {
            do throws(StorageError) {
                switch call {
                case 0: try log.append(Entry(99, size: 1))
                case 1: try log.write(through: end)
                case 2: try log.sync(through: end)
                default: try log.reserve(1)
                }
                // Written is written, and durable is durable; only what is not yet can't be any more.
                #expect(call == 1 && log.written == end || call == 2 && durable == end)
            } catch {
                #expect(error.code == .poisoned)
                #expect(error.cause?.error.code == .inputOutput)
            }
        }
        // What was durable before stays so.
        try log.sync(through: durable)
        #expect(log.end == end)
    }

    @Test func aFailedSyncIsNeverRepeated() throws {
        let files = CrashingFileSystem()
        let log = try openLog(files).log
        let position = try log.append(Entry(1, size: 100))
        files.fail(operation: files.count(of: .sync) + 1, of: .sync)
        #expect(throws: StorageError.self) { try log.sync(through: position) }
        let syncs = files.count(of: .sync)
        let writes = files.count(of: .write)
        #expect(throws: StorageError.self) { try log.sync(through: position) }
        #expect(throws: StorageError.self) { try log.append(Entry(2, size: 100)) }
        #expect(throws: StorageError.self) { try log.close(removing: true) }
        #expect(files.count(of: .sync) == syncs)
        #expect(files.count(of: .write) == writes)
        #expect(log.durable == 0)
        #expect(try files.exists(logPath))
    }

    /// The system gives up what it could not sync, but shows it until its cache goes, and the next
    /// sync says that all is well. What is replayed is durable all the same.
    @Test(arguments: [1, 2, 7])
    func whatOnlyTheCacheHasIsWrittenAgain(commits: UInt64) throws {
        let files = CrashingFileSystem()
        files.failedSync = SyncFailure(.none, isCached: true)
        let entries = (1...commits + 6).map { Entry($0, size: 1500) }
        do {
            let log = try openLog(files).log
            for entry in entries.prefix(Int(commits)) { try log.commit(entry) }
            files.fail(operation: files.count(of: .sync) + 1, of: .sync)
            var end: LogSequenceNumber = 0
            for entry in entries.suffix(6) { end = try log.append(entry) }
            #expect(throws: StorageError.self) { try log.sync(through: end) }
        }
        let (log, replayed) = try openLog(files)
        #expect(replayed == entries)
        let left = files.survivors(.none)
        #expect(try openLog(left).entries == entries)
        try log.commit(Entry(100, size: 10))
        #expect(try openLog(files.survivors(.none)).entries == entries + [Entry(100, size: 10)])
    }

    @Test(arguments: [FileOperation.Kind.write, .sync])
    func everyWaiterGetsTheError(kind: FileOperation.Kind) throws {
        let files = CrashingFileSystem()
        let log = try openLog(files).log
        try log.commit(Entry(1, size: 10))
        files.fail(operation: files.count(of: kind) + 3, of: kind, forever: true)
        let outcomes = Lock()
        final class Outcomes: @unchecked Sendable {
            // Sendable: only touched under `outcomes`.
            var acknowledged: [LogSequenceNumber] = []
            var errors: [StorageError] = []
        }
        let seen = Outcomes()
        let threads = try (0..<8).map { index in
            try SystemThread {
                for round in 0..<20 {
                    do throws(StorageError) {
                        let entry = Entry(UInt64(index * 100 + round), size: 50)
                        let position = try log.commit(entry)
                        outcomes.withLock { seen.acknowledged.append(position) }
                    } catch {
                        outcomes.withLock { seen.errors.append(error) }
                    }
                }
            }
        }
        for thread in threads { thread.join() }
        #expect(seen.acknowledged.count + seen.errors.count == 160)
        #expect(seen.errors.count >= 8)
        #expect(seen.errors.allSatisfy { $0.code == .poisoned && $0.cause != nil })
        let durable = log.durable
        #expect(seen.acknowledged.allSatisfy { $0 <= durable })
    }

    @Test func reservingOnAFullDiskChangesNothing() throws {
        let files = CrashingFileSystem()
        let log = try openLog(files).log
        try log.commit(Entry(1, size: 100))
        files.capacity = 3 * 4096
        let (end, size) = (log.end, log.byteCount)
        let error = #expect(throws: StorageError.self) { try log.reserve(20_000) }
        #expect(error?.code == .diskFull)
        #expect(log.poison == nil)
        #expect(log.end == end)
        #expect(log.byteCount == size)
        let refused = #expect(throws: StorageError.self) { try log.append(Entry(2, size: 20_000)) }
        #expect(refused?.code == .diskFull)
        #expect(log.end == end)
        // What fits goes on.
        try log.reserve(7000)
        files.capacity = 0
        try log.commit(Entry(2, size: 7000))
        try log.close(removing: false)
        files.capacity = nil
        let expected = [Entry(1, size: 100), Entry(2, size: 7000)]
        #expect(try openLog(files).entries == expected)
    }

    /// The slots that a reservation took are the log's until the record is in them, though nothing
    /// before them is needed any more; then the disk may be full.
    @Test func whatIsReservedIsNotGivenBackByRecycling() throws {
        let files = CrashingFileSystem()
        let log = try openLog(files, options: smallSegments(retained: 0)).log
        let end = try log.commit(Entry(1, size: 30_000))
        try log.reserve(50_000)
        let size = log.byteCount
        try log.recycle(before: end)
        #expect(log.byteCount <= size, "recycling never makes the log larger")
        files.capacity = 0
        let last = try log.commit(Entry(2, size: 50_000))
        #expect(log.byteCount >= 50_000)
        #expect(log.durable >= last)
        let left = files.survivors(.none)
        #expect(try openLog(left, from: end).entries == [Entry(2, size: 50_000)])
    }

    @Test func aCheckpointFreesAFullLog() throws {
        let files = CrashingFileSystem()
        files.capacity = 4 * 4096
        let log = try openLog(files).log
        var position: LogSequenceNumber = 0
        var entries: [Entry] = []
        for number in 1...100 {
            if number % 8 == 0 {
                position = log.durable
                try log.recycle(before: position)
                entries = []
            }
            entries.append(Entry(UInt64(number), size: 1000))
            try log.commit(entries[entries.count - 1])
        }
        #expect(try openLog(files.survivors(.none), from: position).entries == entries)
        // Without a checkpoint the disk is soon full.
        let error = #expect(throws: StorageError.self) {
            for number in 101...120 { try log.commit(Entry(UInt64(number), size: 1000)) }
        }
        #expect(error?.code == .diskFull)
    }
}
