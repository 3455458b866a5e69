import StorageIO
import StorageIOTesting
import Testing

@testable import WAL

@Suite struct LogDamageTests {
    /// A log of `count` records, each synced before the next; the bytes and the records' ends.
    private static func log(_ sizes: [Int]) throws
        -> (bytes: [UInt8], entries: [Entry], ends: [LogSequenceNumber])
    {
        let files = InMemoryFileSystem()
        let log = try openLog(files).log
        let entries = sizes.enumerated().map { Entry(UInt64($0.offset + 1), size: $0.element) }
        let ends = try entries.map { try log.commit($0) }
        try log.close(removing: false)
        return (try contents(files), entries, ends)
    }

    /// What opening these bytes gives: the records, or an error.
    private static func open(
        _ bytes: [UInt8], from position: LogSequenceNumber = 0, mustExist: Bool = true
    ) throws -> Result<[Entry], StorageError> {
        do throws(StorageError) {
            return .success(
                try openLog(memory(with: bytes), from: position, mustExist: mustExist).entries)
        } catch {
            return .failure(error)
        }
    }

    @Test func aTornTailIsDroppedSilently() throws {
        let (bytes, entries, ends) = try Self.log([100, 200, 300])
        for cut in Int(ends[1]) - 4096..<Int(ends[2]) - 4096 {
            var torn = bytes
            for index in cut..<torn.count { torn[index] = 0 }
            guard torn != bytes else { continue }
            #expect(try Self.open(torn).get() == Array(entries[..<2]))
        }
    }

