import BTree
import PageStore
import StorageIO
import WAL

/// Where the calls on a table go to: the newest version, a snapshot, or a running transaction. Nothing can be done
/// with it from outside; it is what ``TableReading`` and ``TableChanging`` stand on.
public struct TableSource: Sendable {
    typealias Tree = BPlusTree<FileStore>
    typealias Core = Engine<FileStore, FileLog>

    enum Origin: Sendable {
        /// What is newest when a call comes.
        case newest(FileEngine)
        /// A version that stays, and the table's tree in it.
        case snapshot(EngineSnapshot<FileStore, FileLog>, TreeRoot)
        /// The transaction with this number, as long as it is open; without a number, the one that the call itself has
        /// begun.
        case transaction(FileEngine, UInt64?)
    }

    let origin: Origin
    /// Which table, and what it is taken to hold.
    let table: TableReference

    init(_ origin: Origin, _ table: TableReference = TableReference(.main)) {
        self.origin = origin
        self.table = table
    }

    /// The table's name in UTF-8; empty for the default table.
    var name: [UInt8] {
        switch origin {
        case .newest(let engine), .transaction(let engine, _): engine.core.name(of: table)
        case .snapshot(let snapshot, _): snapshot.core.name(of: table)
        }
    }

    /// Whether it is a running transaction, whose pages change under the reader.
    @usableFromInline var isTransaction: Bool {
        if case .transaction = origin { return true }
        return false
    }

    // MARK: Reading

    /// Runs one read of the table's tree. In a transaction the body must lend nothing and call nobody.
    ///
    /// - Parameters:
    ///   - note: notes what is read, where that is asked for: everything, if nothing else is said.
    ///   - body: reads.
    func read<Result>(
        noting note: (ReadKeys, [UInt8]) -> Void = { reads, name in reads.note(.all, table: name) },
        _ body: (Tree) throws(StorageError) -> Result
    ) throws(StorageError) -> Result {
        switch origin {
        case .snapshot(let snapshot, let root):
            snapshot.note { note($0, name) }
            return try body(Tree(store: snapshot.store, root: root))
        case .newest(let engine):
            let core = engine.core
            let (slot, version) = try core.acquireVersion()
            defer { core.releaseVersion(slot) }
            return try body(
                Tree(store: core.store, root: try core.root(of: table, in: version) ?? .empty))
        case .transaction(let engine, let number):
            let core = engine.core
            return try core.use(number) { () throws(StorageError) in
                try body(try core.runningTree(table))
            }
        }
    }

    /// Lends the bytes of a key's value, if it is there: where they lie, or, in a transaction, a copy, which `body` may
    /// change the table beside of.
    @usableFromInline
    func lendBytes(of key: ByteView, to body: (ByteView) -> Void) throws(StorageError) {
        switch origin {
        case .snapshot(let snapshot, let root):
            snapshot.note { reads in reads.note(key, table: name) }
            try snapshot.store.lendValue(of: key, in: root) { value in body(value) }
        case .newest(let engine):
            let core = engine.core
            let (slot, version) = try core.acquireVersion()
            defer { core.releaseVersion(slot) }
            guard let root = try core.root(of: table, in: version) else { return }
            try core.store.lendValue(of: key, in: root) { value in body(value) }
        case .transaction(let engine, let number):
            let core = engine.core
            let copy = try core.use(number) { () throws(StorageError) in
                try core.runningTree(table).get(key)
            }
            if let copy { withByteView(of: copy) { body($0) } }
        }
    }

    /// Returns the value of a key.
    @inlinable
    func value<Value: StoredValue>(of key: RawSpan) throws(StorageError) -> Value? {
        var outcome: Value?
        var failure: StorageError?
        try withByteView(of: key) { key throws(StorageError) in
            try lendBytes(of: key) { value in
                do throws(StorageError) {
                    outcome = try value.withBytes { bytes throws(StorageError) in
                        try Value(storedBytes: bytes)
                    }
                } catch { failure = error }
            }
        }
        if let failure { throw failure }
        return outcome
    }

