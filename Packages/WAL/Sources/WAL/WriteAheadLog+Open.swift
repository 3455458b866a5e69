import StorageIO

extension WriteAheadLog {
    /// Opens a log and replays it. One that is missing comes into being with the first record; see
    /// ``start()``.
    ///
    /// Whatever is replayed is durable when the call returns (a log that a killed process wrote but
    /// did not sync is synced here). The log then goes on in a new segment, with its first record: an
    /// open that appends costs a segment of disk space, until that is recycled. Costs a pass over the
    /// log from `position` on.
    ///
    /// - Parameters:
    ///   - files: where the file lives.
    ///   - path: its name. Where the log stands alone, a symbolic link is followed.
    ///   - identity: which database the log belongs to.
    ///   - position: replay starts here: the end or the start of a record, or 0 for the beginning of a
    ///     log that was never recycled. What lies before it is given up, as by ``recycle(before:)``.
    ///   - through: how far the caller knows that the log was durable: a log that ends before that has
    ///     lost records, which its file alone does not always tell. 0 when nothing is known.
    ///   - options: see ``LogOptions``.
    ///   - readOnly: nothing is created, written or synced.
    ///   - mustExist: whether it is an error when the file, or `position` in it, is missing. Pass
    ///     true when a log with this position was open and has not been removed since.
    ///   - owner: the file that the log stands beside; a log that may be written gets its access
    ///     rights.
    ///   - replay: called for each complete record that ends after `position`, in order.
    /// - Throws: `damaged` when records known to have been durable are missing, or when no record ends
    ///   or starts at `position`, so that it is wrong or what was there is lost; `positionRecycled` when
    ///   the log begins behind it; `notADatabase` for
    ///   something else or another database's log; `unsupportedFormat`, `fileNotFound`, `locked`,
    ///   `invalidArgument`, `valueTooLong`, `inputOutput`, `diskFull`; and what `replay` throws.
    public static func open(
        files: Files, path: String, identity: LogIdentity, from position: LogSequenceNumber = 0,
        through: LogSequenceNumber = 0, options: LogOptions = LogOptions(), readOnly: Bool = false,
        mustExist: Bool = false, beside owner: Files.Handle? = nil,
        replay: (LogRecord) throws(StorageError) -> Void
    ) throws(StorageError) -> WriteAheadLog {
        try options.validate()
        // A database's log is never reached through a link: it stands beside the database's file.
        let path = owner == nil ? try files.resolve(path) : path
        guard position % UInt64(LogLayout.alignment) == 0, position < LogLayout.maximumPosition
        else {
            throw StorageError(
                .invalidArgument, "\(position) can't be a log position.", path: path,
                logSequenceNumber: position)
        }
        let file: Files.Handle
        do throws(StorageError) {
            file = try files.open(path, readOnly ? .readOnly : .readWrite, beside: owner)
        } catch {
            guard error.code == .fileNotFound, !mustExist, through <= position else { throw error }
            return WriteAheadLog(
                files: files, path: path, identity: identity, options: options,
                isReadOnly: readOnly, owner: owner, file: nil,
                state: OpenState(end: position, segmentSize: options.segmentSize))
        }
        do throws(StorageError) {
            if options.locksFile { try file.lock(exclusive: !readOnly) }
            let table = try SegmentTable(
                reading: file, identity: identity, defaultSegmentSize: options.segmentSize,
                mayBeNew: !mustExist)
            let walker = LogWalker(file, table, maximumRecordSize: options.maximumRecordSize)
            try walker.requireBoundary(position)
            var tail = LogTail()
            try walker.walk(
                from: position, tail: &tail, visitFrame: { _ in }, visitRecord: replay)
            if mustExist, !tail.isFound {
                throw StorageError(
                    .damaged, "The log does not reach back to where replay starts.", path: path,
                    logSequenceNumber: position)
            }
            guard tail.recordEnd >= through else {
                throw StorageError(
                    .damaged,
                    "The log ends at \(tail.recordEnd), but was durable through \(through): records "
                        + "that were acknowledged are lost. Restore a backup.",
                    path: path, logSequenceNumber: tail.recordEnd)
            }
            // Before anything is built on it, what was replayed, and the file's name, must be
            // durable (R3, L1): a killed process may have left them with the system only.
            if !readOnly, tail.isFound {
                try rewriteUnproved(tail, in: file, table)
                try file.sync()
                try files.syncDirectory(of: path)
            }
            return WriteAheadLog(
                files: files, path: path, identity: identity, options: options,
                isReadOnly: readOnly, owner: owner, file: file, state: OpenState(table, tail))
        } catch {
            file.close()
            throw error
        }
    }

    /// Writes again, as it is read, what of the log nothing proves to be durable. After a sync that
    /// failed, the system may show in its cache what it has given up writing, and the next sync says
    /// nothing about it (A. Rebello et al., "Can Applications Recover from fsync Failures?", USENIX
    /// ATC 2020). The bytes are the same, so a crash in between harms nothing.
    private static func rewriteUnproved(
        _ tail: LogTail, in file: Files.Handle, _ table: SegmentTable
    ) throws(StorageError) {
        let size = UInt64(table.segmentSize)
        let buffer = LogBuffer()
        for (index, entry) in tail.chain.enumerated() {
            let next = index + 1 < tail.chain.count ? tail.chain[index + 1] : nil
            let start = entry.header.start
            let end = next?.header.previousEnd ?? tail.frameEnd
            // The header is proved with the first frame behind it.
            let first = entry.header.firstFrame
            var position = tail.provedEnd > first ? tail.provedEnd : start
            let last = max(end, first)
            while position < last {
                let offset = UInt64(entry.slot) * size + (position - start)
                try buffer.fill(from: file, at: offset, count: Int(min(last - position, 1 << 20)))
                if buffer.count == 0 { break }
                try buffer.write(from: 0, count: buffer.count, to: file, at: offset)
                position += UInt64(buffer.count)
            }
        }
    }
}

/// What a log that was just read goes on from.
struct OpenState {
    var end: LogSequenceNumber
    var segmentSize: Int
    var fileSize: UInt64 = 0
    var slotCount = 0
    var spareSlots: [Int] = []
    var nextSequence: UInt64

    /// The segments of a log.
    var chain: [SegmentTable.Entry] = []

    /// A log that does not exist.
    init(end: LogSequenceNumber, segmentSize: Int) {
        self.end = end
        self.segmentSize = segmentSize
        // Beyond where the last one ended.
        nextSequence = (end + UInt64(segmentSize) - 1) / UInt64(segmentSize) + 1
    }

    /// The log that `tail` found in the slots of `table`.
    init(_ table: SegmentTable, _ tail: LogTail) {
        end = tail.recordEnd
        segmentSize = table.segmentSize
        fileSize = table.fileSize
        slotCount = table.slotCount
        chain = tail.chain
        let size = UInt64(segmentSize)
        // Beyond every segment that can be seen, part of the log or not, and beyond where it ends.
        nextSequence = max(table.entries.last?.header.sequence ?? 0, (end + size - 1) / size) + 1
        var isUsed = [Bool](repeating: false, count: slotCount)
        for entry in chain { isUsed[entry.slot] = true }
        // A last slot that is cut can't be written to without needing space; it is made anew.
        if fileSize % size != 0, !isUsed[slotCount - 1] { slotCount -= 1 }
        for slot in 0..<slotCount where !isUsed[slot] { spareSlots.append(slot) }
    }
}
