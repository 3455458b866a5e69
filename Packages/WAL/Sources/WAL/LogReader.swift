import StorageIO

/// Reads a log file without changing or locking it: for verification, inspection and salvage, and to
/// follow a log that another thread or process writes.
///
/// While a ``WriteAheadLog`` writes the same file, what is read may end anywhere. What was written since
/// the reader was made, or since ``refresh()``, may be missing; go on from ``LogReport/end``. Before
/// anything is called damage, the file is read again, so a log that is sound is never called damaged.
public final class LogReader<Files: FileSystem> {
    /// The size of each segment in bytes.
    public var segmentSize: Int { walker.table.segmentSize }
    /// The size of the file in bytes.
    public var byteCount: UInt64 { walker.table.fileSize }
    /// The log that the file belongs to; nil when it has no segment.
    public var identity: LogIdentity? { walker.table.identity }
    /// All slots of the file, in order.
    public private(set) var segments: [LogSegment]
    /// How far back the log can be read without a gap from its newest segment; in a log that was recycled
    /// hardly ever where a record starts.
    public private(set) var oldestPosition: LogSequenceNumber
    private let file: Files.Handle
    private let wanted: LogIdentity?
    private let mayBeNew: Bool
    private let options: LogOptions
    let walker: LogWalker<Files.Handle>

    /// Opens `path` and reads its segment headers.
    ///
    /// - Parameters:
    ///   - files: where the log's file is.
    ///   - path: its name.
    ///   - identity: the log that it must be; nil takes that of the newest segment.
    ///   - options: `maximumRecordSize` bounds the records that are put together.
    ///   - owner: the file that the log stands beside. A log that would not be opened beside it is
    ///     refused, as `FileSystem.open(_:_:beside:)` says. Nil: any file is read.
    ///   - mayBeNew: whether a file that was only just made is an empty log, whatever lay there before:
    ///     unless that is another log.
    /// - Throws: `fileNotFound`, `notADatabase`, `unsupportedFormat`, `damaged` when the headers
    ///   contradict each other, `fileTooLarge`, `inputOutput`.
    public init(
        files: Files, path: String, identity: LogIdentity? = nil,
        options: LogOptions = LogOptions(), beside owner: Files.Handle? = nil,
        mayBeNew: Bool = false
    ) throws(StorageError) {
        try options.validate()
        let file =
            if let owner { try files.open(path, .readOnly, beside: owner) } else {
                try files.open(path, .readOnly)
            }
        let table: SegmentTable
        do throws(StorageError) {
            table = try SegmentTable(
                readingLive: file, identity: identity, defaultSegmentSize: options.segmentSize,
                mayBeNew: mayBeNew)
        } catch {
            file.close()
            throw error
        }
        self.file = file
        self.options = options
        self.mayBeNew = mayBeNew
        wanted = identity
        oldestPosition = table.linked.first?.header.previousEnd ?? 0
        segments = Self.describe(table)
        walker = LogWalker(file, table, maximumRecordSize: options.maximumRecordSize)
    }

    /// Reads the segment headers again, to see what was written since. Costs a read of 64 bytes for each
    /// slot. The file is the one that was opened, whatever has its name by now.
    ///
    /// - Throws: as `init(files:path:identity:options:)`; `closed`.
    public func refresh() throws(StorageError) {
        walker.table = try SegmentTable(
            readingLive: file, identity: wanted ?? identity,
            defaultSegmentSize: options.segmentSize,
            mayBeNew: mayBeNew)
        oldestPosition = walker.table.linked.first?.header.previousEnd ?? 0
        segments = Self.describe(walker.table)
    }

    private static func describe(_ table: SegmentTable) -> [LogSegment] {
        let size = table.segmentSize
        let linked = table.linked
        var next = 0
        var segments: [LogSegment] = []
        for entry in table.entries {
            // Both are in the order of the sequence.
            let isLinked = next < linked.count && linked[next].slot == entry.slot
            if isLinked { next += 1 }
            segments.append(
                LogSegment(
                    slot: entry.slot, segmentSize: size, state: isLinked ? .linked : .stale,
                    header: entry.header))
        }
        for slot in table.unreadable {
            segments.append(LogSegment(slot: slot, segmentSize: size, state: .unreadable))
        }
        for slot in table.foreign {
            segments.append(LogSegment(slot: slot, segmentSize: size, state: .foreign))
        }
        segments.sort { $0.slot < $1.slot }
        return segments
    }

