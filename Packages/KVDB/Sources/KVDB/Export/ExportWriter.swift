import StorageIO

/// Writes an export: tables and their entries as one stream of bytes, in constant memory, without
/// knowing beforehand how many there will be.
///
/// ```swift
/// let writer = ExportWriter { bytes throws(StorageError) in try file.append(bytes) }
/// try writer.append(key: key, value: value)
/// try writer.finish()
/// ```
///
/// A stream without ``finish()`` is a cut one, and in version 2 readers refuse it. Not for use by
/// several threads at once.
public final class ExportWriter {
    /// Takes the next bytes of the stream; they are lent for the length of the call.
    public typealias Sink = (RawSpan) throws(StorageError) -> Void

    /// The version that is written.
    public let format: ExportFormat
    /// Entries written so far, over all tables.
    public private(set) var entryCount: UInt64 = 0

    private let sink: Sink
    private var state = State.new
    private var kind = ExportLayout.BlockKind.entries
    /// The block being filled: head, then payload. In version 1 plain bytes on their way out.
    private var block: [UInt8] = []
    /// The checksum of all that was written, from the stream's first byte.
    private var checksum: UInt32 = 0
    private var tableCount: UInt64 = 0
    private var tableName: [UInt8] = []

    private enum State {
        case new, open, finished, failed
    }

    /// A writer of an empty export. Nothing is written before the first entry, table or
    /// ``finish()``.
    ///
    /// - Parameters:
    ///   - format: the version to write.
    ///   - sink: takes the bytes. An error from it ends the export; the writer throws it on.
    public init(format: ExportFormat = .version2, sink: @escaping Sink) {
        self.format = format
        self.sink = sink
    }

    /// Begins a table; the entries after it belong to it. Without it they belong to the default
    /// table, whose name is empty.
    ///
    /// - Parameter name: at most 1,024 bytes, greater than the name of the table before.
    /// - Throws: `invalidArgument` for a name out of order or too long, and for any but the
    ///   default table in version 1; `closed` after the end or an error; what the sink throws.
    public func beginTable(
        _ name: borrowing some ByteSource & ~Copyable & ~Escapable
    ) throws(StorageError) {
        try withByteView(of: name) { name throws(StorageError) in try begin(name) }
    }

    /// Begins a table, and says what it holds.
    ///
    /// - Parameter description: an encoded `TableDescription`; empty for a table of bytes.
    func beginTable(_ name: [UInt8], description: [UInt8]) throws(StorageError) {
        try beginTable(name)
        guard !description.isEmpty, format == .version2 else { return }
        kind = .description
        block.append(contentsOf: description)
        try flush()
    }

    private func begin(_ name: ByteView) throws(StorageError) {
        try start()
        guard name.count <= ExportLayout.maximumKeyLength else {
            throw StorageError(.invalidArgument, "A table name is longer than 1024 bytes.")
        }
        guard format == .version2 || name.count == 0 else {
            throw StorageError(
                .invalidArgument, "Export version 1 has no named tables; export as version 2.")
        }
        let name = name.array
        guard tableCount == 0 || tableName.lexicographicallyPrecedes(name) else {
            throw StorageError(.invalidArgument, "Exported tables must ascend by name.")
        }
        tableName = name
        tableCount += 1
        guard format == .version2 else { return }
        try flush()
        kind = .table
        block.append(contentsOf: name)
        try flush(evenEmpty: true)
    }

    /// Writes one entry of the table begun last. O(key + value).
    ///
    /// - Parameters:
    ///   - key: at most 1,024 bytes. Readers accept any order, ascending keys import fastest.
    ///   - value: at most 2^30 bytes.
    /// - Throws: `keyTooLong` and `valueTooLong`, after which the export can go on; `closed`; what
    ///   the sink throws.
    public func append(
        key: borrowing some ByteSource & ~Copyable & ~Escapable,
        value: borrowing some ByteSource & ~Copyable & ~Escapable
    ) throws(StorageError) {
        try withByteView(of: key) { key throws(StorageError) in
            try withByteView(of: value) { value throws(StorageError) in try append(key, value) }
        }
    }

    /// Writes one entry; see ``append(key:value:)``.
    func append(_ key: ByteView, _ value: ByteView) throws(StorageError) {
        try begin(key, count: value.count)
        try continueValue(value)
        try endValue()
    }

