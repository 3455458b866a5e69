import CLMDB
import KVDB

/// Brings the entries of an LMDB environment's main database over, all or none, into a table of bytes. Both sort by the
/// bytes of the keys, so they go straight into full pages. Returns how many there were.
func loadEntries(
    fromLMDB path: String, into table: Table<[UInt8], [UInt8]>, of database: Database
) throws -> Int {
    func check(_ code: Int32) throws {
        if code != 0 { throw SourceError(message: String(cString: mdb_strerror(code))) }
    }
    var environment, transaction, cursor: OpaquePointer?
    var main: MDB_dbi = 0
    try check(mdb_env_create(&environment))
    defer { mdb_env_close(environment) }
    try check(mdb_env_open(environment, path, UInt32(MDB_RDONLY), 0o644))
    try check(mdb_txn_begin(environment, nil, UInt32(MDB_RDONLY), &transaction))
    defer { mdb_txn_abort(transaction) }
    try check(mdb_dbi_open(transaction, nil, 0, &main))
    try check(mdb_cursor_open(transaction, main, &cursor))
    defer { mdb_cursor_close(cursor) }

    let report = try database[table].load {
        var (key, value) = (MDB_val(), MDB_val())
        let code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)
        if code == MDB_NOTFOUND { return nil }
        try check(code)
        return ([UInt8](key), [UInt8](value))
    }
    return Int(report.entryCount)
}

extension [UInt8] {
    /// Copies what LMDB lends.
    init(_ value: MDB_val) {
        self.init(UnsafeRawBufferPointer(start: value.mv_data, count: value.mv_size))
    }
}
