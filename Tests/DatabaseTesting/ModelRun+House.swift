@_spi(Engine) import KVDB
import StorageIO
import StorageIOTesting

/// Checkpoints, compaction, closing, kills, imports and exports.
extension ModelRun {
    mutating func checkpoint() throws {
        step += 1
        try database.checkpoint()
        unsynced = nil
    }

    mutating func sync() throws {
        step += 1
        try database.sync()
        unsynced = nil
    }

    mutating func compact() throws {
        step += 1
        try database.compact()
        try model.check(database, "after a compaction")
        try checkHeld()
    }

    /// Free pages so scattered that the free list takes several pages; then all of them are used anew.
    mutating func scatter() throws {
        let table = "scattered"
        let count = 1200
        func write(_ changes: [Change]) throws {
            for change in changes { model.apply(change) }
            try database.write { for change in changes { _ = try $0.apply(change) } }
            step += changes.count
        }
        for start in stride(from: 0, to: count, by: 100) {
            // A page each.
            try write(
                (start..<start + 100).map {
                    .put(
                        numberKey($0), [UInt8](repeating: UInt8($0 & 255), count: 3000),
                        table: table)
                })
        }
        try checkpoint()
        try write(stride(from: 0, to: count, by: 2).map { .delete(numberKey($0), table: table) })
        try checkpoint()
        let pages = try database.statistics().freeListPages
        try check(pages > 1, "the free list of \(count / 2) runs has \(pages) pages")
        try reopen()
        try database.checkSound("with a long free list")
        try write(
            stride(from: 0, to: count, by: 2).map {
                .put(numberKey($0), [UInt8](repeating: 1, count: 2000), table: table)
            })
        try model.check(database, "with a long free list used up")
        try database.checkSound("with a long free list used up")
        try write([.dropTable(table)])
    }

    mutating func reopen() throws {
        step += 1
        if random.oneIn(2) { try checkHeld() }
        if random.oneIn(2) { try walkCursors() }
        letGo()
        try database.close()
        try open("after a reopen")
    }

    /// The process or the machine ends without a close. What must survive, survives: of the writes
    /// that were not synced any subset where every commit was at `full`, else all.
    mutating func kill() throws {
        step += 1
        letGo()
        if unsynced == .buffered || random.oneIn(2) { try sync() }
        let survivors =
            unsynced == nil
            ? files.survivors(variant: random.below(200), seed: random.next() >> 8)
            : files.survivors(.all)
        files.crash()
        handle = nil
        files = survivors
        if random.oneIn(3) { try openReadOnly() }
        try open("after a kill")
        if random.oneIn(2) { try database.checkSound("after a kill") }
    }

    private mutating func open(_ place: String) throws {
        handle = try .open(on: files, options)
        unsynced = nil
        try model.check(database, place)
    }

    /// A database left by a kill reads as it should before anyone has repaired it.
    private func openReadOnly() throws {
        var options = options
        options.access = .readOnly
        let database = try SimulatedDatabase.open(on: files, options)
        try model.check(database, "opened to read after a kill")
        try check(errorCode { try database.put([1], [1]) } == .readOnly, "a put into what is read")
        try database.close()
    }

    // MARK: Export and import

    /// Exports, changes one thing, and imports what was exported over it or instead of it.
    mutating func importAndExport() throws {
        step += 1
        let bytes = Gathered()
        try database.export { view throws(StorageError) in
            withByteView(of: view) { bytes.array += $0.array }
        }
        let exported = model
        let extra: [UInt8] = [255, 255, 255]
        try database.put(extra, [1])
        model.apply(.put(extra, [1]))
        let replacing = random.oneIn(2)
        if replacing {
            model = exported
        } else if let value = exported.main.get(extra) {
            model.apply(.put(extra, value))
        }
        var offset = 0
        let reader = ExportReader { buffer throws(StorageError) in
            let count = min(buffer.count, bytes.array.count - offset)
            buffer.replaceSubrange(0..<count, with: bytes.array[offset..<(offset + count)])
            offset += count
            return count
        }
        try database.importEntries(replacing: replacing) { () throws(StorageError) in
            try reader.next()
        }
        noteImport()
        try model.check(database, "after an import")
    }

    /// A start with packed leaves: many entries in order.
    mutating func importSorted() throws {
        var events: [ExportEvent] = [.table([])]
        var entries = SortedArrayModel()
        for index in 0..<random.below(keys.count + 1) {
            let key = keys.key(index)
            entries.put(key, keys.value(for: key, &random))
        }
        for (key, value) in entries.entries { events.append(.entry(key: key, value: value)) }
        events.append(.end(entryCount: UInt64(entries.count)))
        var index = 0
        let report = try database.importEntries(replacing: true) { () throws(StorageError) in
            index += 1
            return events[index - 1]
        }
        noteImport()
        try check(report.bulkLoadedCount == UInt64(entries.count), "sorted entries not bulk loaded")
        model = DatabaseModel()
        model.main = entries
        try model.check(database, "after a sorted import")
    }

    /// Entries out of order, some of them twice, merged into two tables; one import in three breaks
    /// off, and must leave no trace (R5).
    mutating func importUnsorted() throws {
        step += 1
        let replacing = random.oneIn(4)
        let breaks = random.oneIn(3)
        var events: [ExportEvent] = []
        var next = replacing ? DatabaseModel() : model
        var count: UInt64 = 0
        for table in ["", keys.table(&random)] {
            events.append(.table(Array(table.utf8)))
            if !table.isEmpty { next.apply(.createTable(table)) }
            for _ in 0..<random.below(150) {
                let key = keys.key(&random)
                let value = keys.value(for: key, &random)
                next.apply(.put(key, value, table: table))
                events.append(.entry(key: key, value: value))
                count += 1
            }
        }
        events.append(.end(entryCount: count))
        var index = 0
        let limit = random.below(events.count)
        let code = errorCode {
            try database.importEntries(replacing: replacing) { () throws(StorageError) in
                if breaks && index == limit { throw StorageError(.truncated, "It is cut.") }
                index += 1
                return events[index - 1]
            }
        }
        try check(
            code == (breaks ? .truncated : nil), "import ended with \(String(describing: code))")
        if !breaks {
            model = next
            noteImport()
        }
        try model.check(database, "after an import\(breaks ? " that broke off" : "")")
    }

    /// An import commits by a checkpoint when there is a log to keep in step, whatever its level.
    private mutating func noteImport() {
        noteCommit(options.usesLog ? .full : nil)
    }
}

/// Bytes that a closure gathers.
final class Gathered: @unchecked Sendable {
    // Sendable: only used by one thread.
    var array: [UInt8] = []
}
