/// Where the fields of the log lie. The byte-by-byte table is in `Docs/LogFormat.md`; this is its
/// one home in code. All integers are little-endian.
///
/// The file is a row of segments of equal size; slot *i* starts at byte `i * segmentSize`. A
/// segment starts with a header and holds frames, one after the other, each aligned to 8 bytes.
public enum LogLayout {
    // MARK: Segment header

    /// u64: ``magic``.
    public static let segmentMagic = 0
    /// u32: ``formatVersion``.
    public static let segmentVersion = 8
    /// u32: the size of every segment of this file in bytes, a power of two.
    public static let segmentSize = 12
    /// Two u64: the ``LogIdentity``.
    public static let segmentIdentity = 16
    /// u64: the segment's number in the order of writing, from 1.
    public static let segmentSequence = 32
    /// u64: the position at which the log's content before this segment ends. This links the
    /// segments to a chain; what a torn tail left behind that position is not part of it.
    public static let segmentPreviousEnd = 40
    /// u64: the position known to be durable when the segment was started.
    public static let segmentSyncedThrough = 48
    /// u32: random, never 0; repeated in each frame of the segment.
    public static let segmentSalt = 56
    /// u32: CRC-32C of bytes 0 to 59.
    public static let segmentChecksum = 60
    /// The header's size; the first frame starts here.
    public static let segmentHeaderSize = 64

    // MARK: Frame header

    /// u32: CRC-32C of the frame's position (u64) followed by the frame from byte 4 to its end,
    /// padding included.
    public static let frameChecksum = 0
    /// u32: how many bytes of payload follow the header.
    public static let frameLength = 4
    /// u64: the transaction that the record belongs to.
    public static let frameTransaction = 8
    /// u64: the position known to be durable when the frame was encoded.
    public static let frameSyncedThrough = 16
    /// u32: the salt of the segment.
    public static let frameSalt = 24
    /// u32: ``firstFragment`` and ``lastFragment``; the other bits are 0.
    public static let frameFlags = 28
    /// The header's size; the payload starts here.
    public static let frameHeaderSize = 32

    /// Flag: the frame starts a record.
    public static let firstFragment: UInt32 = 1
    /// Flag: the frame ends a record.
    public static let lastFragment: UInt32 = 2

    // MARK: Constants

    /// The bytes `KVDB-WAL`.
    public static let magic: UInt64 = 0x4C41_572D_4244_564B
    /// The format that this code writes, and the newest that it reads.
    public static let formatVersion: UInt32 = 1
    /// Frames start at multiples of this.
    public static let alignment = 8
    /// When fewer bytes are left in a segment, they stay unused.
    public static let minimumFrameRoom = frameHeaderSize + alignment
    /// The smallest segment.
    public static let minimumSegmentSize = 4096
    /// The largest segment. It bounds the memory that reading takes.
    public static let maximumSegmentSize = 1 << 26
    /// How many slots a new file is made with: one for the first segment, and a spare one.
    static let newSlotCount = 2
    /// The most segments that a file may have.
    public static let maximumSegmentCount = 1 << 20
    /// Positions stay below this, so that no sum of two overflows.
    public static let maximumPosition: UInt64 = 1 << 62

    /// Whether `size` can be a segment size.
    static func isValidSegmentSize(_ size: Int) -> Bool {
        size >= minimumSegmentSize && size <= maximumSegmentSize && size & (size - 1) == 0
    }

    /// The size of a frame with so much payload, padding included.
    static func frameSize(payload: Int) -> Int {
        (frameHeaderSize + payload + alignment - 1) & ~(alignment - 1)
    }
}
