import PageStore
import StorageIO
import WAL

/// What a log holds beyond a checkpoint, and how far it can be followed.
struct LogSurvey {
    /// Whether there is a file.
    private(set) var isThere = false
    /// Whether the file is no whole number of segments.
    private(set) var isCut = false
    /// Whether the checkpoint's position, or the log's beginning when there is none, is in it.
    private(set) var reachesBack = false
    /// Where reading starts; nil for the oldest position that there is.
    private(set) var start: LogSequenceNumber?
    /// The database that the log must belong to; nil when only the log can tell.
    private(set) var identity: LogIdentity?
    /// The first transaction to apply; 0 when there is none.
    private(set) var firstTransaction: TransactionNumber = 0
    /// The last one that can be applied.
    private(set) var lastTransaction: TransactionNumber = 0
    /// The end of the last record that can be applied; where reading starts when there is none.
    private(set) var end: LogSequenceNumber = 0
    /// Records that can be applied.
    private(set) var records: UInt64 = 0
    /// Records behind a damaged place.
    private(set) var leftOut: UInt64 = 0
    /// What is wrong.
    private(set) var damage: StorageError?

    /// No log.
    init() {}

    /// What is wrong where a log was to be.
    static func missing(_ path: String) -> StorageError {
        StorageError(
            .damaged, "The database was not closed, and its log is gone.", path: path)
    }

    /// Reads the log of a database.
    ///
    /// - Parameters:
    ///   - names: where it is.
    ///   - owner: the data file, which the log stands beside.
    ///   - base: which database it is, and what to go on from.
    ///   - isAnchored: whether to go on from `base`. Otherwise what can be applied is the last row of
    ///   records without a gap in their numbers: applied again on top of newer pages it changes
    ///   nothing, and what came before a gap might.
    /// - Throws: what keeps the log from being read: access rights, another user's log, links, too
    ///   many open files, too little memory. Nothing that has to do with its content or its medium,
    ///   which is ``damage``.
    init<Files: FileSystem>(
        _ names: DatabaseFiles, beside owner: Files.Handle, files: Files, base: Superblock?,
        isAnchored: Bool = true
    ) throws(StorageError) {
        isThere = try files.exists(names.log)
        let record = isAnchored ? base?.record : nil
        guard isThere else {
            if let record, record.needsLog { damage = Self.missing(names.log) }
            return
        }
        identity = base.map {
            LogIdentity(high: $0.identifier.first, low: $0.identifier.second)
        }
        start = record?.logPosition
        do throws(StorageError) {
            let reader = try LogReader(
                files: files, path: names.log, identity: identity, beside: owner,
                mayBeNew: base.map { !$0.record.needsLog } ?? false)
            defer { reader.close() }
            isCut = reader.byteCount % UInt64(reader.segmentSize) != 0
            try read(reader, record)
        } catch {
            guard error.saysWhatAFileHolds else { throw error }
            damage = error
        }
    }

    private mutating func read<Files: FileSystem>(
        _ reader: LogReader<Files>, _ record: CheckpointRecord?
    ) throws(StorageError) {
        // Below the position that a superblock names, segments may have been used again.
        let from = start ?? reader.oldestPosition
        var expected = record.map { $0.transaction + 1 }
        end = from
        var seen: UInt64 = 0
        var found: StorageError?
        let outcome = try reader.forEachRecord(from: start) { log throws(StorageError) in
            seen += 1
            guard found == nil, log.transaction > record?.transaction ?? 0 else { return }
            guard log.transaction < Superblock.countLimit else {
                found = StorageError(
                    .damaged, "A record of the log has a number that no transaction can have.",
                    logSequenceNumber: log.start)
                return
            }
            if let next = expected, log.transaction != next {
                guard record == nil else {
                    found = StorageError(
                        .damaged,
                        "The log goes from transaction \(next - 1) to \(log.transaction); what "
                            + "was between is missing.",
                        logSequenceNumber: log.start)
                    return
                }
                records = 0
                firstTransaction = 0
            }
            var operations = OperationReader(log.payload)
            do throws(StorageError) {
                while try operations.next() != nil {}
            } catch {
                found = error
                found?.logSequenceNumber = log.start
                return
            }
            if records == 0 { firstTransaction = log.transaction }
            records += 1
            lastTransaction = log.transaction
            expected = log.transaction &+ 1
            end = log.end
        }
        // As opening judges it.
        reachesBack = seen > 0 || outcome.isFound
        damage = found ?? outcome.damage?.ofDatabase
        if damage == nil, let record, record.needsLog, !reachesBack {
            damage = StorageError(
                .damaged, "The log does not reach back to where replay starts.",
                logSequenceNumber: from)
        }
        if damage != nil, damage?.path == nil { damage?.path = reader.path }
        guard damage != nil else { return }
        leftOut = UInt64(
            try reader.countStrayRecords(
                behind: end, after: max(lastTransaction, record?.transaction ?? 0)
            ).count)
    }

    /// Calls `body` with the operations of each record that can be applied, in order.
    func forEachRecord<Files: FileSystem>(
        _ names: DatabaseFiles, beside owner: Files.Handle, files: Files,
        _ body: (ByteView) throws(StorageError) -> Void
    ) throws(StorageError) {
        guard records > 0 else { return }
        let reader = try LogReader(
            files: files, path: names.log, identity: identity, beside: owner)
        defer { reader.close() }
        var next = firstTransaction
        var failure: StorageError?
        try reader.forEachRecord(from: start) { record throws(StorageError) in
            guard record.transaction == next, next <= lastTransaction, failure == nil else {
                return
            }
            do throws(StorageError) {
                try body(record.payload)
                next += 1
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
    }
}

extension StorageError {
    /// Whether it is about what a file holds, or what its medium doesn't give back: damage, to be
    /// reported and gone on from. Everything else, as missing rights or a lack of memory, is in the way
    /// of reading it and says nothing about it: whoever looks at files must stop there.
    var saysWhatAFileHolds: Bool {
        switch code {
        case .inputOutput, .notADatabase, .emptyFile, .truncated, .damaged, .unsupportedFormat,
            .fileTooLarge, .valueTooLong, .invalidArgument, .keyTooLong, .positionRecycled:
            true
        case .diskFull, .fileNotFound, .fileExists, .permissionDenied, .readOnly, .locked, .closed,
            .poisoned, .timedOut, .outOfMemory, .notSorted, .tableNotFound, .busy, .ambiguousName,
            .undecodable, .unencodable, .wrongType, .notUnique, .wrongIndexes:
            false
        }
    }
}
