import Foundation
@_spi(Engine) import KVDB
import StorageIO

/// The verbs' only way to the database.
///
/// What a verb does with the whole database is a call that every program has. Entries are asked for in the engine: there a
/// table is no more than its name, whatever types of keys and values a program has given it, and the bytes of an entry
/// are lent for the printer as views, which costs fewer instructions than spans.
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
    let engine: FileEngine
    typealias Snapshot = EngineSnapshot<FileStore, FileLog>

    /// Opens the database at `path`.
    init(path: String, mode: Mode) throws(StorageError) {
        var options = Database.Options()
        options.access =
            switch mode {
            case .read: .readOnly
            case .write: .readWrite
            case .writeCreating: .create
            }
        // A command is one change or one read: no thread needs to be started for it.
        options.checkpointPolicy = .inline
        // A file that has more pages than most programs allow is read and written all the same.
        options.sizeLimit = max(options.sizeLimit, 2 * Int(Self.byteCount(path)))
        do throws(StorageError) {
            database = try Database(at: path, options: options)
            engine = database.engine
        } catch {
            throw Self.explained(error, path: path, mode: mode)
        }
    }

    /// The error of opening a database, with what to do about a file that is missing or another
    /// program's.
    static func explained(_ error: StorageError, path: String, mode: Mode) -> StorageError {
        var error = error
        switch error.code {
        case .fileNotFound where mode != .writeCreating:
            error.message =
                "There is no database; check the path, or create one with `kvtools put`."
            (error.path, error.systemCode) = (path, 0)
        case .fileNotFound:
            let folder = folder(of: path)
            guard !FileManager.default.fileExists(atPath: folder) else { break }
            error.message = "Can't create the database: there is no directory \(folder)."
            (error.path, error.systemCode) = (path, 0)
        case .outOfMemory:
            error.message += " Where the shell limits address space, raise the limit: ulimit -v."
        case .notADatabase:
            guard let kind = ForeignFile.kind(of: path) else { break }
            error.message = kind
        default: break
        }
        return error
    }

    /// The directory that a path lies in.
    private static func folder(of path: String) -> String {
        let folder = (path as NSString).deletingLastPathComponent
        return folder.isEmpty ? "." : folder
    }

    /// Bytes of the file that a path leads to, 0 when there is none.
    static func byteCount(_ path: String) -> UInt64 {
        var status = stat()
        return unsafe stat(path, &status) == 0 ? UInt64(max(0, status.st_size)) : 0
    }

    /// What to say about a key that is not there.
    static func missing(_ key: [UInt8], _ path: String, table: String) -> String {
        let escaped = withByteView(of: key) { ByteFormat.escaped.encode($0) }
        let name = String(decoding: escaped, as: UTF8.self)
        return "No key `\(name)` in " + (table.isEmpty ? "" : "table `\(table)` of ") + "\(path)."
    }

    func close() throws(StorageError) { try database.close() }

    /// Lets `fill` create a database under another name beside `path`, and gives it that name when
    /// all went well. If not, nothing is left; a process that is killed leaves files whose names begin
    /// like `path` and have `.partial` in them.
    ///
    /// - Parameter fill: gets the other name, and a function that throws when somebody else has created
    ///   the database meanwhile, to be called now and then.
    /// - Throws: `locked` when another process is filling such a database.
    static func create<Result>(
        _ path: String,
        _ fill: (_ draft: String, _ check: () throws(StorageError) -> Void) throws(StorageError) ->
            Result
    ) throws(StorageError) -> Result {
        let files = POSIXFileSystem()
        let names = try Database.files(of: path)
        guard !(try files.exists(names.log)) else {
            throw StorageError(
                .fileExists,
                "A log is here without its database. Bring the database back, or move the log away "
                    + "to create a new one.", path: names.log)
        }
        try refuseOthersDraft(of: path)
        let draft = try Database.files(of: OutputName.temporary(names.data, "partial"))
        TemporaryFile.register(draft.all)
        defer { TemporaryFile.unregister() }
        do throws(StorageError) {
            let result = try fill(draft.data) { () throws(StorageError) in
                if try files.exists(names.data) { throw wasCreatedMeanwhile(path) }
            }
            do throws(StorageError) {
                try files.rename(draft.data, to: names.data, replacing: false)
            } catch {
                throw error.code == .fileExists ? wasCreatedMeanwhile(path) : error
            }
            try files.syncDirectory(of: names.data)
            return result
        } catch {
            // The command failed already; that its remains can't be removed is not the news.
            for name in draft.all { try? files.remove(name) }
            throw OutputName.named(error, draft.data, as: path)
        }
    }

    private static func wasCreatedMeanwhile(_ path: String) -> StorageError {
        StorageError(
            .fileExists,
            "Another program created the database meanwhile; nothing was imported. Import again with "
                + "--merge or --replace.", path: path)
    }

    /// Looks for a draft of the same database that another process has open.
    private static func refuseOthersDraft(of path: String) throws(StorageError) {
        let start = (path as NSString).lastPathComponent + "."
        let folder = folder(of: path)
        // A directory that can't be read is the creation's problem.
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        for name in names where name.hasPrefix(start) && name.hasSuffix(".partial") {
            guard let process = pid_t(name.dropFirst(start.count).prefix { $0 != "-" }),
                process != getpid(), kill(process, 0) == 0 || errno == EPERM
            else { continue }
            do throws(StorageError) {
                try Database(at: "\(folder)/\(name)", options: .init(access: .readOnly)).close()
            } catch {
                // What else may be wrong with it is its process's affair.
                guard error.code == .locked else { continue }
                throw StorageError(
                    .locked,
                    "Process \(process) is creating this database; wait until it is done.",
                    path: path
                )
            }
        }
    }

    /// Lends the path of a database that doesn't exist yet and is removed in the end, whatever happens; a
    /// process that is killed leaves files whose names begin like `path` and have `.bench` in them.
    static func withTemporary<Result>(
        beside path: String, _ body: (_ temporary: String) throws(StorageError) -> Result
    ) throws(StorageError) -> Result {
        let files = POSIXFileSystem()
        let names = try Database.files(of: OutputName.temporary(path, "bench"))
        TemporaryFile.register(names.all)
        defer {
            for name in names.all { try? files.remove(name) }
            TemporaryFile.unregister()
        }
        do throws(StorageError) {
            return try body(names.data)
        } catch {
            throw OutputName.named(error, names.data, as: path)
        }
    }

    // MARK: Entries; the empty table name is the default table

    func get(_ key: [UInt8], table: String) throws(StorageError) -> [UInt8]? {
        let snapshot = try engine.snapshot()
        try require(table, in: snapshot)
        return try snapshot.get(key, table: table)
    }

    func put(_ key: [UInt8], _ value: [UInt8], table: String) throws(StorageError) {
        let transaction = try engine.begin()
        try transaction.put(key, value, table: table)
        try transaction.commit()
    }

    func delete(_ key: [UInt8], table: String) throws(StorageError) -> Bool {
        try requireTable(table)
        let transaction = try engine.begin()
        let isFound = try transaction.delete(key, table: table)
        try transaction.commit()
        return isFound
    }

    /// Throws `tableNotFound`, with the names that there are, when there is no such table.
    func requireTable(_ table: String) throws(StorageError) {
        try require(table, in: try engine.snapshot())
    }

    func require(_ table: String, in snapshot: Snapshot) throws(StorageError) {
        guard !table.isEmpty, try snapshot.count(table: table) == nil else { return }
        let names = try snapshot.tableNames()
        var message = "No table `\(table)`"
        switch names.count {
        case 0: message += "; the database has only the default table."
        case 1: message += "; there is `\(names[0])`."
        default:
            let shown = names.prefix(5).map { "`\($0)`" }
            let rest = names.count - shown.count
            message += "; there are "
            message +=
                rest > 0
                ? shown.joined(separator: ", ") + " and \(rest) more."
                : shown.dropLast().joined(separator: ", ") + " and \(shown.last ?? "")."
        }
        throw StorageError(.tableNotFound, message)
    }

    /// Calls `body` with each entry until it returns false.
    ///
    /// - Throws: `tableNotFound`, and what `body` throws.
    func forEach(
        in range: KeyRange, table: String, reverse: Bool,
        _ body: (ByteView, ByteView) throws(StorageError) -> Bool
    ) throws(StorageError) {
        try engine.snapshot().forEach(
            table: table, in: range, reverse: reverse, keepsValues: false, body)
    }

    /// Calls `body` with each key until it returns false. Reads no value that does not lie beside its
    /// key.
    ///
    /// - Throws: `tableNotFound`, and what `body` throws.
    func forEachKey(
        in range: KeyRange, table: String, reverse: Bool,
        _ body: (ByteView) throws(StorageError) -> Bool
    ) throws(StorageError) {
        var cursor = try engine.snapshot().makeCursor(table: table)
        var isThere: Bool
        switch (reverse, range.lowerBound, range.upperBound) {
        case (false, let from?, _): isThere = try cursor.seek(from)
        case (false, nil, _): isThere = try cursor.first()
        case (true, _, let to?): isThere = try cursor.seekBefore(to)
        case (true, _, nil): isThere = try cursor.last()
        }
        while isThere, let key = cursor.key {
            if reverse {
                if let from = range.lowerBound, key.lexicographicallyPrecedes(from) { return }
            } else if let to = range.upperBound, !key.lexicographicallyPrecedes(to) {
                return
            }
            let goesOn = try withByteView(of: key) { key throws(StorageError) in try body(key) }
            guard goesOn else { return }
            isThere = try reverse ? cursor.previous() : cursor.next()
        }
    }

    /// Whether the database has neither entries nor named tables.
    func isEmpty() throws(StorageError) -> Bool {
        let snapshot = try engine.snapshot()
        guard snapshot.count == 0 else { return false }
        return try snapshot.tableNames().isEmpty
    }

    /// How many entries all tables have.
    func entryCount() throws(StorageError) -> UInt64 {
        try Self.entryCount(try engine.snapshot())
    }

    private static func entryCount(_ snapshot: Snapshot) throws(StorageError) -> UInt64 {
        var total = snapshot.count
        for name in try snapshot.tableNames() {
            total = total.addingClamped(try snapshot.count(table: name) ?? 0)
        }
        return total
    }

    // MARK: Export and import

    /// Writes all tables of one version to `sink`; how many entries.
    func export(
        _ format: ExportFormat, progress: Progress, to sink: @escaping ExportWriter.Sink
    ) throws(StorageError) -> UInt64 {
        let count = try onlyStorageErrors {
            try database.export(format: format, progress: { progress.step($0) }, to: sink)
        }
        return UInt64(count)
    }

    /// What an import did.
    struct Imported {
        /// How many entries the input had.
        var read: UInt64
        /// How many more entries the database has; the others replaced one under the same key.
        var new: UInt64
    }

    /// Imports all entries of `input` or, after any error, none.
    ///
    /// - Parameter check: called now and then; what it throws ends the import.
    func importEntries(
        replacing: Bool, progress: Progress, _ input: any EntryInput,
        check: () throws(StorageError) -> Void
    ) throws(StorageError) -> Imported {
        let before = try replacing ? 0 : entryCount()
        var count: UInt64 = 0
        let report = try engine.importEntries(
            replacing: replacing, longValues: input.longValues
        ) { () throws(StorageError) in
            let event = try input.next()
            if case .entry = event {
                count += 1
                progress.step(count)
                if count & 0xFFFF == 0 { try check() }
            }
            return event
        }
        return Imported(read: report.entryCount, new: try entryCount() - before)
    }

    // MARK: The whole database

    func statistics() throws(StorageError) -> Report {
        let snapshot = try engine.snapshot()
        let names = try snapshot.tableNames()
        // Counted before the snapshot above would show up among the live ones.
        let figures = try engine.statistics()
        var report = Report()
        var tables: [(name: String, value: JSONValue)] = []
        var total = figures.entryCount
        for name in names {
            let count = try snapshot.count(table: name) ?? 0
            total = total.addingClamped(count)
            tables.append((name, .unsigned(count)))
        }
        report.add("entries", total)
        report.add("default_table_entries", figures.entryCount)
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
        report.add("trees", .array(try engine.composition().map(Self.describe)))
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
        try onlyStorageErrors { try database.verify { progress.step($0) } }
    }

    func compact(progress: Progress) throws(StorageError) -> Report {
        let done = try onlyStorageErrors { try database.compact { progress.step($0) } }
        var report = Report()
        report.add("repacked", .boolean(done.isRepacked))
        report.add("moved_pages", done.movedPages)
        return report
    }
}
