import BTree
import PageStore
import StorageIO
import WAL

/// What an import did.
public struct ImportReport: Sendable, Equatable {
    /// Entries read, over all tables.
    public var entryCount: UInt64 = 0
    /// How many of them came in ascending order and were packed straight into full pages.
    public var bulkLoadedCount: UInt64 = 0
}

/// Feeds imported entries into one table of the running transaction: straight into full pages as
/// long as the table was empty and keys ascend, one by one from the first that doesn't.
///
/// A class, used by the writing thread alone: to pass on a generic struct, code that is not
/// specialised would look up its type for each entry.
private final class ImportTarget<Store: CheckpointedStorage> {
    private let store: Store
    private var tree: BPlusTree<Store>
    private let loader: BulkLoader<Store>?
    /// Whether the loader takes the entries; once it has finished, the tree does.
    private var isLoading: Bool

    init(_ tree: BPlusTree<Store>) throws(StorageError) {
        store = tree.store
        self.tree = tree
        isLoading = tree.root.page == 0
        loader = tree.root.page == 0 ? BulkLoader(store: tree.store) : nil
    }

    /// Adds an entry; whether it took the bulk path.
    func add(_ key: ByteView, _ value: ByteView) throws(StorageError) -> Bool {
        if isLoading, let loader {
            do throws(StorageError) {
                try loader.append(key, value)
                return true
            } catch {
                guard error.code == .notSorted else { throw error }
                try finishLoading(loader)
            }
        }
        _ = try tree.put(key, value)
        return false
    }

    /// Adds an entry whose value is in an overflow run of the transaction. Returns whether it took the bulk path.
    func add(
        _ key: ByteView, run: PageNumber, byteCount: Int
    ) throws(StorageError) -> Bool {
        if isLoading, let loader {
            do throws(StorageError) {
                try loader.append(key, run: run, byteCount: byteCount)
                return true
            } catch {
                guard error.code == .notSorted else { throw error }
                try finishLoading(loader)
            }
        }
        _ = try tree.put(key, run: run, byteCount: byteCount)
        return false
    }

    /// The table with everything in it.
    func finish() throws(StorageError) -> BPlusTree<Store> {
        if isLoading, let loader { try finishLoading(loader) }
        return tree
    }

    private func finishLoading(_ loader: BulkLoader<Store>) throws(StorageError) {
        tree = BPlusTree(store: store, root: try loader.finish())
        isLoading = false
    }
}

#if !hasFeature(Embedded)
    @_spi(Engine)
#endif
extension DatabaseEngine {
    /// Imports a stream of entries as one atomic change: all of it is there afterwards or, after any
    /// error, nothing. Memory stays within the budgets, whatever the size; ascending keys go
    /// straight into full pages. The change commits by a checkpoint, not through the log.
    ///
    /// - Parameters:
    ///   - replacing: whether everything that the database held before is dropped; otherwise the
    ///     entries are merged in, and replace those with the same key.
    ///   - progress: called now and then. What it throws undoes all.
    ///   - longValues: where the values are read whose entries come with the key alone; nil if there are none.
    ///   - next: the next event of the stream, `.end` last; see ``ExportReader/next()``.
    /// - Throws: what `next` and `progress` throw, and what a transaction can.
    @discardableResult
    public func importEntries(
        replacing: Bool, progress: (Database.Progress) throws(StorageError) -> Void = { _ in },
        longValues: LongValueInput? = nil,
        next: () throws(StorageError) -> ExportEvent
    ) throws(StorageError) -> ImportReport {
        try ProgressMeter.running(progress) { meter throws(StorageError) in
            try core.importing(replacing: replacing) { () throws(StorageError) in
                try meter.begin(.importing, .entries)
                return try core.importEvents(meter, longValues: longValues, next)
            }
        }
    }

    /// The same for entries of the default table that the caller lends one by one, without arrays
    /// around them: the fastest way to fill a database.
    ///
    /// - Parameters:
    ///   - replacing: as above.
    ///   - feed: gets a function and calls it with each entry. What it lends may be gone when that
    ///     returns. An error that it throws undoes all.
    /// - Throws: `keyTooLong`, `valueTooLong`, what `feed` throws, and what a transaction can.
    @discardableResult
    public func importEntries(
        replacing: Bool,
        feed: (
            _ add: (_ key: ByteView, _ value: ByteView) throws(StorageError) -> Void
        ) throws(StorageError) -> Void
    ) throws(StorageError) -> ImportReport {
        try core.importing(replacing: replacing) { () throws(StorageError) in
            var report = ImportReport()
            let target = try ImportTarget(core.writer.main)
            try feed { (key, value) throws(StorageError) in
                try core.add(key, value, to: target, &report)
            }
            core.writer.main = try target.finish()
            return report
        }
    }
}

