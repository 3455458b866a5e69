import StorageIO

/// What a walk through the log found.
struct LogTail {
    /// Whether the position to start from is part of the log.
    var isFound = false
    /// The end of the last complete record: where the log ends.
    var recordEnd: LogSequenceNumber = 0
    /// Whether no frame was met yet that begins a record, and such a one need not come next.
    var isSkipping = false
    /// The end of the last sound frame; after `recordEnd` when a record was cut.
    var frameEnd: LogSequenceNumber = 0
    /// A position up to which the log says that it is durable.
    var provedEnd: LogSequenceNumber = 0
    /// The furthest that anything which was read says the log to be durable; 0 when nothing does.
    var claimedEnd: LogSequenceNumber = 0
    /// The segments that the walk went through, in order.
    var chain: [SegmentTable.Entry] = []
    var frameCount = 0
    var recordCount = 0
    var payloadByteCount: UInt64 = 0
}

/// Walks the frames of a log from a position to its end and puts records together.
///
/// 1. At a position the walk goes on in the newest segment that says the log before it ends there
///    (`previousEnd`); otherwise at the next frame of the same segment.
/// 2. A frame counts only if its checksum, its salt and the bounds of its `syncedThrough` are right
///    (R7). The first that is not ends the log.
/// 3. That end is a torn tail, and dropped silently, unless something further on says that the log
///    was durable beyond it (`LogWalker+Damage.swift`): then acknowledged data is lost.
///
/// The seam between 1 and 2 is what makes repeated recovery safe: after a torn tail the log goes
/// on in a new segment whose `previousEnd` is the end of the last complete record, so that nothing
/// that the tail left behind, however sound it looks, is ever looked at again.
final class LogWalker<Handle: File> {
    let file: Handle
    /// What the file's slots held when their headers were last read.
    var table: SegmentTable
    /// The segment the walk is in.
    let segmentBytes = LogBuffer()
    /// The fragments so far of a record that spans several frames.
    private let recordBytes = LogBuffer()
    private let maximumRecordSize: Int

    init(_ file: Handle, _ table: SegmentTable, maximumRecordSize: Int) {
        self.file = file
        self.table = table
        self.maximumRecordSize = maximumRecordSize
    }

    /// What the walk knows of the record it is in.
    private struct OpenRecord {
        var start: LogSequenceNumber
        var transaction: UInt64
    }

    /// Walks from `start` to the end of the log.
    ///
    /// - Parameters:
    ///   - mayStartInside: skip the rest of a record that started before `start`, instead of
    ///     calling it damage.
    ///   - tail: where the walk got to, also when it throws.
    ///   - visitFrame: called for each frame.
    ///   - visitRecord: called for each complete record.
    /// - Throws: `damaged`, `valueTooLong` for a record beyond the limit, `inputOutput`, and what
    ///   the visitors throw.
    func walk(
        from start: LogSequenceNumber, mayStartInside: Bool = false, tail: inout LogTail,
        visitFrame: (LogFrame) throws(StorageError) -> Void,
        visitRecord: (LogRecord) throws(StorageError) -> Void
    ) throws(StorageError) {
        tail = LogTail(recordEnd: start, frameEnd: start, provedEnd: start)
        var open: OpenRecord?
        tail.isSkipping = mayStartInside
        var current: SegmentTable.Entry?
        if let first = table.entry(containing: start), table.successor(of: start) == nil {
            current = first
            tail.chain.append(first)
            try load(first)
        }
        while true {
            if let next = table.successor(of: tail.frameEnd) {
                current = next
                tail.chain.append(next)
                try load(next)
                tail.frameEnd = next.header.firstFrame
                tail.provedEnd = max(tail.provedEnd, next.header.syncedThrough)
                tail.claimedEnd = max(tail.claimedEnd, next.header.syncedThrough)
                continue
            }
            guard let segment = current, let (frame, bytes) = frame(at: tail.frameEnd, in: segment)
            else { break }
            let end = tail.frameEnd + UInt64(frame.frameSize)
            let payload = bytes.dropFirst(LogLayout.frameHeaderSize).prefix(frame.length)
            try visitFrame(
                LogFrame(
                    start: tail.frameEnd, end: end,
                    fileOffset: fileOffset(of: tail.frameEnd, in: segment),
                    transaction: frame.transaction, syncedThrough: frame.syncedThrough,
                    isFirst: frame.isFirst, isLast: frame.isLast, payload: payload))
            tail.frameCount += 1
            tail.provedEnd = max(tail.provedEnd, frame.syncedThrough)
            tail.claimedEnd = max(tail.claimedEnd, frame.syncedThrough)
            tail.payloadByteCount += UInt64(frame.length)
            tail.isSkipping = tail.isSkipping && !frame.isFirst
            if tail.isSkipping {
                tail.recordEnd = end
            } else {
                guard frame.isFirst == (open == nil),
                    open == nil || open?.transaction == frame.transaction
                else { throw misplaced(at: tail.frameEnd, in: segment) }
                let record =
                    open ?? OpenRecord(start: tail.frameEnd, transaction: frame.transaction)
                open = frame.isLast ? nil : record
                try collect(payload, of: frame, at: tail.frameEnd)
                if frame.isLast {
                    try visitRecord(
                        LogRecord(
                            payload: frame.isFirst ? payload : recordBytes.view(),
                            transaction: record.transaction, start: record.start, end: end))
                    tail.recordCount += 1
                    tail.recordEnd = end
                }
            }
            tail.frameEnd = end
        }
        tail.isFound = current != nil
        try refuseDamage(after: tail.frameEnd, in: current)
    }

