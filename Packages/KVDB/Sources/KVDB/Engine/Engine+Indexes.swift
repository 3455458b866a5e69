import BTree
import PageStore
import StorageIO

// Secondary indexes. An index is a table of its own, under a name that no app can ask for; its keys are an index key
// with the key of a row behind it. Whoever changes a row changes it in the same transaction. What the table's record
// says about its indexes keeps everybody else away: a handle that declares others is refused (`requireKind`).
extension Engine {
    /// A change of an index that follows from the change of a row.
    private struct IndexEdit {
        let table: TableID
        let kind: TableKind
        let old: [UInt8]?
        let new: [UInt8]?
    }

    /// Where an index is, and what its table holds.
    func place(
        of rule: IndexRule, on table: TableID
    ) throws(StorageError) -> (id: TableID, kind: TableKind) {
        let name = IndexName.table(of: tables.name(of: table), index: rule.schema.name)
        return (try tables.id(of: name), tables.kind(of: rule.types.encoded))
    }

    /// Throws `invalidArgument` where a table is declared with indexes that can't be.
    func requireSound(_ indexes: IndexRules) throws(StorageError) {
        guard let flaw = indexes.flaw else { return }
        throw StorageError(.invalidArgument, "\(flaw)", path: path)
    }

    // MARK: Rows

    /// Puts a row, and brings the indexes up to date.
    ///
    /// - Throws: `notUnique` when another row has the same key in a unique index, `keyTooLong` when an index's entry is
    ///   too long, and nothing has changed; as ``put(_:_:table:kind:)``.
    func put(
        _ key: ByteView, _ value: ByteView, table: TableID, kind: TableKind, _ indexes: IndexRules
    ) throws(StorageError) {
        try requireLegal(key: key)
        try requireLegal(value: value)
        try prepare(table, kind, indexes)
        let old = try runningTree(at: table).get(key)
        let edits = try edits(of: key, from: old, to: value, table, indexes)
        try put(key, value, table: table, kind: kind)
        try apply(edits)
    }

    /// Deletes a row, and brings the indexes up to date. Returns whether it was there.
    func delete(
        _ key: ByteView, table: TableID, kind: TableKind, _ indexes: IndexRules
    ) throws(StorageError) -> Bool {
        guard key.count <= TreeLimits.maximumKeyLength else { return false }
        try prepare(table, kind, indexes)
        guard let old = try runningTree(at: table).get(key) else { return false }
        let edits = try edits(of: key, from: old, to: nil, table, indexes)
        _ = try delete(key, table: table, kind: kind)
        try apply(edits)
        return true
    }

    /// Deletes the rows in a range, and brings the indexes up to date. Returns how many there were.
    func deleteRange(
        _ range: KeyRange, table: TableID, kind: TableKind, _ indexes: IndexRules
    ) throws(StorageError) -> UInt64 {
        guard !range.isEmpty else { return 0 }
        try prepare(table, kind, indexes)
        return try atomically { () throws(StorageError) in
            // The rows' tree stays as it is until their entries are gone from the indexes.
            var cursor = try runningTree(at: table).makeCursor()
            var isThere = try cursor.first(in: range)
            while isThere, let (key, value) = try cursor.withEntry({ ($0.array, $1.array) }) {
                let edits = try withByteView(of: key) { key throws(StorageError) in
                    try self.edits(of: key, from: value, to: nil, table, indexes)
                }
                try apply(edits)
                isThere = try cursor.next() && range.contains(cursor.key)
            }
            return try deleteRange(range, table: table, kind: kind)
        }
    }

    private func prepare(
        _ table: TableID, _ kind: TableKind, _ indexes: IndexRules
    ) throws(StorageError) {
        try requireSound(indexes)
        try beginChange()
        try requireKind(table, kind)
    }

    /// The table in the running transaction; an empty tree where it is not there.
    private func runningTree(at table: TableID) throws(StorageError) -> BPlusTree<Store> {
        guard let place = try writer.open(table) else { return BPlusTree(store: store) }
        return writer.tree(at: place)
    }

    /// What the change of a row changes in the indexes; `old` and `new` are its values, nil where there is none.
    private func edits(
        of key: ByteView, from old: [UInt8]?, to new: ByteView?, _ table: TableID,
        _ indexes: IndexRules
    ) throws(StorageError) -> [IndexEdit] {
        var edits: [IndexEdit] = []
        for rule in indexes.rules {
            var (before, after): (IndexEntry?, IndexEntry?)
            if let old {
                before = try withByteView(of: old) { old throws(StorageError) in
                    try entry(rule, key, old)
                }
            }
            if let new { after = try entry(rule, key, new) }
            guard before != after else { continue }
            let (id, kind) = try place(of: rule, on: table)
            try requireKind(id, kind)
            if let after, before?.prefix != after.prefix { try requireFree(after, rule, id, table) }
            edits.append(IndexEdit(table: id, kind: kind, old: before?.bytes, new: after?.bytes))
        }
        return edits
    }

    private func entry(
        _ rule: IndexRule, _ key: ByteView, _ value: ByteView
    ) throws(StorageError) -> IndexEntry? {
        try key.withBytes { key throws(StorageError) in
            try value.withBytes { value throws(StorageError) in try rule.entry(key, value) }
        }
    }

