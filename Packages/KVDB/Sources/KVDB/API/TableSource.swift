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
        case snapshot(EngineSnapshot<FileStore, FileLog>, Tree)
        /// The transaction with this number, as long as it is open; without a number, the one that the call itself has
        /// begun.
        case transaction(FileEngine, UInt64?)
    }

    let origin: Origin
    /// The table's name in UTF-8; empty for the default table.
    let name: [UInt8]

    init(_ origin: Origin, name: [UInt8] = []) {
        self.origin = origin
        self.name = name
    }

    /// Whether it is a running transaction, whose pages change under the reader.
    var isTransaction: Bool {
        if case .transaction = origin { return true }
        return false
    }

    // MARK: Reading

    /// Runs one read of the table's tree. In a transaction the body must lend nothing and call nobody.
    func read<Result>(
        _ body: (Tree) throws(StorageError) -> Result
    ) throws(StorageError) -> Result {
        switch origin {
        case .snapshot(_, let tree):
            return try body(tree)
        case .newest(let engine):
            let core = engine.core
            let (slot, version) = try core.acquireVersion()
            defer { core.releaseVersion(slot) }
            return try body(try core.tree(named: name, in: version))
        case .transaction(let engine, let number):
            let core = engine.core
            return try core.use(number) { () throws(StorageError) in
                try body(try core.runningTree(named: name))
            }
        }
    }

    /// Returns the value of a key.
    func value<Value: StoredValue>(of key: RawSpan) throws(StorageError) -> Value? {
        try read { tree throws(StorageError) in
            try key.withByteView { key throws(StorageError) in
                try tree.withValue(key) { value throws(StorageError) in
                    try value.withBytes { bytes throws(StorageError) in
                        try Value(storedBytes: bytes)
                    }
                }
            }
        }
    }

    /// Lends the bytes of the value of a key; see ``TableReading/withValue(for:_:)``.
    func lend<Result>(
        _ key: RawSpan, to body: (RawSpan) throws(Database.Failure) -> Result
    ) throws(Database.Failure) -> Result? {
        if isTransaction {
            let copy: [UInt8]? = try value(of: key)
            guard let copy else { return nil }
            return try body(unsafe copy.span.bytes)
        }
        var outcome: Swift.Result<Result, Database.Failure>?
        try read { tree throws(StorageError) in
            try key.withByteView { key throws(StorageError) in
                try tree.store.lendValue(of: key, in: tree.root) { value in
                    outcome = value.withBytes { bytes in catching(bytes, body) }
                }
            }
        }
        return try outcome?.get()
    }

    func contains(_ key: RawSpan) throws(StorageError) -> Bool {
        try read { tree throws(StorageError) in
            try key.withByteView { key throws(StorageError) in try tree.contains(key) }
        }
    }

    func rank(of key: RawSpan) throws(StorageError) -> Int {
        try read { tree throws(StorageError) in
            try key.withByteView { key throws(StorageError) in
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
        try read { tree throws(StorageError) in
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
        guard let (key, value) = try read(find) else { return nil }
        return (
            try Key(keyBytes: unsafe key.span.bytes),
            try Value(storedBytes: unsafe value.span.bytes)
        )
    }

    /// Returns the first entry in a range.
    func first<Key: OrderedKey, Value: StoredValue>(
        in range: KeyRange
    ) throws(StorageError) -> (key: Key, value: Value)? {
        try entry { tree throws(StorageError) in
            var cursor = tree.makeCursor()
            guard try cursor.first(in: range) else { return nil }
            return try cursor.withEntry { key, value in (key.array, value.array) }
        }
    }

    /// Returns the last entry in a range.
    func last<Key: OrderedKey, Value: StoredValue>(
        in range: KeyRange
    ) throws(StorageError) -> (key: Key, value: Value)? {
        try entry { tree throws(StorageError) in
            var cursor = tree.makeCursor()
            guard try cursor.last(in: range) else { return nil }
            return try cursor.withEntry { key, value in (key.array, value.array) }
        }
    }

    /// Lends the entries in a range, until `body` returns false; not of a transaction.
    func scan(
        _ range: KeyRange, _ order: TableOrder,
        _ body: (RawSpan, RawSpan) throws(Database.Failure) -> Bool
    ) throws(Database.Failure) {
        var failure: Database.Failure?
        try read { tree throws(StorageError) in
            try tree.forEach(in: range, reverse: order == .descending) { key, value in
                do throws(Database.Failure) {
                    return try key.withBytes { key throws(Database.Failure) in
                        try value.withBytes { value throws(Database.Failure) in
                            try body(key, value)
                        }
                    }
                } catch {
                    failure = error
                    return false
                }
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
        try read { tree throws(StorageError) in
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

    /// What a cursor begins with: a source that stays at its version, and a place before the first entry.
    func cursorStart() throws(StorageError) -> (source: TableSource, cursor: TreeCursor<FileStore>)
    {
        if case .newest(let engine) = origin {
            return try TableSource(snapshot: try engine.snapshot(), name: name).cursorStart()
        }
        return (self, try read { tree in tree.makeCursor() })
    }

    /// Moves a cursor, after carrying it over to what the transaction has made of the table since.
    func move(
        _ cursor: inout TreeCursor<FileStore>,
        _ step: (inout TreeCursor<FileStore>) throws(StorageError) -> Bool
    ) throws(StorageError) -> Bool {
        guard case .transaction(let engine, let number) = origin else { return try step(&cursor) }
        let core = engine.core
        return try core.use(number) { () throws(StorageError) in
            try cursor.rebase(on: try core.runningTree(named: name))
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
            try core.runningTree(named: name).get(cursor.key)
        }
    }
}

extension TableSource {
    /// A table in a snapshot. A table that is not there is an empty one.
    init(
        snapshot: EngineSnapshot<FileStore, FileLog>, name: [UInt8] = []
    ) throws(StorageError) {
        let tree = try snapshot.core.tree(named: name, in: snapshot.version)
        self.init(.snapshot(snapshot, tree), name: name)
    }
}

extension TreeCursor {
    /// Goes to the first entry in a range. Returns whether there is one.
    mutating func first(in range: KeyRange) throws(StorageError) -> Bool {
        let isThere: Bool
        if let lower = range.lowerBound {
            isThere = try lower.withByteView { lower throws(StorageError) in try seek(lower) }
        } else {
            isThere = try first()
        }
        return isThere && range.contains(key)
    }

    /// Goes to the last entry in a range. Returns whether there is one.
    mutating func last(in range: KeyRange) throws(StorageError) -> Bool {
        let isThere: Bool
        if let upper = range.upperBound {
            isThere = try upper.withByteView { upper throws(StorageError) in try seekBefore(upper) }
        } else {
            isThere = try last()
        }
        return isThere && range.contains(key)
    }
}

/// Calls `body` and keeps what it throws, for calls that know no errors but their own.
func catching<Result>(
    _ bytes: RawSpan, _ body: (RawSpan) throws(Database.Failure) -> Result
) -> Swift.Result<Result, Database.Failure> {
    do throws(Database.Failure) {
        return .success(try body(bytes))
    } catch {
        return .failure(error)
    }
}
