/// A log's file, read by the words of `Docs/LogFormat.md`.
struct DecodedLog {
    private struct Segment {
        var start: Int
        var sequence: Int
        var previousEnd: Int
        var syncedThrough: Int
        var salt: UInt64
    }

    /// What a replay from some position finds.
    struct Replay {
        /// Whether the position lies in the log, behind whole frames only.
        var isFound = false
        /// Where the last complete record ends.
        var end: Int
        /// The numbers of the complete records, in order.
        var transactions: [UInt64] = []
        /// Where in the file lies what the replay needs.
        var ranges: [Range<Int>] = []
    }

    private struct Frame {
        var length: Int
        var transaction: UInt64
        var isFirst: Bool
        var isLast: Bool
    }

    private let file: [UInt8]
    private var segments: [Segment] = []
    private var segmentSize = 0

    init(_ file: [UInt8], identity: [UInt8]) {
        self.file = file
        var offset = 0
        while offset + 64 <= file.count {
            let header = LittleEndianBytes(file[offset..<offset + 64])
            let isValid =
                header.part(0, 8).bytes.elementsEqual("KVDB-WAL".utf8)
                && header.checksum(0..<60) == UInt32(header.number(60, 4))
                && header.integer(8, 4) == 1 && header.part(16, 16).bytes.elementsEqual(identity)
            if isValid {
                segmentSize = header.integer(12, 4)
                segments.append(
                    Segment(
                        start: offset, sequence: header.integer(32, 8),
                        previousEnd: header.integer(40, 8), syncedThrough: header.integer(48, 8),
                        salt: header.number(56, 4)))
            }
            // Slots are of equal size; until one is known, the smallest there is.
            offset += segmentSize > 0 ? segmentSize : 4096
        }
    }

    private func segment(_ position: Int) -> Segment? {
        segmentSize == 0 ? nil : segments.first { $0.sequence == position / segmentSize }
    }

    /// The bytes of the file from a position in a segment.
    private func offset(_ position: Int, _ segment: Segment) -> Int {
        segment.start + position % segmentSize
    }

    /// The frame at `position`, when there is a valid one.
    private func frame(at position: Int) -> Frame? {
        guard let segment = segment(position), position % segmentSize >= 64 else { return nil }
        let start = offset(position, segment)
        guard start + 32 <= file.count else { return nil }
        let header = LittleEndianBytes(file[start..<start + 32])
        let payload = header.integer(4, 4)
        let length = (32 + payload + 7) / 8 * 8
        let flags = header.integer(28, 4)
        let syncedThrough = header.integer(16, 8)
        guard position % segmentSize + length <= segmentSize, start + length <= file.count,
            flags <= 3, header.number(24, 4) == segment.salt,
            syncedThrough >= segment.syncedThrough, syncedThrough <= position
        else { return nil }
        let place = (0..<8).map { UInt8(truncatingIfNeeded: position >> (8 * $0)) }
        let seed = LittleEndianBytes(place[...]).checksum(0..<8)!
        let whole = LittleEndianBytes(file[start..<start + length])
        guard whole.checksum(4..<length, seed: seed) == UInt32(header.number(0, 4)) else {
            return nil
        }
        return Frame(
            length: length, transaction: header.number(8, 8), isFirst: flags & 1 != 0,
            isLast: flags & 2 != 0)
    }

    /// Whether whole frames lie between a segment's header and `position` in it.
    private func leads(to position: Int) -> Bool {
        guard let segment = segment(position) else { return false }
        var at = segment.sequence * segmentSize + 64
        while at < position, let frame = frame(at: at) { at += frame.length }
        return at == position
    }

    /// The newest segment that says that the log before it ends at `position`.
    private func successor(of position: Int) -> Segment? {
        segments.filter { $0.previousEnd == position && $0.sequence * segmentSize >= position }
            .max { $0.sequence < $1.sequence }
    }

    /// Reads from `position` as recovery would.
    func replay(from position: Int) -> Replay {
        var result = Replay(end: position)
        var at = position
        var ranges: [Range<Int>] = []
        // Where the log goes on behind the position in another segment, the one before it is not needed.
        if let segment = segment(at), successor(of: at) == nil {
            result.isFound = leads(to: at)
            ranges.append(segment.start..<segment.start + 64)
        }
        while true {
            if let next = successor(of: at) {
                result.isFound = true
                ranges.append(next.start..<next.start + 64)
                at = next.sequence * segmentSize + 64
                if result.transactions.isEmpty && result.end == position {
                    // Nothing but headers until here: the log begins there.
                    result.ranges = ranges
                }
                continue
            }
            guard let segment = segment(at), let frame = frame(at: at) else { return result }
            let start = offset(at, segment)
            ranges.append(start..<start + frame.length)
            at += frame.length
            if frame.isLast {
                result.end = at
                result.transactions.append(frame.transaction)
                result.ranges = ranges
            }
        }
    }
}