    /// Writes one entry whose value comes in portions.
    ///
    /// - Parameters:
    ///   - key: at most 1,024 bytes.
    ///   - count: the value's length.
    ///   - body: gets a function and calls it with the portions, which are as many bytes together.
    /// - Throws: as ``append(key:value:)``; what `body` throws, after which the export is of no use.
    func append(
        _ key: ByteView, count: Int,
        _ body: (
            _ write: (ByteView) throws(StorageError) -> Void
        ) throws(StorageError) -> Void
    ) throws(StorageError) {
        try begin(key, count: count)
        do throws(StorageError) {
            var rest = count
            try body { portion throws(StorageError) in
                rest -= portion.count
                try continueValue(portion)
            }
            guard rest == 0 else {
                throw StorageError(.invalidArgument, "A value had another length than it said.")
            }
            try endValue()
        } catch {
            state = .failed
            throw error
        }
    }

    private func begin(_ key: ByteView, count: Int) throws(StorageError) {
        guard key.count <= ExportLayout.maximumKeyLength else {
            throw StorageError(.keyTooLong, "A key of \(key.count) bytes; the limit is 1024.")
        }
        guard count <= ExportLayout.maximumValueLength else {
            throw StorageError(.valueTooLong, "A value of \(count) bytes; the limit is 2^30.")
        }
        try start()
        if tableCount == 0 { try begin(key.prefix(0)) }

        // An entry that doesn't fit begins a block of its own, so that nearly all blocks can be
        // read without the one before.
        let byteCount = ExportLayout.entryHeadByteCount + key.count + count
        if byteCount > room { try flush() }
        kind = .entries
        block.appendExported(UInt16(key.count))
        block.appendExported(UInt32(count))
        block.appendExported(key)
    }

    private func continueValue(_ portion: ByteView) throws(StorageError) {
        var rest = portion
        while rest.count > room {
            let taken = room
            block.appendExported(rest.prefix(taken))
            rest = rest.dropFirst(taken)
            try flush()
            kind = .continuation
        }
        block.appendExported(rest)
    }

    private func endValue() throws(StorageError) {
        if kind == .continuation { try flush() }
        entryCount += 1
    }

    /// Ends the export: hands the last bytes, and in version 2 the counts, to the sink.
    ///
    /// - Throws: `closed` after the end or an error; what the sink throws.
    public func finish() throws(StorageError) {
        try start()
        try flush()
        if format == .version2 {
            kind = .end
            block.appendExported(entryCount)
            block.appendExported(tableCount)
            try flush()
        }
        state = .finished
    }

    /// How many payload bytes the block still takes.
    private var room: Int {
        let head = format == .version2 ? ExportLayout.blockHeadByteCount : 0
        return ExportLayout.maximumPayloadByteCount + head - block.count
    }

    private func start() throws(StorageError) {
        switch state {
        case .open: return
        case .finished: throw StorageError(.closed, "The export is already finished.")
        case .failed: throw StorageError(.closed, "The export failed before; start a new one.")
        case .new: break
        }
        state = .open
        block.reserveCapacity(
            ExportLayout.blockHeadByteCount + ExportLayout.maximumPayloadByteCount
                + ExportLayout.checksumByteCount)
        block = ExportLayout.magic
        block.appendExported(format.rawValue)
        guard format == .version2 else { return }
        block.appendExported(ExportLayout.headerGuard)
        block.appendExported(UInt32(0))
        try seal()
    }

    /// Sends the block off, if it has a payload, and begins the next.
    private func flush(evenEmpty: Bool = false) throws(StorageError) {
        guard format == .version2 else { return try emit() }
        let payload = block.count - ExportLayout.blockHeadByteCount
        guard payload > 0 || evenEmpty else { return }
        for (shift, index) in zip(stride(from: 0, to: 32, by: 8), 0...) {
            block[index] = UInt8(truncatingIfNeeded: kind.rawValue >> UInt32(shift))
            block[4 + index] = UInt8(truncatingIfNeeded: payload >> shift)
        }
        try seal()
    }

    /// Appends the checksum of the whole stream so far, sends the block off and begins the next.
    private func seal() throws(StorageError) {
        checksum = withByteView(of: block) { CRC32C.checksum($0, seed: checksum) }
        block.appendExported(checksum)
        try emit()
        block.append(contentsOf: repeatElement(0, count: ExportLayout.blockHeadByteCount))
    }

    private func emit() throws(StorageError) {
        guard !block.isEmpty else { return }
        do {
            try block.withBytes { bytes throws(StorageError) in try sink(bytes) }
        } catch {
            state = .failed
            throw error
        }
        block.removeAll(keepingCapacity: true)
    }
}
