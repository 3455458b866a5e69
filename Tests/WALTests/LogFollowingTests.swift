import StorageIO
import StorageIOTesting
import Testing

@testable import WAL

/// A log is read while it is written: a sound log is never called damaged.
@Suite struct LogFollowingTests {
    @Test func aReaderMadeBeforeReadsWhatCameSince() throws {
        let files = InMemoryFileSystem()
        let log = try openLog(files).log
        for number: UInt64 in 1...10 { try log.commit(Entry(number, size: 200)) }
        let reader = try LogReader(files: files, path: logPath)
        for number: UInt64 in 11...30 { try log.commit(Entry(number, size: 200)) }
        var seen: [UInt64] = []
        var report = try reader.forEachRecord { seen.append($0.transaction) }
        #expect(report.damage == nil)
        try reader.refresh()
        report = try reader.forEachRecord(from: report.end) { seen.append($0.transaction) }
        #expect(report.damage == nil && report.end == log.end)
        #expect(seen == Array(1...30))
        #expect(reader.byteCount == log.byteCount)
        #expect(reader.segments.filter { $0.state == .linked }.count == log.chain.count)
    }

    @Test func aReaderMadeOnAnEmptyFileFindsTheLog() throws {
        let files = InMemoryFileSystem()
        try files.open(logPath, .create).close()
        let reader = try LogReader(files: files, path: logPath)
        #expect(reader.identity == nil)
        try writeLog(files, (1...20).map { Entry($0, size: 900) })
        try reader.refresh()
        #expect(try reader.forEachRecord { _ in }.recordCount == 20)
        #expect(reader.identity == testIdentity)
    }

    /// A writer that appends, syncs and recycles between any two sectors that a reader reads.
    private final class Writer {
        let log: WriteAheadLog<InMemoryFileSystem>
        var random: SeededRandom
        var number: UInt64 = 0
        var ends: [LogSequenceNumber] = []
        let keeps: Int

        init(_ files: InMemoryFileSystem, seed: UInt64, keeps: Int) throws {
            log = try openLog(files, options: smallSegments(retained: 1)).log
            random = SeededRandom(seed: seed)
            self.keeps = keeps
        }

        /// Whether all that it appends is written.
        var isDone: Bool { number >= 200 && log.durable == log.end }

        func step() throws {
            guard number < 200 else { return try log.sync(through: log.end) }
            guard random.oneIn(3) else { return }
            for _ in 0..<random.number(in: 1...4) {
                number += 1
                ends.append(try log.append(Entry(number, size: random.below(1500))))
                if random.oneIn(2) { try log.sync(through: log.end) }
            }
            if random.oneIn(2) { try log.write(through: log.end) }
            if keeps < ends.count, random.oneIn(3) {
                try log.recycle(before: ends[ends.count - keeps])
            }
        }
    }

    /// Followed while it grows, a log is whole, in order, and never damaged.
    @Test(arguments: Seeds.first(12))
    func followsAGrowingLog(seed: UInt64) throws {
        let memory = InMemoryFileSystem()
        let writer = try Writer(memory, seed: seed, keeps: .max)
        try writer.log.start()
        let files = SteppingFiles(memory)
        files.step = { try writer.step() }
        let reader = try LogReader(files: files, path: logPath, identity: testIdentity)
        var position: LogSequenceNumber = 0
        var seen: UInt64 = 0
        var rounds = 0
        while !writer.isDone || position < writer.log.end {
            rounds += 1
            if rounds % 3 > 0 { try reader.refresh() }
            let report = try reader.forEachRecord(from: position) { record in
                seen += 1
                #expect(record.transaction == seen)
            }
            #expect(report.damage == nil, "after record \(seen). \(Seeds.again(seed))")
            guard report.damage == nil, rounds < 1000 else { break }
            position = report.end
        }
        #expect(files.failure == nil)
        #expect(seen == writer.number && position == writer.log.end, "\(Seeds.again(seed))")
    }

