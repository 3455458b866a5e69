import StorageIO
import StorageIOTesting
import Testing

@testable import WAL

@Suite struct LogRecyclingTests {
    @Test func aRecycledLogStopsGrowing() throws {
        let files = InMemoryFileSystem()
        let log = try openLog(files).log
        var sizes: Set<UInt64> = []
        for number in 1...400 {
            let end = try log.commit(Entry(UInt64(number), size: 1000))
            try log.recycle(before: end)
            if number > 50 { sizes.insert(log.byteCount) }
        }
        #expect(sizes.max() ?? 0 <= 4 * 4096)
        let end = log.end
        try log.close(removing: false)
        #expect(try openLog(files, from: end, mustExist: true).entries.isEmpty)
    }

    @Test func theFileShrinksAfterABurst() throws {
        let files = InMemoryFileSystem()
        let log = try openLog(files, options: smallSegments(retained: 1)).log
        let end = try log.commit(Entry(1, size: 400_000))
        #expect(log.byteCount > 400_000)
        // The burst's last segment lies at the end of the file; the next ones lie before it.
        try log.recycle(before: end)
        for number in 2...20 {
            try log.recycle(before: log.commit(Entry(UInt64(number), size: 1000)))
        }
        #expect(log.byteCount <= 4 * 4096)
        #expect(UInt64(try contents(files).count) == log.byteCount)
    }

    @Test func reusedSlotsHaveNewNumbersAndSalts() throws {
        let files = InMemoryFileSystem()
        let log = try openLog(files).log
        var seen: Set<UInt32> = []
        var sequences: [UInt64] = []
        for number in 1...100 {
            try log.recycle(before: log.commit(Entry(UInt64(number), size: 2000)))
            let segment = try #require(log.chain.last)
            if sequences.last != segment.sequence {
                sequences.append(segment.sequence)
                seen.insert(segment.salt)
            }
        }
        #expect(sequences == sequences.sorted())
        #expect(Set(sequences).count == seen.count)
    }

    /// What an earlier use of a slot left behind the end of the log is a whole, sound frame of that
    /// use, right where the next frame would be.
    @Test func staleFramesNeverValidate() throws {
        let files = InMemoryFileSystem()
        let log = try openLog(files, options: smallSegments(retained: 8)).log
        // Records of one size, so that frames lie at the same offsets in every segment.
        var number: UInt64 = 0
        for _ in 0..<40 {
            number += 1
            try log.recycle(before: log.commit(Entry(number, size: 472)))
        }
        let position = log.end
        var expected: [Entry] = []
        for _ in 0..<13 {
            number += 1
            expected.append(Entry(number, size: 472))
            try log.commit(expected.last!)
            let copy = try memory(with: contents(files))
            #expect(try openLog(copy, from: position, mustExist: true).entries == expected)
        }
    }

    /// A power cut takes a new segment's header but leaves frames behind it; the next recovery uses
    /// the same slot and number again, so the leftovers lie at their right position. Only the salt
    /// tells them.
    @Test func framesOfALostSegmentOfTheSameNumberDoNotValidate() throws {
        let files = InMemoryFileSystem()
        try writeLog(files, [Entry(1, size: 100)])
        let lost = try openLog(files).log
        for number in 2...4 { try lost.append(Entry(UInt64(number), size: 472)) }
        try lost.write(through: lost.end)
        let slot = try #require(lost.chain.last).slot
        var bytes = try contents(files)
        for index in 0..<64 + 504 { bytes[slot * 4096 + index] = 0 }

        let again = try memory(with: bytes)
        let (log, entries) = try openLog(again)
        #expect(entries == [Entry(1, size: 100)])
        try log.commit(Entry(5, size: 472))
        let segment = try #require(log.chain.last)
        #expect(segment.slot == slot)
        #expect(segment.sequence == lost.chain.last?.sequence)
        let expected = [Entry(1, size: 100), Entry(5, size: 472)]
        #expect(try openLog(memory(with: contents(again))).entries == expected)
    }

    /// If a salt repeated, `syncedThrough` would still tell an earlier use of a slot.
    @Test func aStaleFrameIsNotPlausibleEvenWithTheSameSalt() throws {
        let files = InMemoryFileSystem()
        let log = try openLog(files).log
        for number in 1...30 {
            try log.recycle(before: log.commit(Entry(UInt64(number), size: 1000)))
        }
        try log.close(removing: false)
        let file = try files.open(logPath, .readOnly)
        let table = try SegmentTable(
            reading: file, identity: testIdentity, defaultSegmentSize: 4096)
        for entry in table.entries {
            let stale = FrameHeader(
                length: 0, transaction: 1,
                syncedThrough: entry.header.previousEnd - UInt64(4096 * 3),
                salt: entry.header.salt, flags: 3)
            let walker = LogWalker(file, table, maximumRecordSize: 100)
            #expect(!walker.isPlausible(stale, in: entry.header))
        }
    }

    @Test func nothingThatIsNotDurableIsRecycled() throws {
        let files = InMemoryFileSystem()
        let log = try openLog(files).log
        for number in 1...20 { try log.append(Entry(UInt64(number), size: 1000)) }
        try log.recycle(before: log.end)
        try log.close(removing: false)
        #expect(try openLog(files).entries.count == 20)
    }

    @Test func recyclingBeforeAnyPositionKeepsTheRestReadable() throws {
        let source = InMemoryFileSystem()
        let log = try openLog(source).log
        let entries = (1...12).map { Entry($0, size: Int($0) * 331) }
        let ends = try entries.map { try log.commit($0) }
        try log.close(removing: false)
        let bytes = try contents(source)
        for (index, end) in ends.enumerated() {
            let files = try memory(with: bytes)
            let log = try openLog(files).log
            try log.recycle(before: end)
            // Overwrites every slot that was recycled.
            let next = Entry(100, size: 4000 * log.spareSlots.count + 10)
            try log.commit(next)
            try log.close(removing: false)
            let (_, read) = try openLog(files, from: end, mustExist: true)
            #expect(read == Array(entries[(index + 1)...]) + [next])
        }
    }
}