#if !hasFeature(Embedded)
    @_spi(Engine)
#endif
extension DatabaseEngine {
    /// Loads the entries that `feed` gives into one table as one atomic change; see
    /// ``importEntries(replacing:progress:next:)``.
    ///
    /// - Parameters:
    ///   - table: the table. It comes into being if it isn't there.
    ///   - entryCount: how many there will be, for the progress; nil if that is not known.
    ///   - progress: called now and then. What it throws undoes all.
    ///   - feed: gets a function and calls it with each entry.
    func load(
        into table: TableReference, entryCount: Int?,
        progress: (Database.Progress) throws(StorageError) -> Void,
        feed: (
            _ add: (_ key: RawSpan, _ value: RawSpan) throws(StorageError) -> Void
        ) throws(StorageError) -> Void
    ) throws(StorageError) -> ImportReport {
        try ProgressMeter.running(progress) { meter throws(StorageError) in
            try core.importing(replacing: false) { () throws(StorageError) in
                try meter.begin(.importing, .entries, total: entryCount)
                return try core.load(into: table, meter, feed)
            }
        }
    }

    /// Imports what `reader` reads; see ``importEntries(replacing:progress:next:)``.
    ///
    /// - Parameters:
    ///   - replacing: whether everything that the database held before is dropped.
    ///   - reader: reads the export.
    ///   - byteCount: the export's length, for the progress; nil if it is not known.
    ///   - progress: called now and then with the bytes read so far. What it throws undoes all.
    @discardableResult
    public func importEntries(
        replacing: Bool, from reader: ExportReader, byteCount: Int? = nil,
        progress: (Database.Progress) throws(StorageError) -> Void = { _ in }
    ) throws(StorageError) -> ImportReport {
        // Whoever goes on with the reader after an error gets whole values again.
        defer { reader.longestWholeValue = .max }
        return try ProgressMeter.running(progress) { meter throws(StorageError) in
            try core.importing(replacing: replacing) { () throws(StorageError) in
                try meter.begin(.importing, .bytes, total: byteCount)
                return try core.importEvents(
                    meter, position: { Int(clamping: reader.offset) },
                    longValues: LongValueInput(reader)
                ) { () throws(StorageError) in try reader.next() }
            }
        }
    }
}

extension Engine {
    /// Runs `body` as an import: in a transaction of its own, which commits by a checkpoint.
    fileprivate func importing(
        replacing: Bool, _ body: () throws(StorageError) -> ImportReport
    ) throws(StorageError) -> ImportReport {
        let token = try begin(.call, logged: false)
        let report: ImportReport
        do {
            writer.isChanged = true
            if replacing { try dropEverything() }
            report = try body()
        } catch {
            rollback(token)
            throw error
        }
        try commit(token, options.durability)
        return report
    }

    /// Adds one entry.
    fileprivate func add(
        _ key: ByteView, _ value: ByteView, to target: ImportTarget<Store>,
        _ report: inout ImportReport
    ) throws(StorageError) {
        try requireLegal(key: key)
        if try target.add(key, value) { report.bulkLoadedCount += 1 }
        report.entryCount += 1
        if dirtyByteCount / 2 > options.dirtyBudget { try store.writeOutDirty() }
    }

    /// Adds an entry whose value a reader has in portions.
    private func addLong(
        _ key: ByteView, count: Int, from input: LongValueInput, to target: ImportTarget<Store>,
        _ report: inout ImportReport
    ) throws(StorageError) {
        try requireLegal(key: key)
        let draft = try store.beginRun(byteCount: count)
        // What is thrown ends the import, and the transaction with its pages.
        var isMore = true
        while isMore {
            isMore = try input.read { portion throws(StorageError) in
                try store.write(portion, to: draft)
            }
        }
        let run = try store.finishRun(draft)
        if try target.add(key, run: run, byteCount: count) { report.bulkLoadedCount += 1 }
        report.entryCount += 1
        if dirtyByteCount / 2 > options.dirtyBudget { try store.writeOutDirty() }
    }

