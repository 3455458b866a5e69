import StorageIO

extension Database.Snapshot {
    /// Writes this version in a portable format, in constant memory.
    ///
    /// ```swift
    /// var bytes: [UInt8] = []
    /// try snapshot.export { block in bytes += [UInt8](copying: block) }
    /// ```
    ///
    /// - Parameters:
    ///   - format: version 1 can hold the default table only.
    ///   - progress: gets the entries written so far, now and then. What it throws ends the export, whose stream is then a
    ///     cut one, and as such refused.
    ///   - sink: takes the bytes of the stream in order. They are lent for the length of the call.
    /// - Returns: how many entries were written.
    /// - Throws: `invalidArgument` for named tables in version 1; `damaged`, `inputOutput`, `closed`; what `progress` and
    ///   `sink` throw.
    /// - Complexity: O(n).
    @discardableResult
    public func export(
        format: ExportFormat = .version2,
        progress: (Database.Progress) throws(Database.Failure) -> Void = { _ in },
        to sink: (RawSpan) throws(Database.Failure) -> Void
    ) throws(Database.Failure) -> Int {
        try withoutActuallyEscaping(sink) { sink throws(Database.Failure) -> Int in
            var thrown: Database.Failure?
            do throws(Database.Failure) {
                return try Database.passingOn(progress) { progress throws(StorageError) in
                    let count = try engine.export(format: format, progress: progress) {
                        bytes throws(StorageError) in
                        do throws(Database.Failure) {
                            try sink(bytes)
                        } catch {
                            thrown = error
                            throw StorageError(.busy, "The sink of the export ended it.")
                        }
                    }
                    return Int(clamping: count)
                }
            } catch {
                throw thrown ?? error
            }
        }
    }
}

extension Database {
    /// Writes the newest version in a portable format, in constant memory; see
    /// `export(format:progress:to:)`.
    ///
    /// - Parameters:
    ///   - format: version 1 can hold the default table only.
    ///   - progress: gets the entries written so far, now and then. What it throws ends the export.
    ///   - sink: takes the bytes of the stream in order. They are lent for the length of the call.
    /// - Returns: how many entries were written.
    /// - Throws: as there.
    /// - Complexity: O(n).
    @discardableResult
    public func export(
        format: ExportFormat = .version2,
        progress: (Progress) throws(Failure) -> Void = { _ in },
        to sink: (RawSpan) throws(Failure) -> Void
    ) throws(Failure) -> Int {
        try snapshot().export(format: format, progress: progress, to: sink)
    }

    /// Writes the newest version to a file in a portable format. Readers and writers go on.
    ///
    /// The file gets its name when it is whole and durable, in place of one that has it. Until then it is a draft beside it,
    /// with `-draft` behind the name, which is gone after an error. Of a database in memory the file is one of the system's.
    ///
    /// - Parameters:
    ///   - path: the file's name; not one of the database's own.
    ///   - format: version 1 can hold the default table only.
    ///   - progress: gets the entries written so far, now and then. What it throws ends the export, and then there is no
    ///     file.
    /// - Returns: how many entries were written.
    /// - Throws: `invalidArgument` for a name of the database's, for something there that is no file, and for named tables
    ///   in version 1; `locked` while another export to the same file runs, and for a database that is open; `diskFull`, `permissionDenied`, `fileNotFound` for a missing folder; `damaged`,
    ///   `inputOutput`, `closed`; what `progress` throws.
    /// - Complexity: O(n).
    @discardableResult
    public func export(
        to path: String, format: ExportFormat = .version2,
        progress: (Progress) throws(Failure) -> Void = { _ in }
    ) throws(Failure) -> Int {
        let snapshot = try snapshot()
        try refuseOwnName(path)
        return try Self.passingOn(progress) { progress throws(StorageError) in
            let file = try DraftFile(path, on: files, magic: ExportLayout.magic)
            do throws(StorageError) {
                let count = try snapshot.engine.export(format: format, progress: progress) {
                    bytes throws(StorageError) in try file.write(bytes)
                }
                try file.commit()
                return Int(clamping: count)
            } catch {
                file.abandon()
                throw error
            }
        }
    }