    /// What proves that records are lost is found without any header, whatever the options say.
    @Test func lostHeadersHideNoLossFromAReaderWithOtherOptions() throws {
        var (bytes, _, _) = try Self.log([100, 200, 300])
        try #require(bytes.count == 2 * 4096)
        for slot in 0..<2 {
            for index in 0..<LogLayout.segmentHeaderSize { bytes[slot * 4096 + index] = 0 }
        }
        for slots in [2, 3, 7] {
            let longer = bytes + [UInt8](repeating: 0, count: (slots - 2) * 4096)
            for size in [4096, 8192, 1 << 20] {
                var options = smallSegments()
                options.segmentSize = size
                let error = #expect(throws: StorageError.self) {
                    try openLog(memory(with: longer), options: options)
                }
                #expect(error?.code == .damaged, "\(slots) slots, \(size)")
            }
        }
    }

    @Test func aCutFileIsATornTail() throws {
        let (bytes, entries, ends) = try Self.log([100, 200, 300])
        #expect(
            try Self.open(Array(bytes[..<(Int(ends[2]) - 4096)])).get() == entries)
        #expect(
            try Self.open(Array(bytes[..<(Int(ends[2]) - 4097)])).get() == Array(entries[..<2]))
    }

    @Test func aCutBeforeWhatWasSyncedIsDamageWhenTheRestTellsIt() throws {
        // Three segments; the middle one is lost.
        let (bytes, _, _) = try Self.log([3000, 3000, 3000, 3000])
        var lost = bytes
        for index in 4096..<8192 { lost[index] = 0 }
        guard case .failure(let error) = try Self.open(lost) else {
            Issue.record("a lost segment went unnoticed")
            return
        }
        #expect(error.code == .damaged)
        #expect(error.path == logPath)
        #expect(error.offset != nil)
        #expect(error.logSequenceNumber != nil)
    }

    @Test func r7OneFlippedByteAnywhereIsFoundOrEndsTheLog() throws {
        let sizes = [40, 0, 3900, 33, 5000, 100, 7]
        let (bytes, entries, ends) = try Self.log(sizes)
        for index in bytes.indices {
            let flip: UInt8 = [1, 0x80, 0xFF][index % 3]
            var damaged = bytes
            damaged[index] ^= flip
            switch try Self.open(damaged) {
            case .failure(let error):
                #expect(error.code == .damaged || error.code == .notADatabase)
                if error.code == .damaged { #expect(error.path == logPath) }
            case .success(let read):
                // Only the last record has no proof behind it that it was durable.
                try #require(
                    read == entries || read == Array(entries.dropLast()), "byte \(index) ^ \(flip)")
                if read != entries {
                    let last = Int(ends[ends.count - 2] % 4096)..<Int(ends[ends.count - 1] % 4096)
                    let offset = index - (bytes.count - 4096)
                    try #require(last.contains(offset), "byte \(index) ^ \(flip)")
                }
            }
        }
    }

    @Test func aFlippedHeaderIsFoundWhenTheLogNeedNotExist() throws {
        let (bytes, entries, _) = try Self.log([100, 100, 100])
        for index in 0..<64 {
            var damaged = bytes
            damaged[index] ^= 0x10
            switch try Self.open(damaged, mustExist: false) {
            case .failure(let error):
                #expect(error.code == .damaged || error.code == .notADatabase)
            case .success(let read): #expect(read == entries)
            }
        }
    }

    @Test func aSegmentHeaderAloneProvesDamage() throws {
        let (bytes, _, _) = try Self.log([3900, 100])
        // Both records are lost; what is left is the header of the second's segment, which was
        // started when the first was durable.
        var damaged = bytes
        for index in Array(64..<4096) + Array(4096 + 64..<8192) { damaged[index] = 0 }
        guard case .failure(let error) = try Self.open(damaged) else {
            Issue.record("the lost record went unnoticed")
            return
        }
        #expect(error.code == .damaged)
        #expect(error.logSequenceNumber == 4096 + 64)
    }

    /// The header of a segment that recovery started is the only one with its number; it must be
    /// missed although older leftovers lie between.
    @Test func aLostSegmentAfterARecoveryIsDamage() throws {
        let crashing = CrashingFileSystem()
        let first = try openLog(crashing).log
        try first.commit(Entry(1, size: 100))
        // Unsynced, over several segments, of which only the later ones survive.
        try first.append(Entry(2, size: 9000))
        try first.write(through: first.end)
        let bytes = try contents(crashing)
        var torn = bytes
        for index in 300..<1000 { torn[index] = 0 }
        let files = try memory(with: torn)
        let (second, entries) = try openLog(files)
        #expect(entries == [Entry(1, size: 100)])
        try second.commit(Entry(3, size: 100))
        try second.commit(Entry(4, size: 100))
        let slot = try #require(second.chain.last?.slot)
        try second.close(removing: false)
        var damaged = try contents(files)
        damaged[slot * 4096 + 33] ^= 1
        guard case .failure(let error) = try Self.open(damaged) else {
            Issue.record("the lost segment went unnoticed")
            return
        }
        #expect(error.code == .damaged)
    }

    @Test func aPositionThatWasRecycledIsRefused() throws {
        let files = InMemoryFileSystem()
        let log = try openLog(files, options: smallSegments(retained: 0)).log
        for number in 1...20 { try log.commit(Entry(UInt64(number), size: 1500)) }
        let position = log.end
        for number in 21...30 { try log.commit(Entry(UInt64(number), size: 1500)) }
        try log.recycle(before: position)
        for number in 31...40 { try log.commit(Entry(UInt64(number), size: 1500)) }
        try log.close(removing: false)
        for mustExist in [true, false] {
            let error = #expect(throws: StorageError.self) {
                _ = try openLog(files, from: 0, mustExist: mustExist)
            }
            #expect(error?.code == .positionRecycled)
        }
        #expect(try openLog(files, from: position, mustExist: true).entries.count == 20)
    }

    @Test func anOldLogIsPassedOverWhenTheNewOneNeedNotExist() throws {
        let files = InMemoryFileSystem()
        try writeLog(files, [Entry(1, size: 100), Entry(2, size: 100)])
        let far: LogSequenceNumber = 4096 * 100
        #expect(throws: StorageError.self) { _ = try openLog(files, from: far, mustExist: true) }
        let (log, entries) = try openLog(files, from: far)
        #expect(entries.isEmpty)
        try log.commit(Entry(3, size: 10))
        try log.close(removing: false)
        #expect(try openLog(files, from: far, mustExist: true).entries == [Entry(3, size: 10)])
    }

    /// Random bytes, and random changes of a sound log whose checksums are made right again: an
    /// error or fewer records, no trap, no changed record.
    @Test(arguments: Seeds.first(300))
    func hostileBytesAreErrors(seed: UInt64) throws {
        let again: Comment = "\(Seeds.again(seed))"
        var random = SeededRandom(seed: seed)
        let (bytes, entries, _) = try Self.log([40, 0, 3900, 33, 5000, 100, 7])
        var hostile = bytes
        if seed % 3 == 0 {
            hostile = random.bytes(random.below(20_000))
            for index in 0..<min(8, hostile.count) { hostile[index] = bytes[index] }
        }
        for _ in 0..<random.number(in: 1...40) where !hostile.isEmpty {
            let index = random.below(hostile.count)
            switch random.below(3) {
            case 0: hostile[index] = UInt8(truncatingIfNeeded: random.next())
            case 1: hostile[index & ~7] = 0xFF
            default: hostile.removeLast(random.below(min(100, hostile.count)))
            }
        }
        // Right checksums of wrong headers get the fields looked at.
        if random.oneIn(2), hostile.count >= 64 {
            hostile.replaceSubrange(0..<8, with: bytes[0..<8])
            hostile.replaceSubrange(8..<12, with: bytes[8..<12])
            let checksum = portableChecksum(hostile[0..<60])
            for index in 0..<4 {
                hostile[60 + index] = UInt8(truncatingIfNeeded: checksum >> (8 * index))
            }
        }
        for position: LogSequenceNumber in [0, 4200, 1 << 40] {
            for mustExist in [true, false] {
                let result = try Self.open(hostile, from: position, mustExist: mustExist)
                guard case .success(let read) = result else { continue }
                if position == 0 { #expect(entries.starts(with: read), again) }
            }
        }
    }

    /// Every frame of a segment claims to be synced beyond the end, with a wrong checksum: the work
    /// to refuse them is bounded.
    @Test func manyFalseClaimsCostLittle() throws {
        let files = InMemoryFileSystem()
        var options = LogOptions()
        options.segmentSize = 1 << 20
        let log = try openLog(files, options: options).log
        try log.commit(Entry(1, size: 10))
        let salt = try #require(log.chain.last?.salt)
        try log.close(removing: false)
        var bytes = try Array(contents(files).prefix(options.segmentSize))
        for offset in stride(from: 256, to: bytes.count - 32, by: 32) {
            let length = UInt32(bytes.count - offset - 32)
            for index in 0..<4 {
                bytes[offset + 4 + index] = UInt8(truncatingIfNeeded: length >> (8 * index))
                bytes[offset + 24 + index] = UInt8(truncatingIfNeeded: salt >> (8 * index))
                bytes[offset + 28 + index] = 0
            }
            let synced: UInt64 = 1 << 20 + 200
            for index in 0..<8 {
                bytes[offset + 16 + index] = UInt8(truncatingIfNeeded: synced >> (8 * index))
            }
        }
        let error = #expect(throws: StorageError.self) {
            _ = try openLog(memory(with: bytes), options: options)
        }
        #expect(error?.code == .damaged)
    }
}