    fileprivate func load(
        into table: TableReference, _ meter: ProgressMeter,
        _ feed: (
            _ add: (_ key: RawSpan, _ value: RawSpan) throws(StorageError) -> Void
        ) throws(StorageError) -> Void
    ) throws(StorageError) -> ImportReport {
        var report = ImportReport()
        let id = try place(for: table)
        if let indexes = table.indexes {
            try requireSound(indexes)
            let isEmpty = try writer.open(id).map { writer.tables[$0].root.entryCount == 0 }
            guard isEmpty ?? true else { return try putAll(into: table, meter, feed) }
        }
        let target = try ImportTarget(openForImport(id, table.kind))
        try feed { key, value throws(StorageError) in
            try withByteView(of: key) { key throws(StorageError) in
                try withByteView(of: value) { value throws(StorageError) in
                    try add(key, value, to: target, &report)
                    try meter.advanceEntry(byteCount: key.count + value.count)
                }
            }
        }
        try store(target.finish(), at: id)
        for rule in table.indexes?.rules ?? [] { try fill(rule, of: id) }
        try meter.end()
        return report
    }

    /// Puts the entries one by one, each with its entries in the indexes.
    private func putAll(
        into table: TableReference, _ meter: ProgressMeter,
        _ feed: (
            _ add: (_ key: RawSpan, _ value: RawSpan) throws(StorageError) -> Void
        ) throws(StorageError) -> Void
    ) throws(StorageError) -> ImportReport {
        var report = ImportReport()
        try feed { key, value throws(StorageError) in
            try withByteView(of: key) { key throws(StorageError) in
                try withByteView(of: value) { value throws(StorageError) in
                    try put(key, value, to: table)
                    report.entryCount += 1
                    try meter.advanceEntry(byteCount: key.count + value.count)
                }
            }
        }
        try meter.end()
        return report
    }

    /// Empties the default table and drops the named ones, in the running transaction.
    fileprivate func dropEverything() throws(StorageError) {
        try writer.main.deleteAll()
        for (name, _) in try writer.catalog.namedTables(path: path) {
            // An index goes with its table; a forged catalog may have one by itself.
            guard try dropTable(tables.id(of: name)) || IndexName.isReserved(name) else {
                throw StorageError(
                    .damaged, "The catalog lists a table that it does not find.", path: path)
            }
        }
    }

    fileprivate func importEvents(
        _ meter: ProgressMeter, position: () -> Int? = { nil },
        longValues: LongValueInput? = nil,
        _ next: () throws(StorageError) -> ExportEvent
    ) throws(StorageError) -> ImportReport {
        var report = ImportReport()
        var table = TableID.main
        var target = try ImportTarget(writer.main)
        var event = try next()
        while true {
            switch event {
            case .table(let name):
                try store(target.finish(), at: table)
                table = try placeForImport(name)
                event = try next()
                var kind = TableKind.untyped
                if case .description(let description) = event {
                    kind = try kindForImport(description)
                    event = try next()
                }
                target = try ImportTarget(openForImport(table, kind))
                continue
            case .description:
                throw StorageError(
                    .invalidArgument, "The import describes a table that it is in already.",
                    path: path)
            case .entry(let key, let value):
                try withByteView(of: key) { key throws(StorageError) in
                    if let longValues, let count = longValues.count() {
                        try addLong(key, count: count, from: longValues, to: target, &report)
                        return try meter.advanceEntry(
                            byteCount: key.count + count, position: position())
                    }
                    try withByteView(of: value) { value throws(StorageError) in
                        try add(key, value, to: target, &report)
                        try meter.advanceEntry(
                            byteCount: key.count + value.count, position: position())
                    }
                }
            case .end:
                try store(target.finish(), at: table)
                try meter.end()
                return report
            }
            event = try next()
        }
    }

    private func placeForImport(_ name: [UInt8]) throws(StorageError) -> TableID {
        guard TableName.isLegal(name) else {
            throw StorageError(
                .invalidArgument, "A table's name in the import is not UTF-8.", path: path)
        }
        return try tables.id(of: name)
    }

    private func kindForImport(_ description: [UInt8]) throws(StorageError) -> TableKind {
        let read = try withByteView(of: description) { bytes throws(StorageError) in
            try TableDescription(bytes)
        }
        return tables.kind(of: read.encoded)
    }

    /// Opens a table, which is created if it isn't there, for entries of a kind.
    private func openForImport(
        _ table: TableID, _ kind: TableKind
    ) throws(StorageError) -> BPlusTree<Store> {
        try requireKind(table, kind)
        let place = try writer.create(table)
        if writer.tables[place].root.entryCount > 0, kind != .untyped {
            // What a row's old value has in an index would stay there.
            let indexes = try description(of: kind).indexes
            guard indexes.isEmpty, !IndexName.isReserved(tables.name(of: table)) else {
                throw wrongIndexes(
                    "Entries can't be merged into a table with indexes that has rows.")
            }
        }
        noteKind(place, kind)
        return writer.tree(at: place)
    }

    private func store(_ tree: BPlusTree<Store>, at table: TableID) throws(StorageError) {
        writer.setTree(tree, at: try writer.create(table))
    }
}
