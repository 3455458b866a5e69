import KVDB
import StorageIO

/// The verbs' only way to the database.
final class DatabaseAccess {
    /// What a verb does with the database.
    enum Mode {
        /// Reads; the file must be there.
        case read
        /// Changes; the file must be there.
        case write
        /// Changes; the file is created when missing.
        case writeCreating
    }

    private let database: Database

    /// Opens the database at `path`.
    init(path: String, mode: Mode) throws(StorageError) {
        var options = DatabaseOptions()
        options.readOnly = mode == .read
        options.createIfMissing = mode == .writeCreating
        // A command is one change or one read: no thread needs to be started for it.
        options.checkpointPolicy = .inline
        do throws(StorageError) {
            database = try Database.open(path, options: options)
        } catch {
            throw Self.explained(error, path: path, mode: mode)
        }
    }

    /// The error of opening a database, with what to do about a missing one.
    static func explained(_ error: StorageError, path: String, mode: Mode) -> StorageError {
        guard error.code == .fileNotFound, mode != .writeCreating else { return error }
        return StorageError(
            .fileNotFound,
            "There is no database; check the path, or create one with `kvtools put`.",
            path: path, systemCode: error.systemCode)
    }

    func close() throws(StorageError) { try database.close() }

    /// Lets `fill` create a database under another name beside `path`, and gives it that name when
    /// all went well. If not, nothing is left; a process that is killed leaves files whose names begin
    /// like `path` and have `.partial` in them.
    static func create<Result>(
        _ path: String, _ fill: (_ draft: String) throws(StorageError) -> Result
    ) throws(StorageError) -> Result {
        let files = POSIXFileSystem()
        let log = Database.logPath(of: path)
        guard !(try files.exists(log)) else {
            throw StorageError(
                .fileExists,
                "A log is here without its database. Bring the database back, or move the log away "
                    + "to create a new one.", path: log)
        }
        let draft = "\(path).\(System.processNumber)-\(System.randomNumber() % 100_000).partial"
        let names = [draft, Database.logPath(of: draft), draft + "-new"]
        TemporaryFile.register(names)
        defer { TemporaryFile.unregister() }
        do throws(StorageError) {
            let result = try fill(draft)
            try files.rename(draft, to: path, replacing: false)
            try files.syncDirectory(of: path)
            return result
        } catch {
            // The command failed already; that its remains can't be removed is not the news.
            for name in names { try? files.remove(name) }
            throw error
        }
    }

    /// Lends the path of a database that doesn't exist yet and is removed in the end, whatever happens; a
    /// process that is killed leaves files whose names begin like `path` and have `.bench` in them.
    static func withTemporary<Result>(
        beside path: String, _ body: (_ temporary: String) throws(StorageError) -> Result
    ) throws(StorageError) -> Result {
        let files = POSIXFileSystem()
        let name = "\(path).\(System.processNumber)-\(System.randomNumber() % 100_000).bench"
        let names = [name, Database.logPath(of: name), name + "-new"]
        TemporaryFile.register(names)
        defer {
            for name in names { try? files.remove(name) }
            TemporaryFile.unregister()
        }
        return try body(name)
    }

    // MARK: Entries; the empty table name is the default table

    func get(_ key: [UInt8], table: String) throws(StorageError) -> [UInt8]? {
        try database.snapshot().get(key, table: table)
    }

    func put(_ key: [UInt8], _ value: [UInt8], table: String) throws(StorageError) {
        let transaction = try database.begin()
        try transaction.put(key, value, table: table)
        try transaction.commit()
    }

    func delete(_ key: [UInt8], table: String) throws(StorageError) -> Bool {
        let transaction = try database.begin()
        let isFound = try transaction.delete(key, table: table)
        try transaction.commit()
        return isFound
    }

    /// Calls `body` with each entry until it returns false.
    ///
    /// - Throws: `tableNotFound`, and what `body` throws.
    func forEach(
        in range: KeyRange, table: String, reverse: Bool,
        _ body: (ByteView, ByteView) throws(StorageError) -> Bool
    ) throws(StorageError) {
        try database.snapshot().forEach(table: table, in: range, reverse: reverse, body)
    }

