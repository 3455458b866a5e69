import BTree
import PageStore
import StorageIO
import WAL

/// The page store of a ``Database``.
#if !hasFeature(Embedded)
    @_spi(Engine)
#endif
public typealias FileStore = FilePageStore<AnyFile>

/// The log of a ``Database``.
#if !hasFeature(Embedded)
    @_spi(Engine)
#endif
public typealias FileLog = WriteAheadLog<AnyFileSystem>

/// The engine of a ``Database``: the kind of file is erased below it, so that a read of a page in memory pays
/// nothing for it.
#if !hasFeature(Embedded)
    @_spi(Engine)
#endif
public typealias FileEngine = DatabaseEngine<FileStore, FileLog>

/// An ordered key-value database, in a file or in memory.
///
/// ```swift
/// let database = try Database(at: "my.kvdb")
/// try database.put("value", for: "key")
/// let value = try database.get("key")          // [UInt8]?
/// try database.delete("key")
/// try database.close()
/// ```
///
/// Keys and values are bytes; what has bytes, such as a string, can be given as it is. Keys are kept in the
/// order of their bytes. ``Table`` gives keys and values types of their own. A database has one default table, which the
/// calls on the database itself are about, and any number of named ones.
///
/// A handle may be used from any number of threads and tasks. Reads of pages in memory take no lock, and no read
/// waits for a writer. Write transactions run one at a time, and commits that wait for the medium
/// share its syncs. Beside the data file stands its log, with `-wal` behind the name, while the database is open.
public final class Database: Sendable {
    /// What it is built on, for tools that need more: tables by name whatever their types, entries as views.
    #if !hasFeature(Embedded)
        @_spi(Engine)
    #endif
    public let engine: FileEngine
    /// Where exports go to and imports come from: where its own files are, or the system's when it has none.
    let files: AnyFileSystem
    /// Whether it is gone with its handle.
    let isInMemory: Bool
    /// What the files were when they were given back; nil while the handle has them.
    let suspended = Guarded<FileEvidence?>(nil)

    private init(_ engine: FileEngine, files: AnyFileSystem, isInMemory: Bool) {
        self.engine = engine
        self.files = files
        self.isInMemory = isInMemory
    }

    /// Opens the database in a file, or creates it.
    ///
    /// A symbolic link is followed once, and the log stands beside the file that it leads to. A relative path is
    /// looked up once, so the process may change its directory afterwards. A log that a crash left is
    /// replayed: O(its length). A new log comes into being with the first commit, so opening to read costs none.
    ///
    /// - Parameters:
    ///   - path: the data file.
    ///   - options: whether it must be there, what commits wait for, how much memory it may take.
    /// - Throws: `fileNotFound`, `fileExists`, `permissionDenied`, `locked`, `emptyFile`, `notADatabase`,
    ///   `unsupportedFormat`, `truncated`, `damaged`, `inputOutput`, `diskFull`, `ambiguousName` for a file with
    ///   several names, `invalidArgument` for options that make no sense.
    public convenience init(
        at path: String, options: Options = Options()
    ) throws(StorageError) {
        try self.init(at: path, files: POSIXFileSystem(), options: options)
    }

    /// Opens a database on a file system of your own, such as one that a test lets fail.
    ///
    /// - Parameters:
    ///   - path: the name of the data file there.
    ///   - files: where it is, and its log.
    ///   - options: as for the system's files.
    /// - Throws: as for the system's files.
    public convenience init(
        at path: String, files: some FileSystem, options: Options = Options()
    ) throws(StorageError) {
        let files = AnyFileSystem(files)
        let engine = try FileEngine.open(path, files: files, options: options)
        self.init(engine, files: files, isInMemory: false)
    }

    /// Makes an empty database in memory, which is gone with its handle.
    ///
    /// It has no log and no file: nothing is written, and each commit is done as soon as it can be seen. All of it
    /// stays in memory, whatever the cache's budget is.
    ///
    /// - Parameter options: of them the size limit and the times count.
    /// - Throws: `outOfMemory`, `invalidArgument` for options that make no sense.
    public convenience init(inMemory options: Options = Options()) throws(StorageError) {
        try options.check()
        let engine = try FileEngine.open(
            "memory", files: AnyFileSystem(InMemoryFileSystem()), options: options.inMemory)
        self.init(engine, files: AnyFileSystem(POSIXFileSystem()), isInMemory: true)
    }

    /// Where its data file is: an absolute path without links, which errors name too. Empty when it has no file.
    public var path: String { isInMemory ? "" : engine.path }

    /// The first failed write or sync, after which the handle only reads; nil as long as all is well. Open the
    /// database anew to go on from what the medium has.
    public var failure: StorageError? { engine.poison }

    /// Takes the newest version, to read from for as long as it lives. O(1), and nobody waits for it.
    ///
    /// - Throws: `closed`.
    public func snapshot() throws(StorageError) -> Snapshot {
        Snapshot(engine: try engine.snapshot())
    }

    // MARK: Care

    /// Makes every commit so far durable, whatever level it asked for.
    ///
    /// - Throws: `closed`, `poisoned`, `inputOutput`.
    public func sync() throws(StorageError) {
        if isInMemory { return try engine.core.lifecycle.requireOpen() }
        try engine.sync()
    }