    /// Sees that an entry fits, and that no other row has its key in a unique index.
    private func requireFree(
        _ entry: IndexEntry, _ rule: IndexRule, _ index: TableID, _ table: TableID
    ) throws(StorageError) {
        let name = rule.schema.name
        guard entry.bytes.count <= TreeLimits.maximumKeyLength else {
            throw StorageError(
                .keyTooLong,
                "The row's key in the index \(name) and its own have \(entry.bytes.count) bytes together; at "
                    + "most \(TreeLimits.maximumKeyLength) are allowed.", path: path)
        }
        guard rule.schema.isUnique else { return }
        var cursor = try runningTree(at: index).makeCursor()
        guard try cursor.first(in: .prefix(Array(entry.prefix))) else { return }
        throw StorageError(
            .notUnique,
            "Another row of the table \(String(decoding: tables.name(of: table), as: UTF8.self)) has the "
                + "same key in the unique index \(name). Nothing was changed.", path: path)
    }

    private func apply(_ edits: [IndexEdit]) throws(StorageError) {
        for edit in edits {
            if let old = edit.old {
                _ = try withByteView(of: old) { old throws(StorageError) in
                    try delete(old, table: edit.table, kind: edit.kind)
                }
            }
            if let new = edit.new {
                try withByteView(of: new) { new throws(StorageError) in
                    try put(new, new.prefix(0), table: edit.table, kind: edit.kind)
                }
            }
        }
    }

    // MARK: Tables

    /// Makes the indexes of a table those that it is declared with: builds the missing ones from the rows, and
    /// drops the others. Nothing has changed when it throws.
    ///
    /// - Returns: how many were built.
    /// - Throws: `wrongType`; `notUnique` where two rows have the same key in a unique one; `undecodable`.
    func buildIndexes(_ reference: TableReference) throws(StorageError) -> Int {
        let table = try place(for: reference)
        guard table != .main else { throw typedDefault(reference.kind) }
        if let indexes = reference.indexes { try requireSound(indexes) }
        if let place = try writer.open(table), writer.tables[place].kind == reference.kind {
            return 0
        }
        return try atomically { () throws(StorageError) in
            let place = try writer.create(table)
            let asked = try description(of: reference.kind)
            let recorded = try description(of: writer.tables[place].kind)
            guard asked.schema == recorded.schema || isUntouched(place) else {
                throw mismatch(asked, recorded, table)
            }
            for old in recorded.indexes where !asked.indexes.contains(old) {
                try dropIndex(old.name, of: table)
            }
            noteKind(place, reference.kind)
            writer.isChanged = true
            var built = 0
            for rule in reference.indexes?.rules ?? []
            where !recorded.indexes.contains(rule.schema) {
                try dropIndex(rule.schema.name, of: table)
                try fill(rule, of: table)
                built += 1
            }
            return built
        }
    }

    /// Whether a table holds nothing and no types are recorded for it.
    private func isUntouched(_ place: Int) -> Bool {
        writer.tables[place].kind == .untyped && writer.tables[place].root.entryCount == 0
    }

    /// Puts an entry for each row into an index that has none.
    func fill(_ rule: IndexRule, of table: TableID) throws(StorageError) {
        let only = IndexRules(only: rule)
        var cursor = try runningTree(at: table).makeCursor()
        while try cursor.next(), let (key, value) = try cursor.withEntry({ ($0.array, $1.array) }) {
            try withByteView(of: key) { key throws(StorageError) in
                try withByteView(of: value) { value throws(StorageError) in
                    try apply(try edits(of: key, from: nil, to: value, table, only))
                }
            }
        }
    }

    private func dropIndex(_ name: String, of table: TableID) throws(StorageError) {
        let index = IndexName.table(of: tables.name(of: table), index: name)
        if let id = try existingPlace(of: reference(toReserved: index, kind: .untyped)) {
            _ = try dropTable(id)
        }
    }

    /// Drops the indexes of a table that is about to be dropped.
    func dropIndexes(of table: TableID, at place: Int) throws(StorageError) {
        guard writer.tables[place].kind != .untyped else { return }
        for index in try description(of: writer.tables[place].kind).indexes {
            try dropIndex(index.name, of: table)
        }
    }

    /// The tables of the indexes of a table that is about to be renamed, with their new places.
    func indexes(
        of table: TableID, at place: Int, movingTo target: TableID
    ) throws(StorageError) -> [(old: TableID, new: TableID)] {
        guard writer.tables[place].kind != .untyped else { return [] }
        var moves: [(old: TableID, new: TableID)] = []
        for index in try description(of: writer.tables[place].kind).indexes {
            let (old, new) = (
                IndexName.table(of: tables.name(of: table), index: index.name),
                IndexName.table(of: tables.name(of: target), index: index.name)
            )
            // An index that no row is in has no table.
            guard let id = try existingPlace(of: reference(toReserved: old, kind: .untyped)),
                try writer.open(id) != nil
            else { continue }
            moves.append((id, try tables.id(of: new)))
        }
        return moves
    }
}
