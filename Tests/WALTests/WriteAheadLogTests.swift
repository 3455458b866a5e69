import StorageIO
import StorageIOTesting
import Testing

@testable import WAL

@Suite struct WriteAheadLogTests {
    @Test func aNewLogIsEmpty() throws {
        let files = InMemoryFileSystem()
        let (log, entries) = try openLog(files)
        #expect(entries.isEmpty)
        #expect(log.end == 0)
        #expect(log.durable == 0)
        #expect(log.byteCount == 0)
        try log.start()
        #expect(log.end == 0)
        // The first segment, and the spare one for a checkpoint's record (L6).
        #expect(log.byteCount == 2 * 4096)
        try log.close(removing: false)
        #expect(try openLog(files, mustExist: true).entries.isEmpty)
    }

    /// Opening and closing leave no trace, and ask the file system for nothing that could.
    @Test func aLogWithoutRecordsHasNoFile() throws {
        let files = CrashingFileSystem()
        let log = try openLog(files, from: 40_960).log
        try log.sync(through: .max)
        try log.close(removing: true)
        #expect(files.count(of: [.write, .sync, .truncate, .preallocate, .syncDirectory]) == 0)
        #expect(try !files.exists(logPath))
        // One that is begun later lies behind where the last one ended.
        let next = try openLog(files, from: 40_960).log
        #expect(try next.commit(Entry(7, size: 10)) > 40_960)
        try next.close(removing: false)
        #expect(try openLog(files, from: 40_960, mustExist: true).entries == [Entry(7, size: 10)])
    }

    /// A log that came there since this one was opened without one is not this one's.
    @Test func aLogThatHasAppearedIsNotTouched() throws {
        let files = InMemoryFileSystem()
        let first = try openLog(files).log
        let second = try openLog(files).log
        try first.commit(Entry(1, size: 10))
        let locked = #expect(throws: StorageError.self) { try second.append(Entry(1, size: 20)) }
        #expect(locked?.code == .locked)
        try first.close(removing: false)
        let refused = #expect(throws: StorageError.self) { try second.start() }
        #expect(refused?.code == .fileExists)
        #expect(second.poison == nil)
        #expect(second.end == 0)
        try second.close(removing: true)
        #expect(try openLog(files, mustExist: true).entries == [Entry(1, size: 10)])
    }

    @Test func recordsComeBackInOrder() throws {
        let files = InMemoryFileSystem()
        let expected = (1...50).map { Entry($0, size: Int($0 * 7 % 90)) }
        try writeLog(files, expected)
        let (log, entries) = try openLog(files)
        #expect(entries == expected)
        #expect(log.end == log.durable)
    }

    @Test func positionsSayWhereRecordsAre() throws {
        let files = InMemoryFileSystem()
        let log = try openLog(files).log
        let ends = try (1...30).map { try log.commit(Entry($0, size: 300)) }
        try log.close(removing: false)
        var records: [(LogSequenceNumber, LogSequenceNumber)] = []
        _ = try WriteAheadLog.open(files: files, path: logPath, identity: testIdentity) { record in
            records.append((record.start, record.end))
        }
        #expect(records.map(\.1) == ends)
        for (index, record) in records.enumerated().dropFirst() {
            #expect(record.0 >= records[index - 1].1)
        }
    }

    @Test func replayStartsWhereAsked() throws {
        let files = InMemoryFileSystem()
        let log = try openLog(files).log
        let expected = (1...40).map { Entry($0, size: 333) }
        let ends = try expected.map { try log.commit($0) }
        try log.close(removing: false)
        for (index, end) in ends.enumerated() {
            let (log, entries) = try openLog(files, from: end, mustExist: true)
            #expect(entries == Array(expected[(index + 1)...]))
            #expect(log.end == ends.last)
        }
    }

    @Test(arguments: [0, 1, 8, 3999, 4000, 4001, 4096, 8192, 20_000, 100_000])
    func recordsSpanSegments(size: Int) throws {
        let files = InMemoryFileSystem()
        let expected = [Entry(1, size: 10), Entry(2, size: size), Entry(3, size: 10)]
        try writeLog(files, expected)
        #expect(try openLog(files).entries == expected)
    }

    @Test func everySizeAroundASegmentsEndFits() throws {
        for size in stride(from: 3800, through: 4100, by: 1) {
            let files = InMemoryFileSystem()
            let expected = [Entry(1, size: size), Entry(2, size: 5), Entry(3, size: 0)]
            try writeLog(files, expected)
            #expect(try openLog(files).entries == expected)
        }
    }

    @Test func theLogGoesOnAfterReopening() throws {
        let files = InMemoryFileSystem()
        var expected: [Entry] = []
        var last: LogSequenceNumber = 0
        for round in 0..<12 {
            let (log, entries) = try openLog(files)
            #expect(entries == expected)
            #expect(log.end == last)
            for number in 1...3 {
                let entry = Entry(UInt64(round * 3 + number), size: 700)
                let position = try log.commit(entry)
                #expect(position > last)
                last = position
                expected.append(entry)
            }
            try log.close(removing: false)
        }
        #expect(try openLog(files).entries == expected)
    }

    @Test func whatIsBufferedIsSyncedOnClose() throws {
        let files = InMemoryFileSystem()
        let log = try openLog(files).log
        try log.append(Entry(1, size: 100))
        #expect(log.written < log.end)
        try log.close(removing: false)
        #expect(try openLog(files).entries == [Entry(1, size: 100)])
    }

