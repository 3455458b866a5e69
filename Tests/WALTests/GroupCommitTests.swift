import StorageIO
import StorageIOTesting
import Synchronization
import Testing

@testable import WAL

@Suite struct GroupCommitTests {
    @Test func r11ACommitCostsOneWriteAndOneSync() throws {
        let files = CrashingFileSystem()
        let log = try openLog(files, options: LogOptions()).log
        try log.start()
        for number in 1...200 {
            let before = files.operationCount
            let (writes, syncs) = (files.count(of: .write), files.count(of: .sync))
            try log.commit(Entry(UInt64(number), size: number * 13))
            #expect(files.count(of: .write) == writes + 1)
            #expect(files.count(of: .sync) == syncs + 1)
            #expect(files.operationCount == before + 2)
        }
    }

    @Test func r11ARecycledSegmentCostsNothingMore() throws {
        let files = CrashingFileSystem()
        let log = try openLog(files).log
        for number in 1...20 {
            try log.recycle(before: log.commit(Entry(UInt64(number), size: 1000)))
        }
        var extra = 0
        for number in 21...120 {
            let before = files.operationCount
            let slots = log.chain.map(\.slot)
            let position = try log.commit(Entry(UInt64(number), size: 1000))
            // One write more where the next slot does not lie behind the last.
            let isSwitch = log.chain.map(\.slot) != slots
            #expect(files.operationCount - before <= (isSwitch ? 3 : 2))
            extra += files.operationCount - before - 2
            try log.recycle(before: position)
        }
        #expect(extra <= 30)
    }

    @Test func r11ARecordOverNeighbouringSegmentsIsOneWrite() throws {
        let files = CrashingFileSystem()
        let log = try openLog(files).log
        try log.reserve(100_000)
        let writes = files.count(of: .write)
        try log.commit(Entry(1, size: 100_000))
        #expect(files.count(of: .write) == writes + 1)
    }

    @Test func whatIsDurableCostsNothing() throws {
        let files = CrashingFileSystem()
        let log = try openLog(files).log
        let position = try log.commit(Entry(1, size: 10))
        let before = files.operationCount
        try log.write(through: position)
        try log.sync(through: position)
        try log.sync(through: .max)
        #expect(files.operationCount == before)
    }

    @Test func writtenIsNotDurable() throws {
        let files = CrashingFileSystem()
        let log = try openLog(files).log
        let position = try log.append(Entry(1, size: 10))
        #expect(log.written < position)
        try log.write(through: position)
        #expect(log.written == position)
        #expect(log.durable < position)
        #expect(try openLog(files.survivors(.none)).entries.isEmpty)
        #expect(try openLog(files.survivors(.all)).entries.count == 1)
        try log.sync(through: position)
        #expect(log.durable == position)
    }

    @Test func r3SyncReturnsOnlyWhenAPowerCutLeavesTheRecord() throws {
        let files = CrashingFileSystem()
        let log = try openLog(files).log
        var expected: [Entry] = []
        for number in 1...25 {
            let entry = Entry(UInt64(number), size: number * 100)
            let position = try log.append(entry)
            #expect(log.durable < position)
            try log.sync(through: position)
            expected.append(entry)
            #expect(log.durable == position)
            #expect(try openLog(files.survivors(.none), mustExist: true).entries == expected)
        }
    }

    /// What a killed process wrote is replayed, so readers see it: it must be durable then.
    @Test func r3WhatIsReplayedIsDurable() throws {
        let files = CrashingFileSystem()
        let killed = try openLog(files).log
        try killed.append(Entry(1, size: 10))
        try killed.write(through: killed.end)
        var options = smallSegments()
        options.locksFile = false
        let (log, entries) = try openLog(files, options: options)
        #expect(entries.count == 1)
        #expect(log.durable == log.end)
        #expect(try openLog(files.survivors(.none), mustExist: true).entries == entries)
    }

    /// A killed process may have made the file without making its name durable.
    @Test func theNameOfAFileThatWasFoundIsMadeDurable() throws {
        let files = CrashingFileSystem()
        let first = try openLog(files).log
        files.fail(operation: 1, of: .syncDirectory)
        #expect(throws: StorageError.self) { try first.start() }
        first.abandon()
        let log = try openLog(files).log
        try log.commit(Entry(1, size: 10))
        #expect(try openLog(files.survivors(.none), mustExist: true).entries.count == 1)
    }

