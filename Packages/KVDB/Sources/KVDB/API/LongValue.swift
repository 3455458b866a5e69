import BTree
import PageStore
import StorageIO

/// A value to be read in parts, so that it need not be in memory as a whole.
///
/// ```swift
/// if let film = try files.value(for: "film") {
///     try film.forEachPortion { portion in try output.write(portion) }
/// }
/// ```
///
/// It stays at the version that it was found in, as a snapshot does, for as long as it lives. In a transaction it ends
/// with the next change of its table, and with a savepoint that is taken back: then it throws `busy`.
public struct LongValue: ~Copyable {
    private let found: FoundValue

    fileprivate init(_ found: FoundValue) { self.found = found }

    /// The number of bytes.
    public var count: Int { found.count }

    /// Copies bytes from a place of the value on into a buffer.
    ///
    /// - Parameters:
    ///   - buffer: is filled from its beginning.
    ///   - offset: where in the value to begin, from 0 on.
    /// - Returns: how many bytes were copied: fewer than the buffer takes at the value's end, and 0 behind it.
    /// - Throws: `damaged` with the page, `inputOutput`, `closed`; `busy` if the transaction has changed the table;
    ///   `invalidArgument` for a negative offset.
    /// - Complexity: O(bytes copied), and at most 256 KiB read besides.
    @discardableResult
    public func read(
        into buffer: inout MutableRawSpan, at offset: Int
    ) throws(StorageError) -> Int {
        guard offset >= 0 else {
            throw StorageError(.invalidArgument, "A place in a value can't be \(offset).")
        }
        let start = min(offset, count)
        let range = start..<start + min(buffer.byteCount, count - start)
        var copied = 0
        var failure: StorageError?
        unsafe buffer.withUnsafeMutableBytes { target in
            do throws(StorageError) {
                try found.visit(range) { part in
                    unsafe UnsafeMutableRawBufferPointer(rebasing: target[copied...])
                        .copyMemory(from: part.buffer)
                    copied += part.count
                }
            } catch { failure = error }
        }
        if let failure { throw failure }
        return copied
    }

    /// Returns a part of the value. What lies behind its end is left out.
    ///
    /// - Parameter range: which bytes, counted from 0.
    /// - Throws: `damaged` with the page, `inputOutput`, `closed`; `busy` if the transaction has changed the table.
    /// - Complexity: O(bytes returned), and at most 256 KiB read besides.
    public func bytes(in range: Range<Int>) throws(StorageError) -> [UInt8] {
        let range = range.clamped(to: 0..<count)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(range.count)
        try found.visit(range) { part in unsafe bytes.append(contentsOf: part.buffer) }
        return bytes
    }

    /// Calls `body` with the whole value, portion by portion, in order.
    ///
    /// - Parameter body: gets the bytes, at most 256 KiB, which can't leave it. What it throws ends the visit.
    /// - Throws: what `body` throws; as ``bytes(in:)``.
    public func forEachPortion(
        _ body: (RawSpan) throws(Database.Failure) -> Void
    ) throws(Database.Failure) {
        var offset = 0
        while offset < count {
            let portion = try bytes(in: offset..<offset + min(256 << 10, count - offset))
            try body(unsafe portion.span.bytes)
            offset += portion.count
        }
    }
}

extension TableReading where Self: ~Copyable {
    /// Returns the value of a key for reading in parts, or nil if there is none.
    ///
    /// A value of more than 256 KiB that was not read lately is read through once, to be checked, and takes no memory
    /// for that. Then any part of it is read by itself.
    ///
    /// - Parameter key: the key to look for.
    /// - Throws: `damaged` with the page, `inputOutput`, `closed`.
    /// - Complexity: O(log n + size of the value), constant memory.
    public func value(for key: Key) throws(StorageError) -> LongValue? {
        let found = try key.withKeyBytes { key throws(StorageError) in try source.find(key) }
        guard let found else { return nil }
        return LongValue(found)
    }
}

