import StorageIO

/// The header of a segment, decoded.
struct SegmentHeader: Sendable, Equatable {
    var segmentSize: Int
    var identity: LogIdentity
    var sequence: UInt64
    var previousEnd: LogSequenceNumber
    var syncedThrough: LogSequenceNumber
    var salt: UInt32

    /// The position of the segment's first byte.
    var start: LogSequenceNumber { sequence * UInt64(segmentSize) }
    /// The position of its first frame.
    var firstFrame: LogSequenceNumber { start + UInt64(LogLayout.segmentHeaderSize) }
    /// The position after its last byte.
    var limit: LogSequenceNumber { start + UInt64(segmentSize) }

    /// Appends the header's 64 bytes to `buffer`.
    func encode(to buffer: LogBuffer) {
        let base = buffer.count
        buffer.appendZeros(LogLayout.segmentHeaderSize)
        buffer.store(LogLayout.magic, at: base + LogLayout.segmentMagic)
        buffer.store(LogLayout.formatVersion, at: base + LogLayout.segmentVersion)
        buffer.store(UInt32(segmentSize), at: base + LogLayout.segmentSize)
        buffer.store(identity.high, at: base + LogLayout.segmentIdentity)
        buffer.store(identity.low, at: base + LogLayout.segmentIdentity + 8)
        buffer.store(sequence, at: base + LogLayout.segmentSequence)
        buffer.store(previousEnd, at: base + LogLayout.segmentPreviousEnd)
        buffer.store(syncedThrough, at: base + LogLayout.segmentSyncedThrough)
        buffer.store(salt, at: base + LogLayout.segmentSalt)
        let checksum = CRC32C.checksum(buffer.view(from: base, count: LogLayout.segmentChecksum))
        buffer.store(checksum, at: base + LogLayout.segmentChecksum)
    }

    /// What the first bytes of a slot are.
    enum Decoded {
        case valid(SegmentHeader)
        /// A sound header of a format that this code does not know.
        case newer(UInt32)
        case invalid
    }

    /// Decodes and checks a header (R7). Any bytes at all may come in.
    static func decode(_ bytes: ByteView) -> Decoded {
        guard bytes.load(at: LogLayout.segmentMagic, as: UInt64.self) == LogLayout.magic,
            let version = bytes.load(at: LogLayout.segmentVersion, as: UInt32.self),
            let size = bytes.load(at: LogLayout.segmentSize, as: UInt32.self),
            let high = bytes.load(at: LogLayout.segmentIdentity, as: UInt64.self),
            let low = bytes.load(at: LogLayout.segmentIdentity + 8, as: UInt64.self),
            let sequence = bytes.load(at: LogLayout.segmentSequence, as: UInt64.self),
            let previousEnd = bytes.load(at: LogLayout.segmentPreviousEnd, as: UInt64.self),
            let syncedThrough = bytes.load(at: LogLayout.segmentSyncedThrough, as: UInt64.self),
            let salt = bytes.load(at: LogLayout.segmentSalt, as: UInt32.self),
            let checksum = bytes.load(at: LogLayout.segmentChecksum, as: UInt32.self),
            checksum == CRC32C.checksum(bytes.prefix(LogLayout.segmentChecksum))
        else { return .invalid }
        guard version == LogLayout.formatVersion else {
            return version > LogLayout.formatVersion ? .newer(version) : .invalid
        }
        // A right checksum does not make the fields right: whoever wrote them may mean harm.
        guard LogLayout.isValidSegmentSize(Int(size)), salt != 0,
            sequence >= 1, sequence < LogLayout.maximumPosition / UInt64(size),
            previousEnd <= sequence * UInt64(size), syncedThrough <= previousEnd
        else { return .invalid }
        return .valid(
            SegmentHeader(
                segmentSize: Int(size), identity: LogIdentity(high: high, low: low),
                sequence: sequence, previousEnd: previousEnd, syncedThrough: syncedThrough,
                salt: salt))
    }
}