    /// Reads an export from a file, as one atomic change: all of it is there afterwards or, after any error, nothing.
    ///
    /// Memory stays within the budgets whatever the size. The change commits by a checkpoint, not through the log. Of a
    /// database in memory the file is one of the system's.
    ///
    /// - Parameters:
    ///   - path: an export of any version.
    ///   - merging: whether the entries come to those that are there, and replace those with the same key. Otherwise
    ///     everything that the database held before goes.
    ///   - progress: gets the bytes read so far, now and then. What it throws undoes all.
    /// - Returns: how many entries there were.
    /// - Throws: `fileNotFound`, `permissionDenied`; `notADatabase` for something else than an export, `emptyFile`,
    ///   `truncated`, `damaged`, `unsupportedFormat`; `invalidArgument` for one of the database's own files; what a write
    ///   transaction throws; what `progress` throws.
    /// - Complexity: O(n) for ascending keys into empty tables, as an export has them; otherwise O(n log n).
    @discardableResult
    public func `import`(
        from path: String, merging: Bool = false,
        progress: (Progress) throws(Failure) -> Void = { _ in }
    ) throws(Failure) -> ImportReport {
        try engine.core.requireWritable()
        try refuseOwnName(path)
        let file = try files.open(try files.resolve(path), .readOnly)
        defer { file.close() }
        var offset: UInt64 = 0
        let reader = ExportReader { buffer throws(StorageError) in
            let count = try buffer.read(file, at: offset)
            offset += UInt64(count)
            return count
        }
        let byteCount = Int(clamping: try file.size())
        return try Self.passingOn(progress) { progress throws(StorageError) in
            do throws(StorageError) {
                return try engine.importEntries(
                    replacing: !merging, from: reader, byteCount: byteCount, progress: progress)
            } catch {
                // What is wrong with the stream is wrong with the file.
                var error = error
                if error.path == nil { error.path = path }
                throw error
            }
        }
    }

    /// Reads an export from a stream, as one atomic change: all of it is there afterwards or, after any error, nothing.
    ///
    /// - Parameters:
    ///   - reader: reads the stream: ``ExportReader``.
    ///   - merging: whether the entries come to those that are there, and replace those with the same key. Otherwise
    ///     everything that the database held before goes.
    ///   - progress: gets the bytes read so far, now and then. What it throws undoes all.
    /// - Returns: how many entries there were.
    /// - Throws: what `reader` throws, see ``ExportReader/next()``; `invalidArgument` if it was read before; what a write transaction throws; what `progress` throws.
    /// - Complexity: O(n) for ascending keys into empty tables; otherwise O(n log n).
    @discardableResult
    public func `import`(
        from reader: ExportReader, merging: Bool = false,
        progress: (Progress) throws(Failure) -> Void = { _ in }
    ) throws(Failure) -> ImportReport {
        guard reader.offset == 0 else {
            throw StorageError(
                .invalidArgument,
                "The export was read already, so a part of it would be missing; import it with a new reader."
            )
        }
        return try Self.passingOn(progress) { progress throws(StorageError) in
            try engine.importEntries(replacing: !merging, from: reader, progress: progress)
        }
    }

    /// Throws `invalidArgument` when a file, or the draft of it, would be one of the database's own.
    private func refuseOwnName(_ path: String) throws(StorageError) {
        guard !isInMemory else { return }
        let names = try DatabaseFiles(engine.path, on: files)
        for name in [path, DraftFile<AnyFileSystem>.draft(of: path)] {
            guard let own = try names.conflict(with: name, on: files) else { continue }
            throw StorageError(
                .invalidArgument,
                "The name leads to \(own), which belongs to the database; choose another one.",
                path: path)
        }
    }
}
