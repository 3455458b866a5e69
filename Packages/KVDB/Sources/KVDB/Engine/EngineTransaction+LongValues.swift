import BTree
import PageStore
import StorageIO
import WAL

// Values portion by portion, for those who use the engine itself.
#if !hasFeature(Embedded)
    @_spi(Engine)
#endif
extension EngineTransaction {
    /// Puts a value that `body` writes portion by portion.
    ///
    /// - Parameters:
    ///   - key: the key.
    ///   - count: the value's length in bytes.
    ///   - table: the table, which is created when it is not there; empty for the default table.
    ///   - body: gets a function and calls it with the portions. What it throws leaves everything as it was.
    /// - Throws: `invalidArgument` for another number of bytes; see `Engine.beginValue`. Nothing has changed then.
    public func put<Key: ByteSource>(
        _ key: Key, count: Int, table: String = "",
        _ body: (
            _ write: (ByteView) throws(StorageError) -> Void
        ) throws(StorageError) -> Void
    ) throws(StorageError) {
        let reference = TableReference(try core.tables.id(of: Array(table.utf8)))
        try withByteView(of: key) { key throws(StorageError) in
            let draft = try core.beginValue(key, count: count, in: reference)
            do throws(StorageError) {
                try body { portion throws(StorageError) in try core.append(portion, to: draft) }
                try core.finish(draft, key, in: reference)
            } catch {
                core.abandon(draft)
                throw error
            }
        }
    }
}

#if !hasFeature(Embedded)
    @_spi(Engine)
#endif
extension EngineSnapshot {
    /// Lends the value of `key` in portions from a place on. Returns whether the key is there; a missing table is a
    /// `tableNotFound` error.
    public func readValue<Key: ByteSource>(
        of key: Key, from offset: Int = 0, table: String = "",
        _ body: (ByteView) throws(StorageError) -> Void
    ) throws(StorageError) -> Bool {
        try withByteView(of: key) { key throws(StorageError) in
            switch try requireTree(of: table).place(of: key) {
            case nil: return false
            case .leaf(let bytes):
                try withByteView(of: bytes) { bytes throws(StorageError) in
                    try body(bytes.dropFirst(offset))
                }
                return true
            case .run(let page, let byteCount):
                let run = try store.openRun(page, byteCount: byteCount)
                var next = offset
                while next < byteCount {
                    let token = store.beginRead()
                    defer { store.endRead(token) }
                    let portion = try store.portion(of: run, at: next)
                    try body(portion)
                    next += portion.count
                }
                return true
            }
        }
    }
}
