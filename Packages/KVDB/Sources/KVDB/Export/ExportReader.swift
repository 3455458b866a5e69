import StorageIO

/// What an export holds next.
public enum ExportEvent: Equatable, Sendable {
    /// A table begins; the entries after it belong to it. The default table's name is empty.
    case table([UInt8])
    /// What the table that has just begun holds, in the bytes of `Docs/RecordFormat.md`. A table of bytes has none.
    case description([UInt8])
    /// An entry of the table begun last.
    case entry(key: [UInt8], value: [UInt8])
    /// The export ends here, whole: every checksum and count was right.
    case end(entryCount: UInt64)
}

/// Reads an export of any version, recognised by its first bytes, as a stream of events.
///
/// The bytes are taken for hostile: whatever they are, the worst is a typed error. Memory is one
/// block and one entry; a value's memory grows with the bytes that really come, not with the length
/// that is claimed. What was read before ``ExportEvent/end(entryCount:)`` may belong to a cut or
/// damaged export, so an importer keeps it apart until then. Not for use by several threads at once.
public final class ExportReader {
    /// Fills the buffer from its start with the stream's next bytes, any number of them, and returns
    /// how many; 0 at the stream's end. It must not change the buffer's size.
    public typealias Source = (inout [UInt8]) throws(StorageError) -> Int

    /// The version, known after the first event.
    public private(set) var format: ExportFormat?
    /// Entries read so far, over all tables.
    public internal(set) var entryCount: UInt64 = 0
    /// Bytes taken from the stream so far.
    public private(set) var offset: UInt64 = 0

    private let source: Source
    private var chunk: [UInt8]
    private var chunkPosition = 0
    private var chunkEnd = 0
    private var failure: StorageError?
    private var ended = false

    // The state of version 2, in `ExportReader+Blocks.swift`.
    var block: [UInt8] = []
    var blockPosition = 0
    var checksum: UInt32 = 0
    var tableCount: UInt64 = 0
    var tableName: [UInt8] = []
    /// Entries before the table begun last.
    var entriesBefore: UInt64 = 0
    /// Whether it was said what the table begun last holds.
    var isDescribed = false
    /// Of longer values ``next()`` gives the key alone; their bytes are then to be read by ``readPortion(_:)``.
    var longestWholeValue = Int.max
    /// The length of such a value, whose entry was given last; nil otherwise.
    private(set) var longValueCount: Int?
    /// How many of its bytes were not read yet.
    var longValueRest = 0
    // The entry being read. Kept, so that its memory serves the next one when nobody holds it.
    var key: [UInt8] = []
    var value: [UInt8] = []

    /// A reader at the start of an export; nothing is read before the first ``next()``.
    public init(source: @escaping Source) {
        self.source = source
        chunk = [UInt8](repeating: 0, count: ExportLayout.maximumPayloadByteCount)
    }

    /// A reader of an export that is in memory as a whole.
    public convenience init(bytes: [UInt8]) {
        var offset = 0
        self.init { buffer in
            let count = min(buffer.count, bytes.count - offset)
            buffer.replaceSubrange(0..<count, with: bytes[offset..<offset + count])
            offset += count
            return count
        }
    }

    /// The next table, entry, or the end (again and again). O(entry).
    ///
    /// - Throws: `notADatabase` when the stream is no export, `emptyFile` when it has no byte,
    ///   `unsupportedFormat` when a newer version wrote it, `truncated` when it ends too early,
    ///   `damaged` when a checksum, count or structure is wrong, `keyTooLong` and `valueTooLong`
    ///   (with the entry's number, from 1) for an entry that no database takes, and what the source
    ///   throws. The same again on every later call.
    public func next() throws(StorageError) -> ExportEvent {
        if let failure { throw failure }
        if ended { return .end(entryCount: entryCount) }
        do {
            while longValueRest > 0 { try passPortion { _ in } }
            longValueCount = nil
            let event: ExportEvent
            switch format {
            case .none: event = try readHeader()
            case .version1: event = try readPlainEntry()
            case .version2: event = try readBlockEvent()
            }
            if case .end = event { ended = true }
            return event
        } catch {
            failure = error
            throw error
        }
    }

    /// Lends the next bytes of a long value, whose entry ``next()`` has given. Returns false at its end.
    ///
    /// - Throws: as ``next()``; what `body` throws.
    func readPortion(
        _ body: (ByteView) throws(StorageError) -> Void
    ) throws(StorageError) -> Bool {
        if let failure { throw failure }
        guard longValueRest > 0 else { return false }
        do {
            try passPortion(body)
            return true
        } catch {
            failure = error
            throw error
        }
    }

    private func passPortion(
        _ body: (ByteView) throws(StorageError) -> Void
    ) throws(StorageError) {
        if format == .version2 { return try passBlockPortion(body) }
        if chunkPosition == chunkEnd {
            guard try fillChunk() else { throw cut("in entry \(entryCount)") }
        }
        let count = min(longValueRest, chunkEnd - chunkPosition)
        try withByteView(of: chunk) { bytes throws(StorageError) in
            try body(bytes.dropFirst(chunkPosition).prefix(count))
        }
        chunkPosition += count
        offset += UInt64(count)
        longValueRest -= count
    }

