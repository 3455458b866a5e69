import StorageIO
import StorageIOTesting
import Testing

@testable import WAL

/// L6: a commit that was reserved leaves a slot spare, so that on a full disk the empty record of the
/// checkpoint that makes space finds room, however full the last segment is.
@Suite struct LogSpaceTests {
    /// What a frame's payload can be at most in a segment of its own.
    static let segmentRoom =
        LogLayout.minimumSegmentSize - LogLayout.segmentHeaderSize - LogLayout.frameHeaderSize

    /// Payloads that leave from nothing to some frames' room in the first segment, and in the second.
    static let sizes = [1, 2].flatMap { segments in
        (-90...10).filter { $0 % 2 == 0 }.map { segments * segmentRoom + $0 }
    }

    @Test(arguments: sizes) func anEmptyRecordFitsOnAFullDisk(size: Int) throws {
        let files = CrashingFileSystem()
        let log = try openLog(files, options: smallSegments(retained: 0)).log
        try log.reserve(size)
        files.capacity = 0
        let byteCount = log.byteCount
        let end = try log.commit(Entry(1, size: size))
        // Nothing else is possible, and that harms nothing.
        let refused = #expect(throws: StorageError.self) { try log.reserve(2 * size) }
        #expect(refused?.code == .diskFull)

        // The checkpoint, and small commits until the next finds no space; the segments that it frees
        // are spare then, and there is room for one commit at least.
        var position = end
        var number: UInt64 = 1
        for _ in 0..<40 {
            number += 1
            position = try log.commit(Entry(number, size: 0))
            try log.recycle(before: position)
            number += 1
            try log.reserve(700)
            repeat {
                try log.commit(Entry(number, size: 700))
            } while hasRoom(log, 700)
        }
        #expect(log.byteCount <= byteCount)
        #expect(log.poison == nil)
        try log.close(removing: false)
        let again = try openLog(files, from: position, mustExist: true)
        #expect(!again.entries.isEmpty)
        #expect(again.entries.allSatisfy { $0 == Entry(number, size: 700) })
    }

    private func hasRoom(_ log: WriteAheadLog<CrashingFileSystem>, _ size: Int) -> Bool {
        do throws(StorageError) {
            try log.reserve(size)
            return true
        } catch {
            return false
        }
    }

    /// After a crash too: what is spare is in the file.
    @Test(arguments: sizes) func anEmptyRecordFitsAfterACrashOnAFullDisk(size: Int) throws {
        let files = CrashingFileSystem()
        let log = try openLog(files, options: smallSegments(retained: 0)).log
        try log.reserve(size)
        try log.commit(Entry(1, size: size))
        let left = files.survivors(.none)
        left.capacity = 0
        let again = try openLog(left, options: smallSegments(retained: 0))
        #expect(again.entries == [Entry(1, size: size)])
        let position = try again.log.commit(Entry(2, size: 0))
        try again.log.recycle(before: position)
        try again.log.reserve(700)
        try again.log.commit(Entry(3, size: 700))
    }

    /// A log finds no room for its first segment: nothing has happened, and it goes on later.
    @Test func aLogIsStartedOnceThereIsRoom() throws {
        let files = CrashingFileSystem()
        let log = try openLog(files).log
        for capacity in [0, 4096] as [UInt64] {
            files.capacity = capacity
            let appended = #expect(throws: StorageError.self) { try log.append(Entry(1, size: 1)) }
            #expect(appended?.code == .diskFull)
            let reserved = #expect(throws: StorageError.self) { try log.reserve(1) }
            #expect(reserved?.code == .diskFull)
        }
        #expect(log.poison == nil)
        #expect(log.end == 0)
        files.capacity = nil
        try log.commit(Entry(1, size: 1))
        #expect(
            try openLog(files.survivors(.none), mustExist: true).entries == [Entry(1, size: 1)])
    }

    /// That the disk of these tests is really full: once the spare slot is taken and filled too,
    /// there is no room for an empty record.
    @Test func withoutASpareSlotThereIsNoRoom() throws {
        let files = CrashingFileSystem()
        let log = try openLog(files, options: smallSegments(retained: 0)).log
        try log.start()
        files.capacity = 0
        // Not reserved: the first fills the first segment, the second the one that was spare.
        for number in 1...2 as ClosedRange<UInt64> {
            try log.commit(Entry(number, size: Self.segmentRoom))
        }
        let refused = #expect(throws: StorageError.self) { try log.commit(Entry(3, size: 0)) }
        #expect(refused?.code == .diskFull)
        #expect(log.poison == nil)
        files.capacity = nil
        try log.commit(Entry(3, size: 0))
    }
}
