import StorageIO

extension CommittingTable {
    /// Loads many entries as one atomic change: all of them are there afterwards or, after any error, none.
    ///
    /// It is the fastest way to fill a table: entries that ascend by key go straight into full pages as long as the table was
    /// empty before; from the first that doesn't they are put one by one. Memory stays within the budgets whatever the
    /// size. The change commits by a checkpoint, not through the log.
    ///
    /// ```swift
    /// try database[.words].load(lines.sorted().lazy.map { ($0, 1) })
    /// ```
    ///
    /// - Parameters:
    ///   - entries: pairs of a key and a value. Of two with the same key the later one stays, and what the table
    ///     has under the key goes.
    ///   - progress: gets the entries loaded so far, now and then. What it throws undoes all.
    /// - Returns: how many entries there were.
    /// - Throws: `keyTooLong`, `valueTooLong`, `wrongType`; what a write transaction throws; what `progress` throws.
    /// - Complexity: O(n) for ascending keys into an empty table; otherwise O(n log n).
    @discardableResult
    public func load(
        _ entries: some Sequence<(key: Key, value: Value)>,
        progress: (Database.Progress) throws(Database.Failure) -> Void = { _ in }
    ) throws(Database.Failure) -> ImportReport {
        var iterator = entries.makeIterator()
        return try load(
            entryCount: entries.underestimatedCount, progress: progress, next: { iterator.next() })
    }

    /// Loads many entries as one atomic change; see `load(_:progress:)` with pairs that have names.
    ///
    /// - Parameters:
    ///   - entries: pairs of a key and a value.
    ///   - progress: gets the entries loaded so far, now and then. What it throws undoes all.
    /// - Returns: how many entries there were.
    /// - Throws: as there.
    /// - Complexity: O(n) for ascending keys into an empty table; otherwise O(n log n).
    @discardableResult
    public func load(
        _ entries: some Sequence<(Key, Value)>,
        progress: (Database.Progress) throws(Database.Failure) -> Void = { _ in }
    ) throws(Database.Failure) -> ImportReport {
        var iterator = entries.makeIterator()
        return try load(
            entryCount: entries.underestimatedCount, progress: progress,
            next: { iterator.next().map { (key: $0.0, value: $0.1) } })
    }

    /// Loads the entries that `next` gives, as one atomic change; see `load(_:progress:)`.
    ///
    /// ```swift
    /// try database[.words].load { try reader.nextLine().map { ($0, 1) } }
    /// ```
    ///
    /// - Parameters:
    ///   - progress: gets the entries loaded so far, now and then. What it throws undoes all.
    ///   - next: gives the next entry, and nil at the end. What it throws undoes all. It must not change the database, which
    ///     throws `busy`.
    /// - Returns: how many entries there were.
    /// - Throws: `keyTooLong`, `valueTooLong`, `wrongType`; what a write transaction throws; what the closures throw.
    /// - Complexity: O(n) for ascending keys into an empty table; otherwise O(n log n).
    @discardableResult
    public func load(
        progress: (Database.Progress) throws(Database.Failure) -> Void = { _ in },
        next: () throws(Database.Failure) -> (key: Key, value: Value)?
    ) throws(Database.Failure) -> ImportReport {
        try load(entryCount: 0, progress: progress, next: next)
    }

    private func load(
        entryCount: Int, progress: (Database.Progress) throws(Database.Failure) -> Void,
        next: () throws(Database.Failure) -> (key: Key, value: Value)?
    ) throws(Database.Failure) -> ImportReport {
        let source = source
        guard case .newest(let engine) = source.origin else {
            throw StorageError(.invalidArgument, "A bulk load is a transaction of its own.")
        }
        return try withoutActuallyEscaping(next) { next throws(Database.Failure) -> ImportReport in
            var thrown: Database.Failure?
            do throws(Database.Failure) {
                return try Database.passingOn(progress) { progress throws(StorageError) in
                    try engine.load(
                        into: source.table, entryCount: entryCount > 0 ? entryCount : nil,
                        progress: progress
                    ) { add throws(StorageError) in
                        while true {
                            let entry: (key: Key, value: Value)?
                            do throws(Database.Failure) {
                                entry = try next()
                            } catch {
                                thrown = error
                                throw StorageError(
                                    .busy, "The source of the entries ended the load.")
                            }
                            guard let entry else { return }
                            try entry.key.withKeyBytes { key throws(StorageError) in
                                try entry.value.withStoredBytes { value throws(StorageError) in
                                    try add(key, value)
                                }
                            }
                        }
                    }
                }
            } catch {
                throw thrown ?? error
            }
        }
    }
}