extension TableReading where Self: ~Copyable, Key == [UInt8], Value == [UInt8] {
    /// Returns the value of a key for reading in parts, or nil if there is none.
    ///
    /// - Parameter key: anything that has bytes.
    /// - Throws: `damaged` with the page, `inputOutput`, `closed`.
    /// - Complexity: O(log n + size of the value), constant memory.
    public func value(
        for key: borrowing some ByteSource & ~Copyable & ~Escapable
    ) throws(StorageError) -> LongValue? {
        let found = try key.withBytes { key throws(StorageError) in try source.find(key) }
        guard let found else { return nil }
        return LongValue(found)
    }
}

/// A value that was found, and where its bytes are.
private struct FoundValue {
    private enum Content {
        case leaf([UInt8])
        case run(RunReader)
    }

    let count: Int
    private let source: TableSource
    private let content: Content
    /// What the transaction was when the value was found; nil where it is a snapshot's.
    private let state: WriterStamp?

    init(
        _ place: ValuePlace, in store: FileStore, of source: TableSource, _ state: WriterStamp?
    ) throws(StorageError) {
        switch place {
        case .leaf(let bytes):
            count = bytes.count
            content = .leaf(bytes)
        case .run(let page, let byteCount):
            count = byteCount
            content = .run(try store.openRun(page, byteCount: byteCount))
        }
        self.source = source
        self.state = state
    }

    /// Lends the parts of a range in order; `sink` must neither call nor keep anything.
    func visit(_ range: Range<Int>, _ sink: (ByteView) -> Void) throws(StorageError) {
        switch content {
        case .leaf(let bytes):
            try source.reading(state) { _ in
                withByteView(of: bytes) {
                    sink($0.dropFirst(range.lowerBound).prefix(range.count))
                }
            }
        case .run(let run):
            var next = range.lowerBound
            while next < range.upperBound {
                next += try source.reading(state) { store throws(StorageError) in
                    let token = store.beginRead()
                    defer { store.endRead(token) }
                    let part = try store.portion(of: run, at: next)
                        .prefix(range.upperBound - next)
                    guard part.count > 0 else {
                        throw StorageError(.damaged, "A value ends too early.", page: run.page)
                    }
                    sink(part)
                    return part.count
                }
            }
        }
    }
}

extension TableSource {
    /// Finds a value for reading in parts.
    fileprivate func find(_ key: RawSpan) throws(StorageError) -> FoundValue? {
        switch origin {
        case .newest(let engine):
            return try TableSource(snapshot: try engine.snapshot(), table).find(key)
        case .snapshot(let snapshot, let root):
            return try withByteView(of: key) { key throws(StorageError) in
                snapshot.note { reads in reads.note(key, table: name) }
                let tree = Tree(store: snapshot.store, root: root)
                guard let place = try tree.place(of: key) else { return nil }
                return try FoundValue(place, in: snapshot.store, of: self, nil)
            }
        case .transaction(let engine, let number):
            let core = engine.core
            return try core.use(number) { () throws(StorageError) in
                try withByteView(of: key) { key throws(StorageError) in
                    guard let place = try core.runningTree(table).place(of: key) else {
                        return nil
                    }
                    return try FoundValue(place, in: core.store, of: self, core.stamp(of: table))
                }
            }
        }
    }

    /// Runs one read of a value that was found before.
    fileprivate func reading<Result>(
        _ state: WriterStamp?, _ body: (FileStore) throws(StorageError) -> Result
    ) throws(StorageError) -> Result {
        switch origin {
        case .newest(let engine): return try body(engine.core.store)
        case .snapshot(let snapshot, _): return try body(snapshot.store)
        case .transaction(let engine, let number):
            let core = engine.core
            return try core.use(number) { () throws(StorageError) in
                guard try core.stamp(of: table) == state else {
                    throw StorageError(
                        .busy,
                        "The table has changed since the value was found; look for it again.",
                        path: core.path)
                }
                return try body(core.store)
            }
        }
    }
}

/// What a table of the running transaction was at some time: where two are equal, nothing has changed in between.
private struct WriterStamp: Equatable {
    let session: UInt64
    let rollbackCount: UInt64
    let changeCount: UInt64?
}

extension Engine {
    fileprivate func stamp(of table: TableReference) throws(StorageError) -> WriterStamp {
        let place = try open(table)
        return WriterStamp(
            session: writer.session, rollbackCount: writer.rollbackCount,
            changeCount: place.map { writer.tables[$0].changeCount })
    }
}