    /// Calls `body` for each sound frame from `start` to the log's end.
    ///
    /// - Parameters:
    ///   - start: the end of a record or a segment's `previousEnd`; nil reads from ``oldestPosition``. Fragments
    ///     of a record that began before are read too.
    ///   - body: gets the frame, whose bytes are lent for the length of the call.
    /// - Returns: what was found; damage is reported there, not thrown.
    /// - Throws: `inputOutput`, `valueTooLong`, and what `body` throws.
    @discardableResult
    public func forEachFrame(
        from start: LogSequenceNumber? = nil, _ body: (LogFrame) throws(StorageError) -> Void
    ) throws(StorageError) -> LogReport {
        try read(from: start, body) { _ in }
    }

    /// Calls `body` for each complete record from `start` to the log's end. A record that began
    /// before `start` is left out. See ``forEachFrame(from:_:)``.
    @discardableResult
    public func forEachRecord(
        from start: LogSequenceNumber? = nil, _ body: (LogRecord) throws(StorageError) -> Void
    ) throws(StorageError) -> LogReport {
        try read(from: start, { _ in }, body)
    }

    private func read(
        from start: LogSequenceNumber?, _ visitFrame: (LogFrame) throws(StorageError) -> Void,
        _ visitRecord: (LogRecord) throws(StorageError) -> Void
    ) throws(StorageError) -> LogReport {
        var report = LogReport()
        report.start = start ?? oldestPosition
        report.end = report.start
        report.frameEnd = report.start
        var claimed: LogSequenceNumber = 0
        var mayStartInside = true
        var stop: (position: LogSequenceNumber, count: Int)?
        while true {
            let (tail, damage) = try readOnce(mayStartInside, &report, visitFrame, visitRecord)
            claimed = max(claimed, tail.claimedEnd)
            guard let damage else { break }
            // A log that is being written has perhaps gone on since its headers, or this segment, were
            // read. What proved the damage was written after what it proves to be missing: so when the
            // same place is read once more, and has not been recycled meanwhile, it is damage.
            let count = stop?.position == tail.frameEnd ? (stop?.count ?? 0) + 1 : 1
            stop = (tail.frameEnd, count)
            let before = walker.table
            try refresh()
            let isSettled = before.agrees(with: walker.table, at: tail.frameEnd)
            if count > 1, isSettled || count > 100 {
                report.damage = damage
                break
            }
            mayStartInside = tail.isSkipping
        }
        if start == nil { noteMissingBeginning(claimed, &report) }
        return report
    }

    /// Reads on from the end of the last record, and adds what is new to the report.
    private func readOnce(
        _ mayStartInside: Bool, _ report: inout LogReport,
        _ visitFrame: (LogFrame) throws(StorageError) -> Void,
        _ visitRecord: (LogRecord) throws(StorageError) -> Void
    ) throws(StorageError) -> (LogTail, StorageError?) {
        var tail = LogTail()
        var isVisiting = false
        var counted = report
        var damage: StorageError?
        do throws(StorageError) {
            try walker.walk(
                from: report.end, mayStartInside: mayStartInside, tail: &tail,
                visitFrame: { frame throws(StorageError) in
                    // Those of a record whose end was not there before come again.
                    guard frame.end > report.frameEnd else { return }
                    counted.frameCount += 1
                    counted.payloadByteCount += UInt64(frame.payload.count)
                    isVisiting = true
                    try visitFrame(frame)
                    isVisiting = false
                },
                visitRecord: { record throws(StorageError) in
                    counted.recordCount += 1
                    isVisiting = true
                    try visitRecord(record)
                    isVisiting = false
                })
        } catch {
            // Damage that a visitor found in its payload is the visitor's.
            guard error.code == .damaged || error.code == .positionRecycled, !isVisiting else {
                throw error
            }
            damage = error
        }
        report = counted
        report.isFound = report.isFound || tail.isFound
        report.end = tail.recordEnd
        report.frameEnd = max(report.frameEnd, tail.frameEnd)
        return (tail, damage)
    }

    /// A beginning that is missing is no damage to what was read, but nobody would know otherwise: the
    /// segments lead back to where one is gone, and not beyond.
    private func noteMissingBeginning(_ claimed: LogSequenceNumber, _ report: inout LogReport) {
        // What was durable can't have been cut off by a crash.
        guard report.start > 0, claimed >= report.start, walker.table.hasGap else { return }
        report.missingBefore = report.start
        guard walker.table.isInOrder, report.damage == nil else { return }
        report.damage = StorageError(
            .damaged,
            "The log's segments before this position are lost: they were durable, and none was ever "
                + "recycled.",
            path: path, logSequenceNumber: report.start)
    }

    /// Whether a record may start or end at `position` of a segment that is there.
    public func holds(_ position: LogSequenceNumber) -> Bool {
        walker.table.entry(containing: position) != nil
            || walker.table.successor(of: position) != nil
    }

    /// The file that is read.
    public var path: String { file.path }

    /// Closes the file.
    public func close() { file.close() }
}