    /// Whether the database has neither entries nor named tables.
    func isEmpty() throws(StorageError) -> Bool {
        let snapshot = try database.snapshot()
        guard snapshot.count == 0 else { return false }
        return try snapshot.tableNames().isEmpty
    }

    // MARK: Export and import

    /// Writes all tables of one version to `sink`; how many entries.
    func export(
        _ format: ExportFormat, progress: Progress, to sink: @escaping ExportWriter.Sink
    ) throws(StorageError) -> UInt64 {
        let snapshot = try database.snapshot()
        var total = snapshot.count
        for name in try snapshot.tableNames() { total += try snapshot.count(table: name) ?? 0 }
        return try snapshot.export(
            format: format, progress: { progress.step($0, of: total) }, to: sink)
    }

    /// Imports all entries of `input` or, after any error, none; how many.
    func importEntries(
        replacing: Bool, progress: Progress, _ input: any EntryInput
    ) throws(StorageError) -> UInt64 {
        var count: UInt64 = 0
        let report = try database.importEntries(replacing: replacing) { () throws(StorageError) in
            let event = try input.next()
            if case .entry = event {
                count += 1
                progress.step(count)
            }
            return event
        }
        return report.entryCount
    }

    // MARK: The whole database

    func statistics() throws(StorageError) -> Report {
        let snapshot = try database.snapshot()
        let names = try snapshot.tableNames()
        // Counted before the snapshot above would show up among the live ones.
        let figures = try database.statistics()
        var report = Report()
        var tables: [(name: String, value: JSONValue)] = []
        for name in names { tables.append((name, .unsigned(try snapshot.count(table: name) ?? 0))) }
        report.add("entries", figures.entryCount)
        report.add("tables", .object(tables))
        report.add("file_bytes", figures.fileByteCount)
        report.add("log_bytes", figures.logByteCount)
        report.add("log_to_replay_bytes", figures.unappliedLogByteCount)
        report.add("page_bytes", figures.pageSize)
        report.add("pages", figures.pageCount)
        report.add("free_pages", figures.freePages)
        report.add("free_list_pages", figures.freeListPages)
        report.add("pending_pages", figures.pendingPages)
        report.add("root_page", UInt64(figures.rootPage))
        report.add("height", figures.height)
        report.add("last_transaction", figures.lastTransaction)
        report.add("checkpoint_transaction", figures.checkpointTransaction)
        report.add("resident_bytes", figures.residentByteCount)
        report.add("dirty_bytes", figures.dirtyByteCount)
        return report
    }

    func inspect() throws(StorageError) -> Report {
        var report = try statistics()
        report.add("trees", .array(try database.composition().map(Self.describe)))
        return report
    }

    private static func describe(_ tree: TreeComposition) -> JSONValue {
        .object([
            ("table", .string(String(decoding: tree.table, as: UTF8.self))),
            ("entries", .unsigned(tree.entryCount)),
            ("root_page", .unsigned(UInt64(tree.rootPage))),
            ("height", .integer(Int64(tree.height))),
            ("leaf_pages", .integer(Int64(tree.leafPages))),
            ("inner_pages", .integer(Int64(tree.innerPages))),
            ("overflow_pages", .integer(Int64(tree.overflowPages))),
            ("leaf_fill", .number((tree.leafFill * 1000).rounded() / 1000)),
        ])
    }

    func verify(progress: Progress) throws(StorageError) -> VerificationReport {
        try database.verify { progress.step($0) }
    }

    func compact(progress: Progress) throws(StorageError) -> Report {
        let done = try database.compact { progress.step($0.done) }
        var report = Report()
        report.add("before_bytes", done.byteCountBefore)
        report.add("after_bytes", done.byteCountAfter)
        report.add("repacked", .boolean(done.isRepacked))
        report.add("moved_pages", done.movedPages)
        return report
    }
}