    @Test func closingCanRemoveTheFile() throws {
        let files = InMemoryFileSystem()
        let log = try openLog(files).log
        let end = try log.commit(Entry(1, size: 100))
        try log.close(removing: true)
        #expect(try !files.exists(logPath))
        // A later log goes on behind that position, whatever its segment size.
        var options = smallSegments()
        options.segmentSize = 16384
        let next = try openLog(files, from: end, options: options).log
        #expect(next.end == end)
        #expect(try next.commit(Entry(2, size: 10)) > end)
        try next.close(removing: false)
        #expect(try openLog(files, from: end, mustExist: true).entries == [Entry(2, size: 10)])
    }

    @Test func aClosedLogRefusesEverything() throws {
        let log = try openLog(InMemoryFileSystem()).log
        let end = try log.commit(Entry(1, size: 1))
        try log.close(removing: false)
        try log.close(removing: false)
        #expect(throws: StorageError.self) { try log.append([1]) }
        #expect(throws: StorageError.self) { try log.reserve(1) }
        // What is durable stays so.
        try log.sync(through: end)
    }

    @Test func anExistingFileKeepsItsSegmentSize() throws {
        let files = InMemoryFileSystem()
        try writeLog(files, [Entry(1, size: 10)])
        let log = try openLog(files, options: LogOptions()).log
        #expect(log.segmentSize == 4096)
    }

    @Test func aLogOfAnotherDatabaseIsRefused() throws {
        let files = InMemoryFileSystem()
        try writeLog(files, [Entry(1, size: 10)])
        let error = #expect(throws: StorageError.self) {
            _ = try WriteAheadLog.open(
                files: files, path: logPath, identity: LogIdentity(high: 9, low: 9)
            ) { _ in }
        }
        #expect(error?.code == .notADatabase)
    }

    @Test func aForeignFileIsRefused() throws {
        let files = try memory(with: [UInt8]("#!/bin/sh\necho hello\n".utf8))
        let error = #expect(throws: StorageError.self) { _ = try openLog(files) }
        #expect(error?.code == .notADatabase)
    }

    @Test func aNewerFormatIsRefused() throws {
        let files = InMemoryFileSystem()
        try writeLog(files, [Entry(1, size: 10)])
        var bytes = try contents(files)
        bytes[LogLayout.segmentVersion] = 2
        let checksum = portableChecksum(bytes[0..<60])
        for index in 0..<4 {
            bytes[60 + index] = UInt8(truncatingIfNeeded: checksum >> (8 * index))
        }
        let error = #expect(throws: StorageError.self) { _ = try openLog(memory(with: bytes)) }
        #expect(error?.code == .unsupportedFormat)
    }

    @Test func aMissingLogIsAnErrorWhenItMustExist() throws {
        let files = InMemoryFileSystem()
        let error = #expect(throws: StorageError.self) { _ = try openLog(files, mustExist: true) }
        #expect(error?.code == .fileNotFound)
        #expect(try !files.exists(logPath))
    }

    @Test func readingOnlyChangesNothing() throws {
        let files = InMemoryFileSystem()
        let missing = try openLog(files, from: 4200, readOnly: true).log
        #expect(missing.end == 4200)
        #expect(throws: StorageError.self) { try missing.append([1]) }
        #expect(try !files.exists(logPath))
        try missing.close(removing: false)

        try writeLog(files, [Entry(1, size: 10)])
        let before = try contents(files)
        let (log, entries) = try openLog(files, readOnly: true)
        #expect(entries == [Entry(1, size: 10)])
        let error = #expect(throws: StorageError.self) { try log.append([1]) }
        #expect(error?.code == .readOnly)
        let refusal = #expect(throws: StorageError.self) { try log.recycle(before: log.end) }
        #expect(refusal?.code == .readOnly)
        try log.close(removing: true)
        #expect(try contents(files) == before)
    }

    @Test func twoWritersAreKeptApart() throws {
        let files = InMemoryFileSystem()
        let log = try openLog(files).log
        try log.start()
        let error = #expect(throws: StorageError.self) { _ = try openLog(files) }
        #expect(error?.code == .locked)
        try log.close(removing: false)
        _ = try openLog(files)
    }

    @Test func badArgumentsAreErrors() throws {
        let files = InMemoryFileSystem()
        for size in [0, -1, 1024, 5000, 1 << 27] {
            var options = LogOptions()
            options.segmentSize = size
            #expect(throws: StorageError.self) { _ = try openLog(files, options: options) }
        }
        for position: UInt64 in [1, 4201, .max, 1 << 63] {
            #expect(throws: StorageError.self) { _ = try openLog(files, from: position) }
        }
        var options = smallSegments()
        options.maximumRecordSize = 100
        let log = try openLog(files, options: options).log
        let error = #expect(throws: StorageError.self) { try log.append(Entry(1, size: 101)) }
        #expect(error?.code == .valueTooLong)
        #expect(throws: StorageError.self) { try log.reserve(-1) }
        try log.append(Entry(1, size: 100))
    }

    @Test func anErrorOfReplayEndsOpening() throws {
        let files = InMemoryFileSystem()
        try writeLog(files, [Entry(1, size: 10), Entry(2, size: 10)])
        var seen = 0
        let error = #expect(throws: StorageError.self) {
            _ = try WriteAheadLog.open(files: files, path: logPath, identity: testIdentity) {
                _ throws(StorageError) in
                seen += 1
                throw StorageError(.keyTooLong, "no")
            }
        }
        #expect(error?.code == .keyTooLong)
        #expect(seen == 1)
        #expect(try openLog(files).entries.count == 2)
    }

    @Test func aFullBufferIsWrittenByAppend() throws {
        var options = smallSegments()
        options.bufferByteLimit = 10_000
        let log = try openLog(InMemoryFileSystem(), options: options).log
        for number in 1...100 {
            try log.append(Entry(UInt64(number), size: 900))
            #expect(log.buffer.count <= 10_000)
        }
        #expect(log.written > 0)
        #expect(log.durable == 0)
    }
}
