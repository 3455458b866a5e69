import StorageIO
import StorageIOTesting
import Testing

@testable import WAL

/// What a caller says about positions is checked: where to start, and how far the log was durable.
@Suite struct LogPositionTests {
    private static let records = (1...60).map { Entry($0, size: Int($0 * 37 % 900)) }

    /// A log, and the end of each of its records.
    private func makeLog() throws -> (InMemoryFileSystem, ends: [LogSequenceNumber]) {
        let files = InMemoryFileSystem()
        let log = try openLog(files).log
        var ends: [LogSequenceNumber] = []
        for record in Self.records { ends.append(try log.commit(record)) }
        try log.close(removing: false)
        return (files, ends)
    }

    private func code(_ body: () throws -> Void) -> StorageError.Code? {
        do {
            try body()
            return nil
        } catch {
            return (error as? StorageError)?.code
        }
    }

    /// Replay starts at every record's end or start, and nowhere else in the log's segments.
    @Test func startsOnlyWhereARecordEnds() throws {
        let (files, ends) = try makeLog()
        var starts: [LogSequenceNumber: Int] = [:]
        let reader = try LogReader(files: files, path: logPath)
        var frames: Set<LogSequenceNumber> = []
        try reader.forEachRecord { starts[$0.start] = Int($0.transaction) - 1 }
        try reader.forEachFrame { frames.insert($0.start) }
        for (index, end) in ends.enumerated() { starts[end] = index + 1 }
        let last = try #require(ends.last)
        #expect(frames.count > Self.records.count, "some records are cut by a segment's end")
        for position in stride(from: 0, through: last + 64, by: LogLayout.alignment) {
            let copy = try memory(with: contents(files))
            for mustExist in [false, true] {
                let expected = position == 0 ? 0 : starts[position]
                let walker = reader.walker
                guard
                    position == 0 || walker.table.entry(containing: position) != nil
                        || walker.table.successor(of: position) != nil
                else { continue }
                do {
                    let (log, entries) = try openLog(copy, from: position, mustExist: mustExist)
                    // A segment's first frame may be where a cut record goes on.
                    let first = try #require(expected, "opened at \(position)")
                    #expect(entries == Array(Self.records[first...]), "from \(position)")
                    try log.close(removing: false)
                } catch {
                    #expect((error as? StorageError)?.code == .damaged)
                    #expect(expected == nil, "\(position) was refused: \(error)")
                }
            }
        }
    }

    /// A position beside the log's end is refused before anything is appended to it.
    @Test func refusesTheNeighbourhoodOfTheEnd() throws {
        for offset in [-16, -8, 8, 16, 256] {
            let (files, ends) = try makeLog()
            let before = try contents(files)
            let end = try #require(ends.last)
            let position = LogSequenceNumber(Int(end) + offset)
            #expect(code { _ = try openLog(files, from: position) } == .damaged, "\(offset)")
            #expect(code { _ = try openLog(files, from: position, mustExist: true) } == .damaged)
            #expect(code { _ = try openLog(files, from: position, readOnly: true) } == .damaged)
            #expect(try contents(files) == before)
            let (log, entries) = try openLog(files, from: end, mustExist: true)
            #expect(entries.isEmpty)
            try log.commit(Entry(61, size: 20))
            try log.close(removing: false)
            #expect(try openLog(files, from: end).entries == [Entry(61, size: 20)])
        }
    }

    /// Damage before the position is no concern of a replay that starts there.
    @Test func damageBeforeThePositionDoesNotMatter() throws {
        let (files, ends) = try makeLog()
        let reader = try LogReader(files: files, path: logPath)
        var places: [(start: UInt64, end: LogSequenceNumber)] = []
        try reader.forEachFrame { places.append(($0.fileOffset, $0.end)) }
        let index = ends.count - 2
        // Not that of the record before it: then nothing would tell the position from a wrong one.
        let place = try #require(places.last { $0.end < ends[index] })
        var bytes = try contents(files)
        bytes[Int(place.start) + 40] ^= 1
        let entries = try openLog(memory(with: bytes), from: ends[index], mustExist: true).entries
        #expect(entries == [Self.records[index + 1]])
    }

    /// A log that ends before what the caller knows to be durable has lost records.
    @Test func refusesALogThatIsTooShort() throws {
        let (files, ends) = try makeLog()
        let end = try #require(ends.last)
        func open(
            _ files: InMemoryFileSystem, from: LogSequenceNumber = 0, through: LogSequenceNumber
        ) throws(StorageError) {
            _ = try WriteAheadLog.open(
                files: files, path: logPath, identity: testIdentity, from: from, through: through,
                options: smallSegments()
            ) { _ in }
        }
        #expect(code { try open(files, through: end) } == nil)
        #expect(code { try open(files, from: end, through: end) } == nil)
        // Cut by two segments: nothing in the file tells that there was more.
        let bytes = try contents(files)
        let short = try memory(with: Array(bytes.prefix(bytes.count - 2 * 4096)))
        #expect(code { try open(short, through: 0) } == nil)
        #expect(code { try open(short, through: end) } == .damaged)
        let kept = try openLog(short).entries.count
        #expect(kept > 0 && kept < Self.records.count)
        #expect(code { try open(short, through: ends[kept - 1]) } == nil)
        #expect(code { try open(short, through: ends[kept]) } == .damaged)
        // Gone as a whole.
        let empty = InMemoryFileSystem()
        #expect(code { try open(empty, through: end) } == .fileNotFound)
        #expect(code { try open(empty, from: end, through: end) } == nil)
        #expect(code { try open(memory(with: []), through: end) } == .damaged)
    }

    /// A log that was recycled says so, and one that lost its beginning says that.
    @Test func tellsRecycledFromLost() throws {
        let files = InMemoryFileSystem()
        let log = try openLog(files).log
        var ends: [LogSequenceNumber] = []
        for record in Self.records { ends.append(try log.commit(record)) }
        let position = ends[50]
        try log.recycle(before: position)
        for number: UInt64 in 61...90 { ends.append(try log.commit(Entry(number, size: 700))) }
        try log.close(removing: false)
        #expect(code { _ = try openLog(files) } == .positionRecycled)
        #expect(code { _ = try openLog(files, from: ends[3]) } == .positionRecycled)
        #expect(try openLog(files, from: position).entries.first?.transaction == 52)
        let reader = try LogReader(files: files, path: logPath)
        let report = try reader.forEachRecord(from: ends[3]) { _ in }
        #expect(report.damage?.code == .positionRecycled && report.recordCount == 0)

        let (whole, _) = try makeLog()
        var bytes = try contents(whole)
        for offset in 0..<4096 { bytes[offset] = 0 }
        #expect(code { _ = try openLog(memory(with: bytes)) } == .damaged)
    }
}
