import StorageIO

extension LogReader {
    /// Counts the records that end at or behind `position` anywhere in the log's sound segments,
    /// whether or not anything leads to them: what lies behind a damaged place. A record counts when
    /// its last frame is sound.
    ///
    /// - Parameters:
    ///   - position: where to begin to count.
    ///   - transaction: only records of later transactions count.
    /// - Returns: how many there are, and the newest transaction among them.
    /// - Throws: `inputOutput`.
    public func countStrayRecords(
        behind position: LogSequenceNumber, after transaction: UInt64
    ) throws(StorageError) -> (count: Int, newest: UInt64) {
        var count = 0
        var newest = transaction
        for entry in walker.table.entries where entry.header.limit > position {
            try walker.load(entry)
            let start = entry.header.start
            var offset = LogLayout.segmentHeaderSize
            if position > start { offset = max(offset, Int(position - start)) }
            // Anything may lie here; checksums that fail are paid from a budget, so that the search
            // stays linear in the segment's size.
            var budget = walker.segmentBytes.count * 64
            while offset < segmentSize, budget > 0 {
                let bytes = walker.segmentBytes.view(from: offset)
                guard bytes.count >= LogLayout.frameHeaderSize else { break }
                let place = start + UInt64(offset)
                guard let frame = FrameHeader(bytes, at: place),
                    walker.isPlausible(frame, in: entry.header)
                else {
                    offset += LogLayout.alignment
                    continue
                }
                guard frame.checksumMatches(bytes, at: place) else {
                    budget -= frame.frameSize
                    offset += LogLayout.alignment
                    continue
                }
                if frame.isLast, frame.transaction > transaction {
                    count += 1
                    newest = max(newest, frame.transaction)
                }
                offset += frame.frameSize
            }
        }
        return (count, newest)
    }
}
