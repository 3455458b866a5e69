import StorageIO
import StorageIOTesting
import Testing

@testable import WAL

@Suite struct LogReaderTests {
    @Test func itShowsSegmentsFramesAndRecords() throws {
        let files = InMemoryFileSystem()
        let expected = [Entry(1, size: 10), Entry(2, size: 9000), Entry(3, size: 0)]
        try writeLog(files, expected)
        let reader = try LogReader(files: files, path: logPath)
        defer { reader.close() }
        #expect(reader.identity == testIdentity)
        #expect(reader.segmentSize == 4096)
        #expect(reader.segments.map(\.state) == [.linked, .linked, .linked])
        #expect(reader.segments.map(\.sequence) == [1, 2, 3])
        #expect(reader.byteCount == 3 * 4096)

        var records: [Entry] = []
        let report = try reader.forEachRecord { records.append(Entry($0)) }
        #expect(records == expected)
        #expect(report.damage == nil)
        #expect(report.recordCount == 3)
        #expect(report.frameCount == 5)
        #expect(report.payloadByteCount == 9010)
        #expect(report.end == report.frameEnd)

        var flags: [Bool] = []
        var offsets: [UInt64] = []
        try reader.forEachFrame { frame in
            flags.append(frame.isFirst)
            offsets.append(frame.fileOffset)
        }
        #expect(flags == [true, true, false, false, true])
        #expect(offsets == offsets.sorted())
    }

    @Test func itReadsALogWhoseBeginningWasRecycled() throws {
        let files = InMemoryFileSystem()
        let log = try openLog(files).log
        for number in 1...60 {
            let end = try log.commit(Entry(UInt64(number), size: 2500))
            try log.recycle(before: end)
        }
        let end = log.end
        try log.close(removing: false)
        let reader = try LogReader(files: files, path: logPath, identity: testIdentity)
        var records: [Entry] = []
        let report = try reader.forEachRecord { records.append(Entry($0)) }
        let last = try #require(records.last)
        #expect(last == Entry(60, size: 2500))
        for (index, record) in records.enumerated() {
            #expect(record.transaction == 60 - UInt64(records.count - 1 - index))
        }
        #expect(report.damage == nil)
        #expect(report.end == end)
        #expect(report.start == reader.oldestPosition)
    }

    @Test func itReportsDamageAndWhatComesBefore() throws {
        let files = InMemoryFileSystem()
        try writeLog(files, (1...10).map { Entry($0, size: 1000) })
        var bytes = try contents(files)
        bytes[4096 + 200] ^= 1
        let reader = try LogReader(files: memory(with: bytes), path: logPath)
        let report = try reader.forEachRecord { _ in }
        #expect(report.damage?.code == .damaged)
        #expect(report.damage?.logSequenceNumber == report.frameEnd)
        #expect(report.recordCount == 4)
        // Salvage: go on in the segment after.
        let next = try #require(reader.segments.first { $0.sequence == 3 })
        var rest: [UInt64] = []
        try reader.forEachRecord(from: next.previousEnd) { rest.append($0.transaction) }
        #expect(rest.last == 10)
        #expect(rest == Array(rest[0]...10))
    }

    @Test func aVisitorsErrorIsThrown() throws {
        let files = InMemoryFileSystem()
        try writeLog(files, [Entry(1, size: 10)])
        let reader = try LogReader(files: files, path: logPath)
        let error = #expect(throws: StorageError.self) {
            try reader.forEachRecord { _ throws(StorageError) in
                throw StorageError(.damaged, "in the payload")
            }
        }
        #expect(error?.message == "in the payload")
    }

    @Test func itTellsUnusedForeignAndStaleSlots() throws {
        let files = InMemoryFileSystem()
        let log = try openLog(files, options: smallSegments(retained: 8)).log
        try log.commit(Entry(1, size: 100))
        try log.reserve(10_000)
        try log.close(removing: false)
        let reader = try LogReader(files: files, path: logPath)
        #expect(reader.segments.map(\.state) == [.linked, .unreadable, .unreadable, .unreadable])
        #expect(throws: StorageError.self) {
            _ = try LogReader(
                files: files, path: logPath, identity: LogIdentity(high: 1, low: 1))
        }
        let empty = try LogReader(files: memory(with: []), path: logPath)
        #expect(empty.segments.isEmpty)
        #expect(try empty.forEachRecord { _ in }.recordCount == 0)
    }

    @Test func aMissingFileIsAnError() throws {
        let error = #expect(throws: StorageError.self) {
            _ = try LogReader(files: InMemoryFileSystem(), path: logPath)
        }
        #expect(error?.code == .fileNotFound)
    }
}
