import StorageIO

/// Reads a log file without changing or locking it: for verification, inspection and salvage.
///
/// While a ``WriteAheadLog`` writes the same file, what is read may end anywhere.
public final class LogReader<Files: FileSystem> {
    /// The size of each segment in bytes.
    public let segmentSize: Int
    /// The size of the file in bytes.
    public let byteCount: UInt64
    /// The log that the file belongs to; nil when it has no segment.
    public let identity: LogIdentity?
    /// All slots of the file, in order.
    public let segments: [LogSegment]
    /// How far back the log can be read.
    public let oldestPosition: LogSequenceNumber
    private let file: Files.Handle
    let walker: LogWalker<Files.Handle>

    /// Opens `path` and reads its segment headers.
    ///
    /// - Parameters:
    ///   - identity: the log that it must be; nil takes that of the newest segment.
    ///   - options: `maximumRecordSize` bounds the records that are put together.
    ///   - mayBeNew: whether a file that was only just made, with anything in it, is an empty log.
    /// - Throws: `fileNotFound`, `notADatabase`, `unsupportedFormat`, `damaged` when the headers
    ///   contradict each other, `fileTooLarge`, `inputOutput`.
    public init(
        files: Files, path: String, identity: LogIdentity? = nil,
        options: LogOptions = LogOptions(), mayBeNew: Bool = false
    ) throws(StorageError) {
        try options.validate()
        let file = try files.open(path, .readOnly)
        let table: SegmentTable
        do throws(StorageError) {
            table = try SegmentTable(
                reading: file, identity: identity, defaultSegmentSize: options.segmentSize,
                mayBeNew: mayBeNew)
        } catch {
            file.close()
            throw error
        }
        self.file = file
        segmentSize = table.segmentSize
        byteCount = table.fileSize
        self.identity = table.identity
        oldestPosition = table.linked.first?.header.previousEnd ?? 0
        segments = Self.describe(table)
        walker = LogWalker(file, table, maximumRecordSize: options.maximumRecordSize)
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
    /// - Parameter start: the end of a record or a segment's `previousEnd`; nil reads from
    ///   ``oldestPosition``. Fragments of a record that began before are read too.
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
        var tail = LogTail()
        var isVisiting = false
        do throws(StorageError) {
            try walker.walk(
                from: report.start, mayStartInside: true, tail: &tail,
                visitFrame: { frame throws(StorageError) in
                    isVisiting = true
                    try visitFrame(frame)
                    isVisiting = false
                },
                visitRecord: { record throws(StorageError) in
                    isVisiting = true
                    try visitRecord(record)
                    isVisiting = false
                })
        } catch {
            // Damage that a visitor found in its payload is the visitor's.
            guard error.code == .damaged, !isVisiting else { throw error }
            report.damage = error
        }
        report.end = tail.recordEnd
        report.frameEnd = tail.frameEnd
        report.frameCount = tail.frameCount
        report.recordCount = tail.recordCount
        report.payloadByteCount = tail.payloadByteCount
        return report
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
