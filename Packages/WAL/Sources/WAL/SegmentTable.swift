import StorageIO

/// What the slots of a log file hold, by their headers. Reading it costs 64 bytes of each slot.
struct SegmentTable {
    /// A slot with a sound header of this log.
    struct Entry {
        let slot: Int
        let header: SegmentHeader
    }

    /// The log that the segments belong to; nil when there is none.
    let identity: LogIdentity?
    /// The size of every segment in bytes.
    let segmentSize: Int
    /// Whether a header tells that size; otherwise it is only what was expected.
    let isSizeKnown: Bool
    /// The file's size in bytes.
    let fileSize: UInt64
    /// How many slots the file has; the last may be cut.
    let slotCount: Int
    /// The segments of this log, by sequence.
    private(set) var entries: [Entry] = []
    /// The same, by where the content before them ends, then by sequence.
    private(set) var byPreviousEnd: [Entry] = []
    /// Slots without a sound header, ascending: never used, torn or damaged.
    private(set) var unreadable: [Int] = []
    /// Slots with a sound header of another log, ascending.
    private(set) var foreign: [Int] = []

    /// Reads the headers of `file`.
    ///
    /// - Parameters:
    ///   - identity: the log that it must be; nil takes that of the newest segment.
    ///   - defaultSegmentSize: the size to assume when no segment tells it.
    ///   - mayBeNew: whether no record of the log counts, so that a file as a new log has it before its
    ///     first segment is written is an empty log.
    /// - Throws: `notADatabase` for something else or another database's log, `unsupportedFormat`,
    ///   `damaged` when two segments claim one place, `fileTooLarge`, `inputOutput`.
    init<Handle: File>(
        reading file: Handle, identity: LogIdentity?, defaultSegmentSize: Int,
        mayBeNew: Bool = false
    ) throws(StorageError) {
        let buffer = LogBuffer()
        fileSize = try file.size()
        let found = try Self.findSegmentSize(file, fileSize, defaultSegmentSize, buffer)
        let size = found ?? defaultSegmentSize
        segmentSize = size
        isSizeKnown = found != nil
        guard fileSize <= UInt64(size) * UInt64(LogLayout.maximumSegmentCount) else {
            throw StorageError(
                .fileTooLarge, "The log has more than \(LogLayout.maximumSegmentCount) segments.",
                path: file.path)
        }
        slotCount = Int((fileSize + UInt64(size) - 1) / UInt64(size))
        for slot in 0..<slotCount {
            let header = try Self.readHeader(file, at: UInt64(slot) * UInt64(size), buffer)
            if let header, header.segmentSize == size {
                entries.append(Entry(slot: slot, header: header))
            } else {
                unreadable.append(slot)
            }
        }
        entries.sort { $0.header.sequence < $1.header.sequence }
        let own = identity ?? entries.last?.header.identity
        self.identity = own
        for entry in entries where entry.header.identity != own { foreign.append(entry.slot) }
        entries.removeAll { $0.header.identity != own }
        foreign.sort()
        byPreviousEnd = entries
        byPreviousEnd.sort {
            let (first, second) = ($0.header, $1.header)
            return first.previousEnd == second.previousEnd
                ? first.sequence < second.sequence : first.previousEnd < second.previousEnd
        }
        if entries.isEmpty { try refuseForeign(file, buffer, mayBeNew: mayBeNew) }
        try refuseDuplicates(file)
    }

    /// The segment in which a frame may start or end at `position`.
    func entry(containing position: LogSequenceNumber) -> Entry? {
        guard position > 0 else { return nil }
        // A position at a segment's last edge is the end of its last frame, not the start of the
        // next segment, whose frames only start after its header.
        let sequence = (position - 1) / UInt64(segmentSize)
        guard let entry = entry(sequence: sequence), position >= entry.header.firstFrame else {
            return nil
        }
        return entry
    }

    /// The segment with this number. O(log n).
    func entry(sequence: UInt64) -> Entry? {
        var (low, high) = (0, entries.count)
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].header.sequence < sequence {
                low = middle + 1
            } else {
                high = middle
            }
        }
        guard low < entries.count, entries[low].header.sequence == sequence else { return nil }
        return entries[low]
    }

    /// The segments that lead to the newest one, oldest first, each linked to the one before by
    /// where the content before it ends. They may include recycled ones that are still whole.
    var linked: [Entry] {
        guard var entry = entries.last else { return [] }
        var chain = [entry]
        while let previous = self.entry(containing: entry.header.previousEnd) {
            chain.append(previous)
            entry = previous
        }
        return chain.reversed()
    }

    /// Whether a slot that was used can't be read, so that a segment which is not there may have been in
    /// it. Slots are taken from the lowest up, so those above all that can be read may never have been
    /// used; where none lies below, what is missing was recycled.
    var hasGap: Bool { !gaps.isEmpty }

    /// Those slots.
    private var gaps: [Int] {
        let highest = entries.max { $0.slot < $1.slot }?.slot ?? -1
        return (unreadable + foreign).filter { $0 < highest }
    }

    /// Reads the headers of a file that may be written meanwhile: where a slot could not be read, but one
    /// behind it could, it was perhaps written in between, so they are read again until nothing of that
    /// changes. See ``init(reading:identity:defaultSegmentSize:)``.
    init<Handle: File>(
        readingLive file: Handle, identity: LogIdentity?, defaultSegmentSize: Int,
        mayBeNew: Bool = false
    ) throws(StorageError) {
        var table = try SegmentTable(
            reading: file, identity: identity, defaultSegmentSize: defaultSegmentSize,
            mayBeNew: mayBeNew)
        var reads = 1
        while table.hasGap, reads < 16 {
            let again = try SegmentTable(
                reading: file, identity: identity, defaultSegmentSize: defaultSegmentSize,
                mayBeNew: mayBeNew)
            let isSettled = again.gaps == table.gaps
            table = again
            if isSettled { break }
            reads += 1
        }
        self = table
    }

    /// Whether no slot was ever used for a second segment, by all that can be read: then the slots are
    /// in the order of the segments.
    var isInOrder: Bool {
        zip(entries, entries.dropFirst()).allSatisfy { $0.slot < $1.slot }
    }

    /// Whether both have the same segment at `position`; where neither has one, whether they are equal.
    func agrees(with other: SegmentTable, at position: LogSequenceNumber) -> Bool {
        func isSame(_ entry: Entry, _ other: Entry) -> Bool {
            entry.slot == other.slot && entry.header == other.header
        }
        if let own = entry(containing: position) {
            return other.entry(containing: position).map { isSame(own, $0) } ?? false
        }
        return other.entry(containing: position) == nil
            && entries.elementsEqual(other.entries, by: isSame)
    }

    /// The segment that goes on where the log ends at `position`. When there are several, the
    /// newest: each recovery that found the log's end there and went on started one, and so dropped
    /// what an earlier one or a torn tail had put after it. O(log n).
    func successor(of position: LogSequenceNumber) -> Entry? {
        var (low, high) = (0, byPreviousEnd.count)
        while low < high {
            let middle = (low + high) / 2
            if byPreviousEnd[middle].header.previousEnd <= position {
                low = middle + 1
            } else {
                high = middle
            }
        }
        guard low > 0, byPreviousEnd[low - 1].header.previousEnd == position else { return nil }
        return byPreviousEnd[low - 1]
    }
}

