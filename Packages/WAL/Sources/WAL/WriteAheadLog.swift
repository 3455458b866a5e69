import StorageIO
import Synchronization

// Not inside the class: a type inside a generic one is generic too, and each look into an array of it
// then asks the runtime for its metadata.

/// A part of a log's buffer that is contiguous in the file.
struct BufferedRun {
    var fileOffset: UInt64
    var byteCount: Int
}

/// A segment of an open log.
struct ChainedSegment {
    let slot: Int
    let sequence: UInt64
    let salt: UInt32
    let previousEnd: LogSequenceNumber
}

/// A write-ahead log in one file of recycled segments, with group commit.
///
/// Terms: a *record* is what is appended; a *frame* is a record or a fragment of one that a
/// segment's end cut; a *position* (``LogSequenceNumber``) is where a frame is. Invariants:
///
/// - L1 `durable <= written <= end`, and none of them ever goes back.
/// - L2 What a frame or segment header calls synced was durable before it was encoded.
/// - L3 A slot is reused only when the log is durable beyond everything in it, or when what it
///   holds is not part of the log.
/// - L4 A record that `append` did not refuse is in the buffer whole, and batches end between
///   records.
/// - L5 After a failed write or sync nothing is written or synced any more, and no waiter returns
///   as if it had been.
/// - L6 After a record that was reserved, a slot is spare: so the empty record of a checkpoint finds
///   room on a full disk, and the segments that the checkpoint frees make it spare again. After a
///   record found no space it begins a new segment, or the last one could never be freed.
/// - L7 Before a record is appended, the file's name and the first segment's header are durable.
///
/// Appending fills one buffer while the other is written. Whoever waits for durability and finds
/// nobody syncing becomes the leader: it writes everything buffered, in one write where the file
/// allows, syncs once, and wakes the others (R11).
///
/// `@unchecked Sendable`: each stored property says what guards it.
public final class WriteAheadLog<Files: FileSystem>: CommitLog, @unchecked Sendable {
    /// The name the log was opened by.
    public let path: String
    /// The size of each segment in bytes.
    public let segmentSize: Int
    let files: Files
    let identity: LogIdentity
    let options: LogOptions
    let isReadOnly: Bool
    /// What the log stands beside: its file gets the rights of this one.
    let owner: Files.Handle?

    // Written under `lock`, read by anyone.
    let endPosition: Atomic<UInt64>
    let writtenPosition: Atomic<UInt64>
    let durablePosition: Atomic<UInt64>
    let fileByteCount: Atomic<UInt64>
    /// Whether there is a `firstFailure`.
    let hasFailed = Atomic(false)

    let lock = Lock()
    /// Says that a write or a sync ended.
    let progress = Condition()

    // Everything below is guarded by `lock`. The exception is a buffer while it is being written:
    // it then belongs to the thread that set `isWriting`.

    /// nil until there is one; see `WriteAheadLog+Start.swift`.
    var file: Files.Handle?
    /// What is appended and not yet taken to be written.
    var buffer = LogBuffer()
    /// Where in the file the parts of `buffer` go, in order.
    var runs: [BufferedRun] = []
    /// The other buffer.
    var spareBuffer = LogBuffer()
    var isWriting = false
    var isSyncing = false
    var waiterCount = 0
    var syncTimesSoFar = SyncTimes()
    /// Records appended since the log was opened, and how many of them were durable after the last sync.
    var recordCount = 0
    var syncedRecordCount = 0
    /// Whether the file, its name and a segment are known to be durable (L7).
    var isStarted: Bool
    /// The segments of the log, oldest first; the last is the one appended to.
    var chain: [ChainedSegment] = []
    /// Where in the last segment the next frame goes; nil when the next frame starts a new one.
    var offsetInSegment: Int?
    /// The number of the next segment.
    var nextSequence: UInt64
    /// Slots on disk that hold nothing needed, ascending.
    var spareSlots: [Int] = []
    /// How many of them `reserve` has promised.
    var promisedSlots = 0
    /// Whether `reserve` found the disk full since the last segment was started.
    var isSpaceShort = false
    /// How many slots the file has.
    var slotCount: Int
    var firstFailure: StorageError?
    var isClosed = false

    init(
        files: Files, path: String, identity: LogIdentity, options: LogOptions, isReadOnly: Bool,
        owner: Files.Handle?, file: Files.Handle?, state: OpenState
    ) {
        self.files = files
        self.path = path
        self.identity = identity
        self.options = options
        self.isReadOnly = isReadOnly
        self.owner = owner
        self.file = file
        segmentSize = state.segmentSize
        endPosition = Atomic(state.end)
        writtenPosition = Atomic(state.end)
        durablePosition = Atomic(state.end)
        fileByteCount = Atomic(state.fileSize)
        chain = state.chain.map {
            ChainedSegment(
                slot: $0.slot, sequence: $0.header.sequence, salt: $0.header.salt,
                previousEnd: $0.header.previousEnd)
        }
        isStarted = !state.chain.isEmpty
        nextSequence = state.nextSequence
        spareSlots = state.spareSlots
        slotCount = state.slotCount
    }

    /// The position after the last record appended.
    public var end: LogSequenceNumber {
        schedulePoint()
        return endPosition.load(ordering: .acquiring)
    }
    /// The position up to which the operating system has the log.
    public var written: LogSequenceNumber {
        schedulePoint()
        return writtenPosition.load(ordering: .acquiring)
    }
    /// The position up to which the log is durable.
    public var durable: LogSequenceNumber {
        schedulePoint()
        return durablePosition.load(ordering: .acquiring)
    }
    /// The size of the log's file in bytes.
    public var byteCount: UInt64 { fileByteCount.load(ordering: .acquiring) }
    /// The bytes of all records from `position` on. See ``CommitLog/recordByteCount(from:)``. O(segments).
    public func recordByteCount(from position: LogSequenceNumber) -> UInt64 {
        lock.withLock {
            var total: UInt64 = 0
            var end = end
            for segment in chain.reversed() {
                let firstFrame =
                    segment.sequence * UInt64(segmentSize) + UInt64(LogLayout.segmentHeaderSize)
                let start = max(firstFrame, position)
                if end > start { total += end - start }
                if segment.previousEnd <= position { break }
                end = segment.previousEnd
            }
            return total
        }
    }
    /// How many syncs there were, and how long the latest took. See ``CommitLog/syncTimes``.
    public var syncTimes: SyncTimes { lock.withLock { syncTimesSoFar } }
    /// The first failed write or sync, which ended all writing.
    public var poison: StorageError? {
        schedulePoint()
        guard hasFailed.load(ordering: .acquiring) else { return nil }
        return lock.withLock { firstFailure }
    }

    /// Throws when nothing can be appended or synced any more. Under `lock`.
    func refuseIfUnusable() throws(StorageError) {
        if let firstFailure {
            throw StorageError(
                .poisoned,
                "An earlier write or sync of the log failed; reopen it, which replays what has "
                    + "reached the disk.",
                path: path, cause: firstFailure)
        }
        try refuseIfClosed()
    }

    /// Under `lock`.
    @inline(__always)
    func refuseIfClosed() throws(StorageError) {
        if isClosed { throw StorageError(.closed, "The log is closed.", path: path) }
    }

    func readOnly() -> StorageError {
        StorageError(.readOnly, "The log is open for reading only.", path: path)
    }

    /// Throws when the log can't be appended to. Under `lock`.
    func refuseIfNotAppendable() throws(StorageError) {
        if isReadOnly { throw readOnly() }
        try refuseIfUnusable()
    }
}