    /// Lends the bytes of the value of a key; see ``TableReading/withValue(for:_:)``.
    @inlinable
    func lend<Result>(
        _ key: RawSpan, to body: (RawSpan) throws(Database.Failure) -> Result
    ) throws(Database.Failure) -> Result? {
        var outcome: Result?
        var failure: Database.Failure?
        try withByteView(of: key) { key throws(StorageError) in
            try lendBytes(of: key) { value in
                do throws(Database.Failure) {
                    outcome = try value.withBytes(body)
                } catch { failure = error }
            }
        }
        if let failure { throw failure }
        return outcome
    }

    @usableFromInline
    func contains(_ key: RawSpan) throws(StorageError) -> Bool {
        try read(noting: { reads, name in withByteView(of: key) { reads.note($0, table: name) } }) {
            tree throws(StorageError) in
            try withByteView(of: key) { key throws(StorageError) in try tree.contains(key) }
        }
    }

    func rank(of key: RawSpan) throws(StorageError) -> Int {
        try read(noting: { reads, name in
            reads.note(KeyRange(upTo: withByteView(of: key) { $0.array }), table: name)
        }) { tree throws(StorageError) in
            try withByteView(of: key) { key throws(StorageError) in
                Int(clamping: try tree.rank(key))
            }
        }
    }

    /// Appends the values of a batch of keys.
    func append<Value: StoredValue>(
        _ batch: borrowing KeyBatch, to values: inout [Value?]
    ) throws(StorageError) {
        let start = values.count
        for _ in 0..<batch.count { values.append(nil) }
        try read(noting: { reads, name in
            for index in 0..<batch.count { reads.note(batch.key(index), table: name) }
        }) { tree throws(StorageError) in
            try tree.withValues(of: batch) { index, value throws(StorageError) in
                guard let value else { return }
                values[start + index] = try value.withBytes { bytes throws(StorageError) in
                    try Value(storedBytes: bytes)
                }
            }
        }
    }

    /// Returns the entry that `find` comes to, by its types.
    func entry<Key: OrderedKey, Value: StoredValue>(
        _ find: (Tree) throws(StorageError) -> (key: [UInt8], value: [UInt8])?
    ) throws(StorageError) -> (key: Key, value: Value)? {
        try decoded(try read(find))
    }

    private func decoded<Key: OrderedKey, Value: StoredValue>(
        _ entry: (key: [UInt8], value: [UInt8])?
    ) throws(StorageError) -> (key: Key, value: Value)? {
        guard let (key, value) = entry else { return nil }
        return (
            try Key(keyBytes: unsafe key.span.bytes),
            try Value(storedBytes: unsafe value.span.bytes)
        )
    }

    /// Returns the first entry in a range.
    func first<Key: OrderedKey, Value: StoredValue>(
        in range: KeyRange
    ) throws(StorageError) -> (key: Key, value: Value)? {
        let entry = try read(noting: { _, _ in }) { tree throws(StorageError) in
            var cursor = tree.makeCursor()
            guard try cursor.first(in: range) else { return nil as (key: [UInt8], value: [UInt8])? }
            return try cursor.withEntry { key, value in (key.array, value.array) }
        }
        note(range, .ascending, through: entry?.key)
        return try decoded(entry)
    }

    /// Returns the last entry in a range.
    func last<Key: OrderedKey, Value: StoredValue>(
        in range: KeyRange
    ) throws(StorageError) -> (key: Key, value: Value)? {
        let entry = try read(noting: { _, _ in }) { tree throws(StorageError) in
            var cursor = tree.makeCursor()
            guard try cursor.last(in: range) else { return nil as (key: [UInt8], value: [UInt8])? }
            return try cursor.withEntry { key, value in (key.array, value.array) }
        }
        note(range, .descending, through: entry?.key)
        return try decoded(entry)
    }

    /// Lends the entries in a range, until `body` returns false; not of a transaction.
    @usableFromInline
    func scanBytes(
        _ range: KeyRange, _ order: TableOrder,
        _ body: (RawSpan, RawSpan) -> Bool
    ) throws(StorageError) {
        guard !isNoting else { return try scanNoting(range, order, body) }
        try read { tree throws(StorageError) in
            // As it is: a closure around it would cost each entry a jump.
            try tree.scan(in: range, reverse: order == .descending, body)
        }
    }

