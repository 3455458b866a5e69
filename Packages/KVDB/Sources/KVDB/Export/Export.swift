import BTree
import PageStore
import StorageIO

#if !hasFeature(Embedded)
    @_spi(Engine)
#endif
extension EngineSnapshot {
    /// Writes this version in a portable format, in constant memory.
    ///
    /// - Parameters:
    ///   - format: version 1 can hold the default table only; a database with named tables is then
    ///     an `invalidArgument` error.
    ///   - progress: called now and then. What it throws ends the export, whose stream is then a cut one.
    ///   - sink: takes the bytes of the stream in order.
    /// - Returns: the entries written.
    @discardableResult
    public func export(
        format: ExportFormat = .version2,
        progress: (Database.Progress) throws(StorageError) -> Void = { _ in },
        to sink: @escaping ExportWriter.Sink
    ) throws(StorageError) -> UInt64 {
        let tables = try namedRecords()
        guard format != .version1 || tables.isEmpty else {
            throw StorageError(
                .invalidArgument,
                "The database has named tables, which tkdb version 1 has no room for; use version 2.",
                path: core.path)
        }
        let writer = ExportWriter(format: format, sink: sink)
        let total = tables.reduce(Int(clamping: count)) {
            $0.addingClamped($1.record.root.entryCount)
        }
        try ProgressMeter.running(progress) { meter throws(StorageError) in
            try meter.begin(.exporting, .entries, total: total)
            try write(main, to: writer, meter)
            for (name, record) in tables {
                try writer.beginTable(name, description: record.description)
                try write(BPlusTree(store: core.store, root: record.root), to: writer, meter)
            }
            try meter.end()
        }
        try writer.finish()
        return writer.entryCount
    }

    private func write(
        _ tree: BPlusTree<Store>, to writer: ExportWriter, _ meter: ProgressMeter
    ) throws(StorageError) {
        let store = core.store
        try tree.forEach(
            longFrom: Engine<Store, Log>.gatheredByteCount,
            long: { key, page, byteCount throws(StorageError) in
                let run = try store.openRun(page, byteCount: byteCount)
                try writer.append(key, count: byteCount) { write throws(StorageError) in
                    var next = 0
                    while next < byteCount {
                        let token = store.beginRead()
                        defer { store.endRead(token) }
                        let portion = try store.portion(of: run, at: next)
                        try write(portion)
                        next += portion.count
                    }
                }
                try meter.advanceEntry(byteCount: key.count + byteCount)
                return true
            }
        ) { key, value throws(StorageError) in
            try writer.append(key, value)
            try meter.advanceEntry(byteCount: key.count + value.count)
            return true
        }
    }
}

#if !hasFeature(Embedded)
    @_spi(Engine)
#endif
extension DatabaseEngine {
    /// Writes the newest version in a portable format; see ``EngineSnapshot/export(format:progress:to:)``.
    @discardableResult
    public func export(
        format: ExportFormat = .version2,
        progress: (Database.Progress) throws(StorageError) -> Void = { _ in },
        to sink: @escaping ExportWriter.Sink
    ) throws(StorageError) -> UInt64 {
        try snapshot().export(format: format, progress: progress, to: sink)
    }
}