    /// Throws when `position` is in a segment of the log, but not where a record ends or starts: from
    /// there nothing could be replayed, and what would be appended could not be found again. O(segment).
    func requireBoundary(_ position: LogSequenceNumber) throws(StorageError) {
        // Where the log went on in another segment it ended.
        guard table.successor(of: position) == nil, let entry = table.entry(containing: position),
            position > entry.header.firstFrame
        else { return }
        try load(entry)
        if let (next, _) = frame(at: position, in: entry) {
            if next.isFirst { return }
        } else if recordEnds(at: position, in: entry) {
            return
        }
        throw StorageError(
            .damaged,
            "No record of the log ends at \(position), where replay was to start: the position is "
                + "wrong, or what was there is lost.",
            path: file.path, offset: fileOffset(of: position, in: entry),
            logSequenceNumber: position)
    }

    /// Whether a sound frame of the loaded segment ends a record at `position`, whatever lies before it.
    private func recordEnds(
        at position: LogSequenceNumber, in segment: SegmentTable.Entry
    ) -> Bool {
        // Anything may lie there: checksums are paid from a budget, so that the search stays linear.
        var budget = segmentBytes.count * 64
        var start = position - UInt64(LogLayout.frameHeaderSize)
        while start >= segment.header.firstFrame, budget > 0 {
            let bytes = segmentBytes.view(from: Int(start - segment.header.start))
            if let frame = FrameHeader(bytes, at: start),
                start + UInt64(frame.frameSize) == position, isPlausible(frame, in: segment.header)
            {
                if frame.isLast, frame.checksumMatches(bytes, at: start) { return true }
                budget -= frame.frameSize
            }
            start -= UInt64(LogLayout.alignment)
        }
        return false
    }

    /// Adds a fragment to the record; one that is alone is lent from where it lies instead.
    private func collect(_ payload: ByteView, of frame: FrameHeader, at position: LogSequenceNumber)
        throws(StorageError)
    {
        if frame.isFirst { recordBytes.removeAll(retaining: 1 << 20) }
        guard recordBytes.count + payload.count <= maximumRecordSize else {
            throw StorageError(
                .valueTooLong,
                "A record of the log is longer than \(maximumRecordSize) bytes; open it with a "
                    + "larger maximumRecordSize.",
                path: file.path, logSequenceNumber: position)
        }
        if !(frame.isFirst && frame.isLast) { recordBytes.append(payload) }
    }

    /// Reads a segment into memory; less than all of it where the file is cut.
    func load(_ entry: SegmentTable.Entry) throws(StorageError) { try load(slot: entry.slot) }

    func load(slot: Int) throws(StorageError) {
        try segmentBytes.fill(
            from: file, at: UInt64(slot) * UInt64(table.segmentSize), count: table.segmentSize)
    }

    /// The sound frame at `position` of the loaded segment, with its bytes; nil when there is none.
    private func frame(at position: LogSequenceNumber, in segment: SegmentTable.Entry)
        -> (FrameHeader, ByteView)?
    {
        let bytes = segmentBytes.view(from: Int(position - segment.header.start))
        guard position % UInt64(LogLayout.alignment) == 0,
            let frame = FrameHeader(bytes, at: position), isPlausible(frame, in: segment.header),
            frame.length > 0 || (frame.isFirst && frame.isLast),
            frame.checksumMatches(bytes, at: position)
        else { return nil }
        return (frame, bytes.prefix(frame.frameSize))
    }

    /// Whether the frame can have been written into this use of the slot. A frame of an earlier use
    /// has another salt; and since a slot is reused only when the log is durable beyond what it
    /// held, its `syncedThrough` is too low as well.
    func isPlausible(_ frame: FrameHeader, in header: SegmentHeader) -> Bool {
        frame.salt == header.salt && frame.syncedThrough >= header.syncedThrough
    }

    func fileOffset(of position: LogSequenceNumber, in segment: SegmentTable.Entry) -> UInt64 {
        UInt64(segment.slot) * UInt64(table.segmentSize) + (position - segment.header.start)
    }

    private func misplaced(at position: LogSequenceNumber, in segment: SegmentTable.Entry)
        -> StorageError
    {
        StorageError(
            .damaged, "A frame of the log does not continue the one before it.", path: file.path,
            offset: fileOffset(of: position, in: segment), logSequenceNumber: position)
    }
}