extension SegmentTable {
    /// Reads the header at `offset`; nil when there is no sound one.
    private static func readHeader<Handle: File>(
        _ file: Handle, at offset: UInt64, _ buffer: LogBuffer
    ) throws(StorageError) -> SegmentHeader? {
        try buffer.fill(from: file, at: offset, count: LogLayout.segmentHeaderSize)
        switch SegmentHeader.decode(buffer.view()) {
        case .valid(let header): return header
        case .invalid: return nil
        case .newer(let version):
            throw StorageError(
                .unsupportedFormat,
                "The log has format \(version); this version reads up to "
                    + "\(LogLayout.formatVersion).",
                path: file.path, offset: offset)
        }
    }

    /// The segment size, told by the first slot. When that one is torn or damaged, others are
    /// looked for where they would lie for each possible size: the expected one first, and only a
    /// few of each, because the slots are taken in order and so the first ones have been used.
    private static func findSegmentSize<Handle: File>(
        _ file: Handle, _ fileSize: UInt64, _ expected: Int, _ buffer: LogBuffer
    ) throws(StorageError) -> Int? {
        if let header = try readHeader(file, at: 0, buffer) { return header.segmentSize }
        if let size = try probe(file, fileSize, expected, buffer) { return size }
        var size = LogLayout.minimumSegmentSize
        while size <= LogLayout.maximumSegmentSize {
            if let found = try probe(file, fileSize, size, buffer) { return found }
            size *= 2
        }
        return nil
    }

    private static func probe<Handle: File>(
        _ file: Handle, _ fileSize: UInt64, _ size: Int, _ buffer: LogBuffer
    ) throws(StorageError) -> Int? {
        for slot in 1..<64 {
            let offset = UInt64(slot) * UInt64(size)
            guard offset < fileSize else { return nil }
            if let header = try readHeader(file, at: offset, buffer), header.segmentSize == size {
                return size
            }
        }
        return nil
    }

    /// The segment size of a new log of so many bytes; nil when none has that length.
    private static func segmentSizeOfNewLog(_ fileSize: UInt64) -> Int? {
        let (size, rest) = fileSize.quotientAndRemainder(dividingBy: UInt64(LogLayout.newSlotCount))
        guard rest == 0, LogLayout.isValidSegmentSize(Int(clamping: size)) else { return nil }
        return Int(size)
    }

    /// A file without a segment of this log is taken for a new log that a crash cut short, and
    /// overwritten, only if it can be that: its first bytes are those of a header or zero; or, where no
    /// record counts, it is as long as a new log is made. What lies in space that was reserved and not
    /// written yet may be anything.
    private func refuseForeign<Handle: File>(
        _ file: Handle, _ buffer: LogBuffer, mayBeNew: Bool
    ) throws(StorageError) {
        guard foreign.isEmpty else {
            throw StorageError(
                .notADatabase,
                "This log belongs to another database; put the right one in its place, or move it "
                    + "away.", path: file.path)
        }
        if mayBeNew, Self.segmentSizeOfNewLog(fileSize) != nil { return }
        try buffer.fill(from: file, at: 0, count: 8)
        let bytes = buffer.view()
        for index in 0..<bytes.count {
            let expected = UInt8(truncatingIfNeeded: LogLayout.magic >> (8 * UInt64(index)))
            guard bytes[index] == 0 || bytes[index] == expected else {
                throw StorageError(.notADatabase, "This file is not a log.", path: file.path)
            }
        }
    }

    private func refuseDuplicates<Handle: File>(_ file: Handle) throws(StorageError) {
        for index in entries.indices.dropFirst()
        where entries[index].header.sequence == entries[index - 1].header.sequence {
            throw StorageError(
                .damaged,
                "Two segments of the log have the number \(entries[index].header.sequence).",
                path: file.path,
                offset: UInt64(entries[index].slot) * UInt64(segmentSize))
        }
    }
}