    /// Whether the value of the entry being read is left to ``readPortion(_:)``.
    func leavesValue(_ valueLength: Int) -> Bool {
        guard valueLength > longestWholeValue else { return false }
        longValueCount = valueLength
        longValueRest = valueLength
        return true
    }

    private func readHeader() throws(StorageError) -> ExportEvent {
        var header: [UInt8] = []
        let whole = try take(ExportLayout.prefixByteCount, into: &header)
        guard !header.isEmpty else {
            throw StorageError(.emptyFile, "The export is empty; export again.", offset: 0)
        }
        let magic = header.prefix(ExportLayout.magic.count)
        guard ExportLayout.magic.starts(with: magic) else {
            throw StorageError(
                .notADatabase, "This is no tkdb export: it does not begin with TKDB_EXP.", offset: 0
            )
        }
        guard whole else { throw cut("in its header") }
        let version = header.exportedInteger(at: 8, as: UInt32.self)
        guard let format = ExportFormat(rawValue: version) else {
            if version == 0 { throw damage("its version is 0") }
            throw StorageError(
                .unsupportedFormat,
                "The export has version \(version), this program reads up to 2; use a newer one.",
                offset: 8)
        }
        self.format = format
        switch format {
        case .version1:
            return .table([])
        case .version2:
            try readBlockHeader(after: header)
            return try readBlockEvent()
        }
    }

    private func readPlainEntry() throws(StorageError) -> ExportEvent {
        var head: [UInt8] = []
        guard try take(ExportLayout.entryHeadByteCount, into: &head) else {
            guard head.isEmpty else { throw cut("in the head of entry \(entryCount + 1)") }
            return .end(entryCount: entryCount)
        }
        let (keyLength, valueLength) = try entryLengths(head, at: 0)
        recycleEntry()
        guard try take(keyLength, into: &key) else { throw cut("in entry \(entryCount + 1)") }
        if leavesValue(valueLength) {
            entryCount += 1
            return .entry(key: key, value: [])
        }
        guard try take(valueLength, into: &value) else {
            throw cut("in entry \(entryCount + 1)")
        }
        entryCount += 1
        return .entry(key: key, value: value)
    }

    /// The lengths at the beginning of an entry, within the limits.
    func entryLengths(_ bytes: [UInt8], at position: Int) throws(StorageError) -> (Int, Int) {
        let keyLength = Int(bytes.exportedInteger(at: position, as: UInt16.self))
        let valueLength = Int(bytes.exportedInteger(at: position + 2, as: UInt32.self))
        guard keyLength <= ExportLayout.maximumKeyLength else {
            throw StorageError(
                .keyTooLong,
                "Entry \(entryCount + 1) of the export has a key of \(keyLength) bytes; the limit is 1024.",
                offset: offset)
        }
        guard valueLength <= ExportLayout.maximumValueLength else {
            throw StorageError(
                .valueTooLong,
                "Entry \(entryCount + 1) of the export has a value of \(valueLength) bytes; the limit is 2^30.",
                offset: offset)
        }
        return (keyLength, valueLength)
    }

    /// Makes room for the next entry, in the memory of the last one where that is small and free.
    func recycleEntry() {
        key.removeAll(keepingCapacity: true)
        if value.capacity > ExportLayout.maximumPayloadByteCount {
            value = []
        } else {
            value.removeAll(keepingCapacity: true)
        }
    }

    /// Appends the next `count` bytes, piece by piece as they come; false when the stream ends
    /// before, with those that were there appended.
    func take(_ count: Int, into target: inout [UInt8]) throws(StorageError) -> Bool {
        var missing = count
        while missing > 0 {
            if chunkPosition == chunkEnd {
                guard try fillChunk() else { return false }
            }
            let length = min(missing, chunkEnd - chunkPosition)
            target.append(contentsOf: chunk[chunkPosition..<(chunkPosition + length)])
            chunkPosition += length
            offset += UInt64(length)
            missing -= length
        }
        return true
    }

    /// Whether the stream has ended.
    func isAtEnd() throws(StorageError) -> Bool {
        if chunkPosition < chunkEnd { return false }
        return try !fillChunk()
    }

    private func fillChunk() throws(StorageError) -> Bool {
        chunkPosition = 0
        chunkEnd = 0
        let count = try source(&chunk)
        guard count >= 0, count <= chunk.count else {
            throw StorageError(
                .invalidArgument, "The export's source returned \(count) bytes, more than it could."
            )
        }
        chunkEnd = count
        return count > 0
    }

    func cut(_ place: String) -> StorageError {
        StorageError(
            .truncated, "The export is cut off \(place); fetch or export it again.", offset: offset)
    }

    func damage(_ what: String) -> StorageError {
        StorageError(
            .damaged, "The export is damaged: \(what). Fetch or export it again.", offset: offset)
    }
}
