import StorageIO
import Synchronization

extension WriteAheadLog {
    /// Adds a record to the buffer. See ``CommitLog/append(_:transaction:)``. O(payload).
    public func append(_ payload: ByteView, transaction: UInt64) throws(StorageError)
        -> LogSequenceNumber
    {
        let (position, isBufferFull) = try lock.withLock {
            () throws(StorageError) -> (LogSequenceNumber, Bool) in
            try refuseIfNotAppendable()
            try refuseTooLong(payload.count)
            try startIfNeeded()
            if payload.count == 0, promisedSlots == 0 { leaveSegmentIfShort() }
            let segments = segmentsNeeded(for: payload.count)
            if segments > 0, let file {
                do throws(StorageError) {
                    try refuseIfNameless(file)
                } catch {
                    fail(error)
                    throw error
                }
            }
            try makeSpareSlots(segments)
            encode(payload, transaction)
            recordCount &+= 1
            promisedSlots = 0
            return (end, buffer.count > options.bufferByteLimit)
        }
        if isBufferFull { try write(through: position) }
        return position
    }

    /// Makes sure that a record of `byteCount` bytes can be appended without needing disk space, and
    /// an empty record behind it (L6). See ``CommitLog/reserve(_:)``. The promise lasts until the next
    /// `append` or `reserve`.
    public func reserve(_ byteCount: Int) throws(StorageError) {
        try lock.withLock { () throws(StorageError) in
            try refuseIfNotAppendable()
            try refuseTooLong(byteCount)
            try startIfNeeded()
            let count = segmentsNeeded(for: byteCount) + 1
            do throws(StorageError) {
                try makeSpareSlots(count)
            } catch {
                if error.isOutOfSpace { isSpaceShort = true }
                throw error
            }
            promisedSlots = count
        }
    }

    /// Lets the empty record of a checkpoint begin a new segment when a record found no space: the
    /// checkpoint then frees all those before it, and in its own there is room. In the rest of the
    /// last one it would free nothing when there is no other.
    private func leaveSegmentIfShort() {
        guard isSpaceShort, !spareSlots.isEmpty else { return }
        offsetInSegment = nil
    }

    private func refuseTooLong(_ byteCount: Int) throws(StorageError) {
        guard byteCount >= 0, byteCount <= options.maximumRecordSize else {
            throw StorageError(
                .valueTooLong,
                "A log record of \(byteCount) bytes is over the limit of "
                    + "\(options.maximumRecordSize).",
                path: path)
        }
    }

    /// How many bytes a frame, header included, can have in the current segment; 0 when the next
    /// frame starts a new one.
    private var roomInSegment: Int {
        guard let offsetInSegment else { return 0 }
        let room = segmentSize - offsetInSegment
        return room < LogLayout.minimumFrameRoom ? 0 : room
    }

    /// The position of the next frame, when it goes into the current segment.
    private var nextFrame: LogSequenceNumber {
        (chain.last?.sequence ?? 0) * UInt64(segmentSize) + UInt64(offsetInSegment ?? 0)
    }

    /// How many new segments a record takes.
    private func segmentsNeeded(for byteCount: Int) -> Int {
        let room = roomInSegment
        let here = max(0, room - LogLayout.frameHeaderSize)
        if room > 0, byteCount <= here { return 0 }
        let perSegment = segmentSize - LogLayout.segmentHeaderSize - LogLayout.frameHeaderSize
        return max(1, (byteCount - here + perSegment - 1) / perSegment)
    }

    /// Extends the file until `count` slots are spare. Throws with nothing changed.
    func makeSpareSlots(_ count: Int) throws(StorageError) {
        let missing = count - spareSlots.count
        guard nextSequence + UInt64(count) < LogLayout.maximumPosition / UInt64(segmentSize),
            slotCount + max(0, missing) <= LogLayout.maximumSegmentCount
        else {
            throw StorageError(
                .fileTooLarge, "The log can't grow further; make a checkpoint.", path: path)
        }
        guard missing > 0, let file else { return }
        let size = UInt64(segmentSize)
        try file.preallocate(UInt64(missing) * size, at: UInt64(slotCount) * size)
        spareSlots.append(contentsOf: slotCount..<slotCount + missing)
        slotCount += missing
        fileByteCount.store(UInt64(slotCount) * size, ordering: .releasing)
    }

