import BTree
import PageStore
import StorageIO

// The changes of the running transaction: each checks its arguments, changes the private tree and
// records the operation. The caller holds the writer lock.
extension Engine {
    func requireLegal(key: ByteView) throws(StorageError) {
        guard key.count <= TreeLimits.maximumKeyLength else {
            throw StorageError(
                .keyTooLong,
                "The key has \(key.count) bytes; at most \(TreeLimits.maximumKeyLength) are allowed.",
                path: path)
        }
    }

    func requireLegal(value: ByteView) throws(StorageError) {
        guard value.count <= TreeLimits.maximumValueLength else {
            throw StorageError(
                .valueTooLong,
                "The value has \(value.count) bytes; at most \(TreeLimits.maximumValueLength) are allowed.",
                path: path)
        }
    }

    // MARK: Entries

    func put(
        _ key: ByteView, _ value: ByteView, table: TableID = .main, kind: TableKind = .untyped
    ) throws(StorageError) {
        try requireLegal(key: key)
        try requireLegal(value: value)
        try requireKind(table, kind)
        try change { () throws(StorageError) in
            let place = try writer.create(table)
            noteKind(place, kind)
            _ = try writer.change(at: place) { tree throws(StorageError) in
                try tree.put(key, value)
            }
            writer.operations.put(table, key, value)
            writer.isChanged = true
        }
    }

    /// Puts what `decide` makes of the entry that is there, in one way down the tree.
    ///
    /// - Parameters:
    ///   - key: the key.
    ///   - table: the table, which is created when something is put.
    ///   - kind: what it holds.
    ///   - decide: looks at the value that is there, and puts another one or doesn't.
    /// - Returns: what `decide` returned.
    /// - Throws: `keyTooLong`, `valueTooLong` with nothing changed; as ``put(_:_:table:)``; what `decide` throws.
    func revise<Result>(
        _ key: ByteView, table: TableID, kind: TableKind = .untyped,
        _ decide: (inout EngineRevision<Store, Log>) throws(StorageError) -> Result
    ) throws(StorageError) -> Result {
        try requireLegal(key: key)
        try requireKind(table, kind)
        try beginChange()
        var revision = try EngineRevision(self, table, kind, key)
        let result: Result
        // What changes the tree in between would be lost.
        writer.iterations += 1
        defer { writer.iterations -= 1 }
        do throws(StorageError) {
            result = try decide(&revision)
        } catch {
            if revision.isChanged && writer.failure == nil { revision.finish() }
            throw error
        }
        guard revision.isChanged else { return result }
        revision.finish()
        do throws(StorageError) {
            try endChange()
        } catch {
            writer.failure = error
            throw error
        }
        return result
    }

    /// Deletes an entry, and lends its value before to `lend`. Returns whether it was there.
    func delete(
        _ key: ByteView, table: TableID = .main, kind: TableKind = .untyped,
        lendingValue lend: ((ByteView) -> Void)? = nil
    ) throws(StorageError) -> Bool {
        // A key too long to be there is simply not there.
        guard key.count <= TreeLimits.maximumKeyLength else { return false }
        try requireKind(table, kind)
        return try change(removing: true) { () throws(StorageError) in
            guard let place = try writer.open(table) else { return false }
            let isFound = try writer.change(at: place) { tree throws(StorageError) in
                try tree.delete(key, lendingValue: lend)
            }
            guard isFound else { return false }
            writer.operations.delete(table, key)
            writer.isChanged = true
            return true
        }
    }

    /// Returns how many entries there were.
    func deleteRange(
        _ range: KeyRange, table: TableID = .main, kind: TableKind = .untyped
    ) throws(StorageError) -> UInt64 {
        guard !range.isEmpty else { return 0 }
        try requireKind(table, kind)
        return try change(removing: true) { () throws(StorageError) in
            guard let place = try writer.open(table) else { return 0 }
            let deleted = try writer.change(at: place) { tree throws(StorageError) in
                try tree.deleteRange(in: range)
            }
            guard deleted > 0 else { return 0 }
            writer.operations.deleteRange(table, range)
            writer.isChanged = true
            return deleted
        }
    }

    // MARK: Tables

    /// Makes sure that a table is there. Returns whether it was missing.
    func createTable(
        _ table: TableID, kind: TableKind = .untyped
    ) throws(StorageError) -> Bool {
        try requireKind(table, kind)
        return try change { () throws(StorageError) in
            let isMissing = try writer.open(table) == nil
            let place = try writer.create(table)
            guard isMissing || writer.tables[place].kind != kind else { return false }
            writer.operations.touchTable(table)
            noteKind(place, kind)
            writer.isChanged = true
            return isMissing
        }
    }

    /// Returns whether the table was there; the default table is only emptied.
    func dropTable(_ table: TableID) throws(StorageError) -> Bool {
        guard table != .main else { return try deleteRange(.all) > 0 }
        return try change(removing: true) { () throws(StorageError) in
            guard let place = try writer.open(table) else { return false }
            try dropIndexes(of: table, at: place)
            try writer.change(at: place) { tree throws(StorageError) in try tree.deleteAll() }
            try writer.drop(at: place)
            writer.operations.dropTable(table)
            writer.isChanged = true
            return true
        }
    }

    /// Gives a table another name.
    ///
    /// - Throws: `tableNotFound` when there is none; `invalidArgument` when the other name has a table, or one
    ///   of the two is the default table. Nothing has changed then.
    func renameTable(_ table: TableID, to target: TableID) throws(StorageError) {
        guard table != .main, target != .main else {
            throw StorageError(
                .invalidArgument, "The default table has no name to change.", path: path)
        }
        guard let place = try writer.open(table) else {
            throw missingTable(table)
        }
        guard table != target else { return }
        guard try writer.open(target) == nil else {
            throw StorageError(
                .invalidArgument,
                "There is a table \(text(tables.name(of: target))) already; drop it, or choose another name.",
                path: path)
        }
        let indexes = try indexes(of: table, at: place, movingTo: target)
        for (_, new) in indexes where try writer.open(new) != nil {
            throw StorageError(
                .invalidArgument, "There is an index of a table of the new name.", path: path)
        }
        try change { () throws(StorageError) in
            try move(place, table, to: target)
            for (old, new) in indexes {
                guard let place = try writer.open(old) else { continue }
                try move(place, old, to: new)
            }
            writer.isChanged = true
        }
    }

    private func move(
        _ place: Int, _ table: TableID, to target: TableID
    ) throws(StorageError) {
        try writer.move(place, to: target)
        writer.operations.renameTable(table, to: target)
    }

    /// The error for a table that is not there.
    func missingTable(_ table: TableID) -> StorageError {
        StorageError(
            .tableNotFound, "There is no table \(text(tables.name(of: table))).", path: path)
    }

    private func text(_ name: [UInt8]) -> String { String(decoding: name, as: UTF8.self) }
}

// Tables by their names.
extension Engine {
    /// Gives a table another name, see ``renameTable(_:to:)-(TableID,_)``. A missing one takes no place.
    func renameTable(_ name: [UInt8], to target: [UInt8]) throws(StorageError) {
        guard let id = try existingPlace(of: reference(to: name)) else {
            throw StorageError(
                .tableNotFound, "There is no table \(text(name)).", path: path)
        }
        try renameTable(id, to: place(for: reference(to: target)))
    }

    /// Returns whether the table was there; the default table is only emptied.
    func dropTable(_ name: [UInt8]) throws(StorageError) -> Bool {
        guard let id = try existingPlace(of: reference(to: name)) else { return false }
        return try dropTable(id)
    }
}