    /// Writes the newest version to the data file, so that the log before it is not needed any more, and gives
    /// free pages at the file's end back. Readers and writers go on meanwhile.
    ///
    /// - Throws: `diskFull` with nothing lost; `timedOut`, `poisoned`, `readOnly`, `closed`.
    public func checkpoint() throws(StorageError) {
        if isInMemory { return try engine.core.lifecycle.requireOpen() }
        try engine.checkpoint()
    }

    /// Writes everything to the data file, removes the log and gives the file's lock back. Every use of the
    /// handle throws `closed` from then on, and so does every read of a snapshot, a cursor or a stream that comes to
    /// another page: what they have found already they still give. Calls after the first do nothing.
    ///
    /// - Throws: `busy` if a write transaction runs on for more than five seconds or is this thread's own:
    ///   nothing has happened then, and the handle is open as before. After any other error the handle is
    ///   closed: the last checkpoint failed, and the next open recovers from the log; or the log could not be
    ///   removed durably, and everything is in the data file.
    public func close() throws(StorageError) { try engine.close() }
}

extension Database {
    #if hasFeature(Embedded)
        /// What a closure may throw: Embedded Swift knows no `any Error`.
        public typealias Failure = StorageError
    #else
        /// What a closure may throw: anything.
        public typealias Failure = any Error
    #endif

    /// Runs `body` in a write transaction, which commits if it returns and aborts if it throws.
    ///
    /// ```swift
    /// try database.write { transaction in
    ///     try transaction.put("1", for: "a")
    ///     try transaction.delete("b")
    /// }
    /// ```
    ///
    /// One transaction runs at a time: the call waits for those before it. The transaction is only lent, so `body` can't
    /// end it, keep it, or put another in its place.
    ///
    /// - Parameters:
    ///   - durability: what the commit waits for; nil for the database's own level.
    ///   - timeout: how long to wait for the transactions before it; nil for ``Options/writerTimeout``.
    ///   - file: where this is called, for the error that others get who waited in vain.
    ///   - line: the line there.
    ///   - body: what to do.
    /// - Returns: what `body` returns, after the commit.
    /// - Throws: what `body` throws; `timedOut`, which names the transaction in the way; `busy` inside another
    ///   transaction of this thread, which would wait for itself; and what
    ///   ``Transaction/commit(durability:)`` throws.
    @available(*, noasync, message: "In a task, use the call with await.")
    public func write<Result>(
        durability: Durability? = nil, timeout: Duration? = nil,
        file: StaticString = #fileID, line: UInt = #line,
        _ body: (borrowing Transaction) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let transaction = Transaction(
            engine: try engine.begin(.closure(file, line), timeout: timeout), of: engine)
        let result = try body(transaction)
        try transaction.commit(durability: durability)
        return result
    }

    #if !hasFeature(Embedded)
        /// Runs `body` in a write transaction; see ``write(durability:timeout:file:line:_:)``. For functions that throw
        /// the database's errors only.
        @available(*, noasync, message: "In a task, use the call with await.")
        public func write<Result>(
            durability: Durability? = nil, timeout: Duration? = nil,
            file: StaticString = #fileID, line: UInt = #line,
            _ body: (borrowing Transaction) throws(StorageError) -> Result
        ) throws(StorageError) -> Result {
            let transaction = Transaction(
                engine: try engine.begin(.closure(file, line), timeout: timeout), of: engine)
            let result = try body(transaction)
            try transaction.commit(durability: durability)
            return result
        }

        /// Runs `body` on one version of the database; see ``read(_:)``. For functions that throw the database's
        /// errors only.
        public func read<Result>(
            _ body: (Snapshot) throws(StorageError) -> Result
        ) throws(StorageError) -> Result {
            try body(try snapshot())
        }
    #endif

    /// Runs `body` on one version of the database.
    ///
    /// - Parameter body: gets the newest version, and may keep it.
    /// - Returns: what `body` returns.
    /// - Throws: what `body` throws; `closed`.
    public func read<Result>(
        _ body: (Snapshot) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(try snapshot())
    }

    /// Begins a write transaction, waiting for those before it.
    ///
    /// It belongs to no thread: whoever has it may use it, one at a time. Everybody else waits until it ends, so keep
    /// it short. `write(durability:timeout:file:line:_:)` can't forget to end it.
    ///
    /// - Parameters:
    ///   - timeout: how long to wait at most; nil for ``Options/writerTimeout``.
    ///   - file: where this is called, for the error that others get who waited in vain.
    ///   - line: the line there.
    /// - Throws: `timedOut`, which names the transaction in the way; `busy` inside the closure of such a
    ///   transaction, which would wait for itself; `readOnly`, `closed`, `poisoned`.
    @available(*, noasync, message: "A transaction must not live across an await; use write.")
    public func begin(
        timeout: Duration? = nil, file: StaticString = #fileID, line: UInt = #line
    ) throws(StorageError) -> Transaction {
        Transaction(
            engine: try engine.begin(.transaction(file, line), timeout: timeout), of: engine)
    }
}
