import StorageIO

/// How a log is laid out and how much memory and disk it may hold on to.
public struct LogOptions: Sendable {
    /// The size of a segment in bytes: a power of two from 4 KiB to 64 MiB. Only for new files; an
    /// existing file keeps its own.
    public var segmentSize = 1 << 20
    /// How many recycled segments stay on disk for reuse; the file shrinks when there are more at
    /// its end.
    public var retainedSegments = 4
    /// When more bytes than this are buffered, `append` writes them out itself, so that memory
    /// stays bounded when nobody waits for a write. A single record may be larger.
    public var bufferByteLimit = 4 << 20
    /// The largest payload of a record in bytes, for appending and for replay.
    public var maximumRecordSize = (1 << 30) + (1 << 24)
    /// Whether the log's file is locked: exclusively to write, shared to read. Leave it on unless
    /// another lock keeps other handles away.
    public var locksFile = true

    /// Whether the log looks, with each sync, each new segment and at the end, that its name still leads
    /// to its file: one call of the system or two. A file that has lost its name takes with it what it
    /// holds, and one that was renamed is not found by the next open. Turn it off only when whoever
    /// opens the log can do without what is in it.
    public var checksName = true

    /// Whether it is measured how long syncs take (``CommitLog/syncTimes``): two looks at the clock each.
    public var timesSyncs = true

    /// The defaults.
    public init() {}

    func validate() throws(StorageError) {
        guard LogLayout.isValidSegmentSize(segmentSize) else {
            throw StorageError(
                .invalidArgument,
                "A log segment of \(segmentSize) bytes is not possible; choose a power of two from "
                    + "\(LogLayout.minimumSegmentSize) to \(LogLayout.maximumSegmentSize).")
        }
        guard retainedSegments >= 0, bufferByteLimit >= 0, maximumRecordSize >= 0 else {
            throw StorageError(.invalidArgument, "A log option is negative.")
        }
    }
}