    /// One that falls behind is told that it comes too late, not of damage.
    @Test(arguments: Seeds.first(12))
    func fallsBehind(seed: UInt64) throws {
        let memory = InMemoryFileSystem()
        let writer = try Writer(memory, seed: seed, keeps: 6)
        try writer.log.start()
        let files = SteppingFiles(memory)
        files.step = { try writer.step() }
        let reader = try LogReader(files: files, path: logPath, identity: testIdentity)
        var position: LogSequenceNumber?
        var last: UInt64 = 0
        var rounds = 0
        while !writer.isDone || last < writer.number, rounds < 1000 {
            rounds += 1
            if rounds % 2 == 0 || writer.isDone { try reader.refresh() }
            let report = try reader.forEachRecord(from: position) { record in
                #expect(record.transaction > last)
                #expect(position == nil || record.transaction == last + 1 || last == 0)
                last = record.transaction
            }
            if report.damage?.code == .positionRecycled {
                // Go on from where the log begins now.
                try reader.refresh()
                position = nil
                let begin = reader.oldestPosition
                #expect(begin <= writer.log.end)
            } else {
                #expect(report.damage == nil, "after record \(last). \(Seeds.again(seed))")
                position = report.end
            }
        }
        #expect(files.failure == nil)
        #expect(last == writer.number, "\(Seeds.again(seed))")
    }

    /// What is damaged is still called damaged, after it was read again.
    @Test func damageIsStillFound() throws {
        let files = InMemoryFileSystem()
        let log = try openLog(files).log
        for number: UInt64 in 1...30 { try log.commit(Entry(number, size: 500)) }
        try log.close(removing: false)
        var bytes = try contents(files)
        bytes[2 * 4096 + 100] ^= 1
        let reader = try LogReader(files: memory(with: bytes), path: logPath)
        var seen: [UInt64] = []
        let report = try reader.forEachRecord { seen.append($0.transaction) }
        #expect(report.damage?.code == .damaged)
        #expect(seen == Array(1...UInt64(report.recordCount)), "no record comes twice")
        var frames = 0
        #expect(try reader.forEachFrame { _ in frames += 1 }.frameCount == frames)
    }

    /// A reader alone tells that segments are gone from a log that never recycled any.
    @Test func tellsALostBeginning() throws {
        let files = InMemoryFileSystem()
        try writeLog(files, (1...60).map { Entry($0, size: 500) })
        let bytes = try contents(files)
        for lost in [0, 2] {
            var copy = bytes
            for offset in lost * 4096..<(lost + 1) * 4096 { copy[offset] = 0 }
            let reader = try LogReader(files: memory(with: copy), path: logPath)
            let report = try reader.forEachRecord { _ in }
            #expect(report.damage?.code == .damaged, "slot \(lost)")
            #expect(report.missingBefore == report.start && report.start > 0)
            #expect(report.recordCount > 0)
        }
        let whole = try LogReader(files: files, path: logPath).forEachRecord { _ in }
        #expect(whole.damage == nil && whole.missingBefore == nil && whole.recordCount == 60)
        // One that was recycled has lost nothing.
        let recycled = InMemoryFileSystem()
        let log = try openLog(recycled, options: smallSegments(retained: 8)).log
        for number: UInt64 in 1...60 {
            let end = try log.commit(Entry(number, size: 500))
            if number % 20 == 0 { try log.recycle(before: end) }
        }
        try log.close(removing: false)
        var report = try LogReader(files: recycled, path: logPath).forEachRecord { _ in }
        #expect(report.damage == nil && report.missingBefore == nil)
        // And one that begins behind an older log's end has lost nothing.
        let later = InMemoryFileSystem()
        let second = try openLog(later, from: 80_000).log
        for number: UInt64 in 1...60 { try second.commit(Entry(number, size: 500)) }
        try second.close(removing: false)
        report = try LogReader(files: later, path: logPath).forEachRecord { _ in }
        #expect(report.damage == nil && report.missingBefore == nil && report.start == 80_000)
    }

    /// What a power cut leaves of new segments is no lost beginning.
    @Test func aCrashIsNoLostBeginning() throws {
        try PowerCuts.sweep(UInt64(0)) { files, acknowledged in
            var count: UInt64 = 0
            let log = try WriteAheadLog.open(
                files: files, path: logPath, identity: testIdentity, options: smallSegments()
            ) { _ in count += 1 }
            acknowledged.value = max(acknowledged.value, count)
            for number in count + 1...count + 4 {
                _ = try log.append(Entry(number, size: 3000))
                let end = try log.append(Entry(number, size: 3000))
                if number % 2 == 0 { try log.sync(through: end) }
            }
            try log.close(removing: false)
        } check: { survivor, _ in
            guard try survivor.exists(logPath) else { return }
            let report = try LogReader(files: survivor, path: logPath, mayBeNew: true)
                .forEachRecord { _ in }
            if let damage = report.damage { throw damage }
            if report.missingBefore != nil { throw StorageError(.damaged, "missing") }
        }
    }
}
