import BTree
import PageStore
import StorageIO

extension Snapshot {
    /// Writes this version in a portable format, in constant memory.
    ///
    /// - Parameters:
    ///   - format: version 1 can hold the default table only; a database with named tables is then
    ///     an `invalidArgument` error.
    ///   - progress: called now and then with the entries written so far.
    ///   - sink: takes the bytes of the stream in order.
    /// - Returns: the entries written.
    @discardableResult
    public func export(
        format: ExportFormat = .version2, progress: (UInt64) -> Void = { _ in },
        to sink: @escaping ExportWriter.Sink
    ) throws(StorageError) -> UInt64 {
        let tables = try namedTables()
        guard format != .version1 || tables.isEmpty else {
            throw StorageError(
                .invalidArgument,
                "The database has named tables, which tkdb version 1 has no room for; use version 2.",
                path: core.path)
        }
        let writer = ExportWriter(format: format, sink: sink)
        try main.forEach(in: .all, reverse: false, keepsValues: false) {
            key, value throws(StorageError) in
            try writer.append(key: key, value: value)
            if ProgressPace.isDueOfCopies(writer.entryCount) { progress(writer.entryCount) }
            return true
        }
        for (name, tree) in tables {
            try name.withByteView { view throws(StorageError) in try writer.beginTable(view) }
            try tree.forEach(in: .all, reverse: false, keepsValues: false) {
                key, value throws(StorageError) in
                try writer.append(key: key, value: value)
                if ProgressPace.isDueOfCopies(writer.entryCount) { progress(writer.entryCount) }
                return true
            }
        }
        try writer.finish()
        return writer.entryCount
    }
}

extension DatabaseEngine {
    /// Writes the newest version in a portable format; see ``Snapshot/export(format:progress:to:)``.
    @discardableResult
    public func export(
        format: ExportFormat = .version2, progress: (UInt64) -> Void = { _ in },
        to sink: @escaping ExportWriter.Sink
    ) throws(StorageError) -> UInt64 {
        try snapshot().export(format: format, progress: progress, to: sink)
    }
}
