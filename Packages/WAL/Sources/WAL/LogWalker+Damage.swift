import StorageIO

// Torn tail or damage?
//
// The walk stopped at position x, where no sound frame is. If the log had been durable beyond x,
// the frame at x was acknowledged and is lost; otherwise it never was. Every frame and every
// segment header says how far the log was durable when it was written, and is true: so a single
// one found anywhere that says "beyond x" proves damage. A torn tail never contains one, since
// what it holds was written before x was synced.
//
// Looked at: the rest of the segment of x, every segment with a higher number, and slots whose
// header is unreadable. A frame carries its salt and its checksum covers its position, so it can
// be told without its header, given the segment's number; the numbers that it can have are few.

extension LogWalker {
    /// Throws `damaged` if anything proves that the log was durable beyond `position`.
    func refuseDamage(after position: LogSequenceNumber, in current: SegmentTable.Entry?)
        throws(StorageError)
    {
        if let current {
            let next = Int(position - current.header.start) + LogLayout.alignment
            if proves(current.header, from: next, durableBeyond: position) {
                throw damage(at: position, in: current)
            }
        }
        for entry in table.entries where entry.header.sequence > current?.header.sequence ?? 0 {
            // A position that is not in the log although the log goes on behind it was recycled or
            // lost; either way what was to be replayed from there is gone.
            if current == nil, entry.header.start >= position {
                throw table.hasGap ? damage(at: position, in: nil) : recycled(position)
            }
            try load(entry)
            if entry.header.syncedThrough > position
                || proves(
                    entry.header, from: LogLayout.segmentHeaderSize, durableBeyond: position)
            {
                throw damage(at: position, in: current)
            }
        }
        if table.isSizeKnown {
            let sequences = possibleSequences(
                after: position, in: current, segmentSize: table.segmentSize,
                unreadableCount: table.unreadable.count)
            for slot in table.unreadable {
                try load(slot: slot)
                if provesWithoutHeader([(table.segmentSize, sequences)], durableBeyond: position) {
                    throw damage(at: position, in: current)
                }
            }
        } else if try provesWithAnySize(durableBeyond: position) {
            throw damage(at: position, in: nil)
        }
    }

    /// Whether a frame says that the log was durable beyond `position`, where not one header tells the size
    /// of the segments: each size is tried, so that the answer is in the file and not in a reader's options.
    private func provesWithAnySize(
        durableBeyond position: LogSequenceNumber
    ) throws(StorageError) -> Bool {
        var sizes: [(size: Int, sequences: ClosedRange<UInt64>)] = []
        var size = LogLayout.minimumSegmentSize
        // The last is as large as the file. All are powers of two, so each segment lies within such a piece.
        repeat {
            let slotCount = Int(clamping: (table.fileSize + UInt64(size) - 1) / UInt64(size))
            sizes.append(
                (
                    size,
                    possibleSequences(
                        after: position, in: nil, segmentSize: size, unreadableCount: slotCount)
                ))
            size *= 2
        } while size <= LogLayout.maximumSegmentSize && UInt64(size / 2) < table.fileSize
        let piece = size / 2
        var offset: UInt64 = 0
        while offset < table.fileSize {
            try segmentBytes.fill(from: file, at: offset, count: piece)
            if provesWithoutHeader(sizes, durableBeyond: position) { return true }
            offset += UInt64(piece)
        }
        return false
    }

    /// The numbers that a segment after `position` with an unreadable header can have: those not
    /// seen since the one of `position`, up to as many beyond the newest as there are such slots.
    private func possibleSequences(
        after position: LogSequenceNumber, in current: SegmentTable.Entry?, segmentSize: Int,
        unreadableCount: Int
    ) -> ClosedRange<UInt64> {
        let first =
            current.map { $0.header.sequence + 1 }
            ?? max(1, (max(position, 1) - 1) / UInt64(segmentSize))
        let newest = max(table.entries.last?.header.sequence ?? 0, first)
        return first...min(newest + UInt64(unreadableCount) + 1, first + 64)
    }

    /// Whether a frame at any aligned offset of the loaded segment says that the log was durable
    /// beyond `position`.
    ///
    /// Linear in the segment's size for any bytes: a checksum is computed only where the salt and
    /// `syncedThrough` fit, which in a torn tail is nowhere. When so many fit that the checksums
    /// would cost more than many readings of the segment, they are taken for proof.
    private func proves(
        _ header: SegmentHeader, from first: Int, durableBeyond position: LogSequenceNumber
    ) -> Bool {
        var budget = segmentBytes.count * 64
        var offset = first
        while let (next, bytes) = nextClaim(from: offset, durableBeyond: position) {
            let start = header.start + UInt64(next)
            if let frame = FrameHeader(bytes, at: start), isPlausible(frame, in: header) {
                if frame.checksumMatches(bytes, at: start) { return true }
                budget -= frame.frameSize
                if budget < 0 { return true }
            }
            offset = next + LogLayout.alignment
        }
        return false
    }

    /// Whether a frame in the loaded bytes says so, which are slots without a readable header. Anything may
    /// lie there, so here effort ends the search without a verdict.
    ///
    /// - Parameter sizes: the sizes that the segments can have, with the numbers that these can have then.
    private func provesWithoutHeader(
        _ sizes: [(size: Int, sequences: ClosedRange<UInt64>)],
        durableBeyond position: LogSequenceNumber
    ) -> Bool {
        var budgets = sizes.map { _ in segmentBytes.count * 64 }
        var offset = LogLayout.segmentHeaderSize
        while let (next, bytes) = nextClaim(from: offset, durableBeyond: position) {
            for (index, (size, sequences)) in sizes.enumerated() where budgets[index] > 0 {
                let inside = next & (size - 1)
                guard inside >= LogLayout.segmentHeaderSize else { continue }
                for sequence in sequences {
                    let start = sequence * UInt64(size) + UInt64(inside)
                    budgets[index] -= LogLayout.frameHeaderSize
                    guard let frame = FrameHeader(bytes, at: start) else { continue }
                    if frame.checksumMatches(bytes, at: start) { return true }
                    budgets[index] -= frame.frameSize
                }
            }
            offset = next + LogLayout.alignment
        }
        return false
    }

    /// The next offset at which eight bytes, read as a frame's `syncedThrough`, lie beyond
    /// `position`, and the segment's bytes from there. This is all that most offsets cost.
    private func nextClaim(from first: Int, durableBeyond position: LogSequenceNumber)
        -> (offset: Int, bytes: ByteView)?
    {
        let bytes = segmentBytes.view()
        var offset = first
        while let synced = bytes.load(
            at: offset + LogLayout.frameSyncedThrough, as: UInt64.self)
        {
            if synced > position, synced < LogLayout.maximumPosition {
                return (offset, bytes.dropFirst(offset))
            }
            offset += LogLayout.alignment
        }
        return nil
    }

    private func recycled(_ position: LogSequenceNumber) -> StorageError {
        StorageError(
            .positionRecycled,
            "The log holds nothing from this position any more: it was recycled, and begins later.",
            path: file.path, logSequenceNumber: position)
    }

    private func damage(at position: LogSequenceNumber, in current: SegmentTable.Entry?)
        -> StorageError
    {
        StorageError(
            .damaged,
            "The log has lost records that were acknowledged as durable; restore a backup, or "
                + "salvage what can be read.",
            path: file.path, offset: current.map { fileOffset(of: position, in: $0) },
            logSequenceNumber: position)
    }
}