    @Test func eightThreadsShareSyncs() throws {
        let directory = try TemporaryDirectory()
        let files = CountingFileSystem()
        let path = directory.file("log")
        let log = try WriteAheadLog.open(
            files: files, path: path, identity: testIdentity, options: smallSegments()
        ) { _ in }
        let opening = files.syncCount
        let wrong = Atomic<Int>(0)
        let rounds = 100
        let threads = try (0..<8).map { index in
            try SystemThread {
                for round in 0..<rounds {
                    do throws(StorageError) {
                        let entry = Entry(UInt64(index * 1000 + round), size: 100 + index)
                        let position = try log.commit(entry)
                        if log.durable < position {
                            wrong.add(1, ordering: .relaxed)
                        }
                    } catch {
                        wrong.add(1, ordering: .relaxed)
                    }
                }
            }
        }
        for thread in threads { thread.join() }
        #expect(wrong.load(ordering: .relaxed) == 0)
        let syncs = files.syncCount - opening
        #expect(syncs < 8 * rounds, "\(syncs) syncs for \(8 * rounds) commits")
        try log.close(removing: false)

        var entries: [Entry] = []
        _ = try WriteAheadLog.open(files: files, path: path, identity: testIdentity) { record in
            entries.append(Entry(record))
        }
        #expect(entries.count == 8 * rounds)
        for index in 0..<8 {
            // Each thread's records are there in its order, whole.
            let own = entries.filter { $0.transaction / 1000 == UInt64(index) }
            let expected = (0..<rounds).map { Entry(UInt64(index * 1000 + $0), size: 100 + index) }
            #expect(own == expected)
        }
    }

    @Test func threadsThatAppendWriteSyncAndRecycleAgree() throws {
        let log = try openLog(InMemoryFileSystem()).log
        let wrong = Atomic<Int>(0)
        let threads = try (0..<6).map { index in
            try SystemThread {
                var random = SeededRandom(seed: UInt64(index))
                for round in 0..<300 {
                    do throws(StorageError) {
                        let position = try log.append(
                            Entry(UInt64(round), size: random.below(3000)))
                        switch random.below(4) {
                        case 0:
                            try log.write(through: position)
                            if log.written < position { wrong.add(1, ordering: .relaxed) }
                        case 1:
                            try log.sync(through: position)
                            if log.durable < position { wrong.add(1, ordering: .relaxed) }
                        case 2: try log.recycle(before: log.durable)
                        default: try log.reserve(random.below(10_000))
                        }
                    } catch {
                        wrong.add(1, ordering: .relaxed)
                    }
                }
            }
        }
        for thread in threads { thread.join() }
        #expect(wrong.load(ordering: .relaxed) == 0)
        try log.close(removing: false)
    }
}

/// The real file system, counting syncs, each of which takes as long as a disk's.
final class CountingFileSystem: FileSystem, Sendable {
    private let base = POSIXFileSystem()
    private let syncs = Atomic<Int>(0)

    var syncCount: Int { syncs.load(ordering: .relaxed) }

    func open(_ path: String, _ mode: OpenMode) throws(StorageError) -> CountingFile {
        CountingFile(try base.open(path, mode), self)
    }
    func exists(_ path: String) throws(StorageError) -> Bool { try base.exists(path) }
    func remove(_ path: String) throws(StorageError) { try base.remove(path) }
    func rename(_ from: String, to: String, replacing: Bool) throws(StorageError) {
        try base.rename(from, to: to, replacing: replacing)
    }
    func syncDirectory(of path: String) throws(StorageError) {
        try base.syncDirectory(of: path)
    }
    fileprivate func countSync() { syncs.add(1, ordering: .relaxed) }
}

final class CountingFile: File, Sendable {
    private let base: POSIXFileSystem.Handle
    private let files: CountingFileSystem

    fileprivate init(_ base: POSIXFileSystem.Handle, _ files: CountingFileSystem) {
        self.base = base
        self.files = files
    }

    var path: String { base.path }
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(StorageError)
        -> Int
    { try unsafe base.read(into: buffer, at: offset) }
    func write(_ buffer: UnsafeRawBufferPointer, at offset: UInt64) throws(StorageError) {
        try unsafe base.write(buffer, at: offset)
    }
    func sync() throws(StorageError) {
        files.countSync()
        // Whatever the medium under the test, others get to append while one syncs.
        for _ in 0..<20 { System.yield() }
        try base.sync()
    }
    func size() throws(StorageError) -> UInt64 { try base.size() }
    func truncate(to size: UInt64) throws(StorageError) { try base.truncate(to: size) }
    func preallocate(_ count: UInt64, at offset: UInt64) throws(StorageError) {
        try base.preallocate(count, at: offset)
    }
    func lock(exclusive: Bool) throws(StorageError) { try base.lock(exclusive: exclusive) }
    func close() { base.close() }
}
