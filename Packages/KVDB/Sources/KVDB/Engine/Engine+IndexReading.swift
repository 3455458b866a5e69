import BTree
import PageStore
import StorageIO

// Reading by an index, and seeing that it is in step.
extension TableSource {
    /// The table of an index on this table, of the same version.
    ///
    /// - Throws: `wrongIndexes` when the table has no such index; `wrongType`.
    func index(_ schema: IndexSchema, _ types: TableDescription) throws(StorageError) -> TableSource
    {
        switch origin {
        case .newest:
            preconditionFailure("Rows and index are read from one version.")
        case .snapshot(let snapshot, _):
            let core = snapshot.core
            let name = core.name(of: table)
            if let id = table.id, id != .main {
                try core.requireIndex(schema, try core.table(id, in: snapshot.version), name)
            } else {
                try core.requireIndex(schema, nil, name)
            }
            return try TableSource(
                snapshot: snapshot, core.reference(toIndex: schema.name, on: name, types))
        case .transaction(let engine, let number):
            let core = engine.core
            return try core.use(number) { () throws(StorageError) in
                let name = core.name(of: table)
                let place = try core.open(table)
                try core.requireIndex(
                    schema, place.map { core.writer.tables[$0].known }, name)
                return TableSource(
                    origin, core.reference(toIndex: schema.name, on: name, types))
            }
        }
    }

    /// This table, in a version that stays.
    func settled() throws(StorageError) -> TableSource {
        guard case .newest(let engine) = origin else { return self }
        return try TableSource(snapshot: try engine.snapshot(), table)
    }
}

extension Engine {
    /// Sees that a table, if it is there, is kept with an index.
    fileprivate func requireIndex(
        _ schema: IndexSchema, _ table: KnownTable?, _ name: [UInt8]
    ) throws(StorageError) {
        guard let table, table.kind != .untyped || table.root.entryCount > 0 else { return }
        guard try !description(of: table.kind).indexes.contains(schema) else { return }
        throw wrongIndexes(
            "The table \(String(decoding: name, as: UTF8.self)) has no index \(schema.name) of this kind."
        )
    }

    func wrongIndexes(_ what: String) -> StorageError {
        StorageError(
            .wrongIndexes, "\(what) Declare the table as it is, or build its indexes anew.",
            path: path)
    }

    fileprivate func reference(
        toIndex index: String, on table: [UInt8], _ types: TableDescription
    ) -> TableReference {
        reference(
            toReserved: IndexName.table(of: table, index: index),
            kind: tables.kind(of: types.encoded))
    }
}

extension EngineSnapshot {
    /// Compares the indexes of a table with its rows.
    ///
    /// - Returns: what is wrong, in words, each with the index's name; nothing where all is in step.
    /// - Throws: what reading throws.
    func problems(
        of indexes: IndexRules, on name: [UInt8]
    ) throws(StorageError) -> [String] {
        guard indexes.flaw == nil, let id = core.tables.find(name),
            let table = try core.table(id, in: version)
        else { return [] }
        let recorded = try core.description(of: table.kind).indexes
        let rows = BPlusTree(store: core.store, root: table.root)
        var problems: [String] = []
        for rule in indexes.rules where recorded.contains(rule.schema) {
            let entries = try tree(
                of: core.tables.id(of: IndexName.table(of: name, index: rule.schema.name)))
            var expected: UInt64 = 0
            var missing = 0
            var isReadable = true
            try rows.forEach(from: nil, to: nil, reverse: false) {
                key, value throws(StorageError) in
                let entry: IndexEntry?
                do throws(StorageError) {
                    entry = try key.withBytes { key throws(StorageError) in
                        try value.withBytes { value throws(StorageError) in
                            try rule.entry(key, value)
                        }
                    }
                } catch {
                    guard error.code == .undecodable else { throw error }
                    isReadable = false
                    return false
                }
                guard let entry else { return true }
                expected += 1
                let isThere = try withByteView(of: entry.bytes) { bytes throws(StorageError) in
                    try entries.contains(bytes)
                }
                if !isThere { missing += 1 }
                return true
            }
            if !isReadable {
                problems.append(
                    "The index \(rule.schema.name) can't be compared with its table: a row can't be decoded."
                )
            } else if missing > 0 || entries.root.entryCount != expected {
                problems.append(
                    "The index \(rule.schema.name) is not in step with its table: it has "
                        + "\(entries.root.entryCount) entries where \(expected) belong, and lacks \(missing)."
                )
            }
        }
        return problems
    }
}