    /// Splits the record into frames. The slots it needs are spare; nothing here can fail, so that
    /// a record is never in the buffer in part (L4).
    private func encode(_ payload: ByteView, _ transaction: UInt64) {
        var rest = payload
        var flags = LogLayout.firstFragment
        var position = end
        while true {
            position = roomInSegment == 0 ? startSegment(after: position) : nextFrame
            let length = min(rest.count, roomInSegment - LogLayout.frameHeaderSize)
            if length == rest.count { flags |= LogLayout.lastFragment }
            let frame = FrameHeader(
                length: length, transaction: transaction, syncedThrough: durable,
                salt: chain[chain.count - 1].salt, flags: flags)
            appendToFile(byteCount: frame.frameSize) { buffer in
                frame.encode(payload: rest.prefix(length), at: position, to: buffer)
            }
            position += UInt64(frame.frameSize)
            if flags & LogLayout.lastFragment != 0 { break }
            rest = rest.dropFirst(length)
            flags = 0
        }
        endPosition.store(position, ordering: .releasing)
    }

    /// Puts a new segment's header into the buffer, so that it goes to disk with the segment's
    /// first frames.
    ///
    /// - Returns: the position of its first frame.
    private func startSegment(after previousEnd: LogSequenceNumber) -> LogSequenceNumber {
        closeGap(before: spareSlots.first)
        let header = takeSegment(after: previousEnd).header
        offsetInSegment = 0
        appendToFile(byteCount: LogLayout.segmentHeaderSize) { header.encode(to: $0) }
        return header.firstFrame
    }

    /// Takes a spare slot for a new segment, whose header the caller writes.
    func takeSegment(after previousEnd: LogSequenceNumber) -> (slot: Int, header: SegmentHeader) {
        precondition(!spareSlots.isEmpty, "a segment was started without a spare slot")
        // The lowest, so that the file's end becomes free and can be given back.
        let slot = spareSlots.removeFirst()
        var salt: UInt32 = 0
        while salt == 0 { salt = UInt32(truncatingIfNeeded: System.randomNumber()) }
        let header = SegmentHeader(
            segmentSize: segmentSize, identity: identity, sequence: nextSequence,
            previousEnd: previousEnd, syncedThrough: durable, salt: salt)
        chain.append(
            ChainedSegment(slot: slot, sequence: nextSequence, salt: salt, previousEnd: previousEnd)
        )
        nextSequence += 1
        isSpaceShort = false
        return (slot, header)
    }

    /// Fills the unused end of the last segment with zeros when the new one lies right after it,
    /// so that both still go to disk in one write.
    private func closeGap(before slot: Int?) {
        guard let offsetInSegment, let last = chain.last, last.slot + 1 == slot, !runs.isEmpty
        else {
            return
        }
        appendToFile(byteCount: segmentSize - offsetInSegment) { [segmentSize] buffer in
            buffer.appendZeros(segmentSize - offsetInSegment)
        }
    }

    /// Lets `fill` append bytes that go to the current place of the last segment.
    private func appendToFile(byteCount: Int, _ fill: (LogBuffer) -> Void) {
        guard let offset = offsetInSegment, let segment = chain.last else { return }
        let fileOffset = UInt64(segment.slot) * UInt64(segmentSize) + UInt64(offset)
        let before = buffer.count
        fill(buffer)
        precondition(buffer.count == before + byteCount, "a frame has another size than planned")
        offsetInSegment = offset + byteCount
        if let last = runs.last, last.fileOffset + UInt64(last.byteCount) == fileOffset {
            runs[runs.count - 1].byteCount += byteCount
        } else {
            runs.append(BufferedRun(fileOffset: fileOffset, byteCount: byteCount))
        }
    }
}