    /// Lends the entries in a range, until `body` returns false; not of a transaction.
    @inlinable
    func scan(
        _ range: KeyRange, _ order: TableOrder,
        _ body: (RawSpan, RawSpan) throws(Database.Failure) -> Bool
    ) throws(Database.Failure) {
        var failure: Database.Failure?
        try scanBytes(range, order) { key, value in
            do throws(Database.Failure) {
                return try body(key, value)
            } catch {
                failure = error
                return false
            }
        }
        if let failure { throw failure }
    }

    /// Lends the keys in a range, until `body` returns false; not of a transaction.
    func scanKeys(
        _ range: KeyRange, _ order: TableOrder,
        _ body: (RawSpan) throws(Database.Failure) -> Bool
    ) throws(Database.Failure) {
        guard !range.isEmpty else { return }
        var failure: Database.Failure?
        try read(noting: { reads, name in reads.note(range, table: name) }) {
            tree throws(StorageError) in
            try range.withBounds { from, to throws(StorageError) in
                try tree.forEachKey(from: from, to: to, reverse: order == .descending) { key in
                    do throws(Database.Failure) {
                        return try key.withBytes(body)
                    } catch {
                        failure = error
                        return false
                    }
                }
            }
        }
        if let failure { throw failure }
    }

    // MARK: Cursors

    /// What a cursor begins with: a source that stays at its version, and a place before the first entry. What it
    /// reads is for the caller to note.
    func cursorStart() throws(StorageError) -> (source: TableSource, cursor: TreeCursor<FileStore>)
    {
        if case .newest(let engine) = origin {
            return try TableSource(snapshot: try engine.snapshot(), table).cursorStart()
        }
        return (self, try read(noting: { _, _ in }) { tree in tree.makeCursor() })
    }

    /// Moves a cursor, after carrying it over to what the transaction has made of the table since.
    func move(
        _ cursor: inout TreeCursor<FileStore>,
        _ step: (inout TreeCursor<FileStore>) throws(StorageError) -> Bool
    ) throws(StorageError) -> Bool {
        guard case .transaction(let engine, let number) = origin else { return try step(&cursor) }
        let core = engine.core
        return try core.use(number) { () throws(StorageError) in
            try cursor.rebase(on: try core.runningTree(table))
            return try step(&cursor)
        }
    }

    /// Copies the value under a cursor. In a transaction whose table has changed: what its key has now, if it is there.
    func valueBytes(
        under cursor: borrowing TreeCursor<FileStore>
    ) throws(StorageError) -> [UInt8]? {
        guard cursor.isValid else { return nil }
        guard case .transaction(let engine, let number) = origin else {
            return try cursor.withValue { value in value.array }
        }
        let core = engine.core
        return try core.use(number) { () throws(StorageError) in
            try core.runningTree(table).get(cursor.key)
        }
    }
}

extension TableSource {
    /// A table in a snapshot. A table that is not there is an empty one.
    init(
        snapshot: EngineSnapshot<FileStore, FileLog>, _ table: TableReference
    ) throws(StorageError) {
        let root = try snapshot.core.root(of: table, in: snapshot.version)
        self.init(.snapshot(snapshot, root ?? .empty), table)
    }
}

extension TreeCursor {
    /// Goes to the first entry in a range. Returns whether there is one.
    mutating func first(in range: KeyRange) throws(StorageError) -> Bool {
        let isThere: Bool
        if let lower = range.lowerBound {
            isThere = try withByteView(of: lower) { lower throws(StorageError) in try seek(lower) }
        } else {
            isThere = try first()
        }
        return isThere && range.contains(key)
    }

    /// Goes to the last entry in a range. Returns whether there is one.
    mutating func last(in range: KeyRange) throws(StorageError) -> Bool {
        let isThere: Bool
        if let upper = range.upperBound {
            isThere = try withByteView(of: upper) { upper throws(StorageError) in
                try seekBefore(upper)
            }
        } else {
            isThere = try last()
        }
        return isThere && range.contains(key)
    }
}
