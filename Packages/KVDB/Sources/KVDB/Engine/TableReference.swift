import BTree
import PageStore
import StorageIO
import Synchronization

/// A table as an app's handle knows it: by its place, or, as long as nothing of its name is there, by its name; and
/// what it was declared to hold.
///
/// Asking for a name gives it no place: who asks for names that others make up can't fill the ``TableSet``.
struct TableReference: Sendable {
    private let place: TableID
    /// What else there is to know; nil for a table whose place is known and that is declared without indexes.
    private let details: TableDetails?
    /// What the handle takes the table to hold.
    let kind: TableKind

    /// A table whose place is known.
    init(_ place: TableID, kind: TableKind = .untyped, indexes: IndexRules? = nil) {
        self.place = place
        self.kind = kind
        details = indexes.map { TableDetails(place, $0) }
    }

    /// A table of which nothing but the name is known.
    fileprivate init(pending details: TableDetails, kind: TableKind) {
        place = .main
        self.kind = kind
        self.details = details
    }

    /// Its place, nil as long as nothing of its name was there.
    var id: TableID? {
        @inline(__always) get {
            guard let details else { return place }
            return details.id
        }
    }

    /// The indexes that it was declared with; nil for none.
    var indexes: IndexRules? { @inline(__always) get { details?.indexes } }

    /// The name, where that is all that is known.
    fileprivate var name: [UInt8] { details?.name ?? [] }
    /// Whether there can be no such table.
    fileprivate var isForbidden: Bool { details?.isForbidden ?? false }

    fileprivate func note(_ id: TableID) { details?.note(id) }
}

/// A table's name, and its place once there is one; and its indexes.
private final class TableDetails: Sendable {
    let name: [UInt8]
    let isForbidden: Bool
    let indexes: IndexRules?
    private let index: Atomic<UInt32>

    /// - Parameter isForbidden: whether there can be no such table.
    init(_ name: [UInt8], _ indexes: IndexRules?, isForbidden: Bool) {
        self.name = name
        self.indexes = indexes
        self.isForbidden = isForbidden
        index = Atomic(.max)
    }

    init(_ place: TableID, _ indexes: IndexRules) {
        name = []
        isForbidden = false
        self.indexes = indexes
        index = Atomic(place.index)
    }

    var id: TableID? {
        let index = index.load(ordering: .relaxed)
        return index == .max ? nil : TableID(index: index)
    }

    func note(_ id: TableID) { index.store(id.index, ordering: .relaxed) }
}

extension Engine {
    /// The table of a name, for handles. No page is read.
    func reference(
        to name: [UInt8], kind: TableKind = .untyped, indexes: IndexRules? = nil
    ) -> TableReference {
        if name.isEmpty { return TableReference(.main, kind: kind, indexes: indexes) }
        // The tables of indexes are nobody's.
        let isForbidden = IndexName.isReserved(name)
        if !isForbidden, let id = tables.find(name) {
            return TableReference(id, kind: kind, indexes: indexes)
        }
        return TableReference(
            pending: TableDetails(name, indexes, isForbidden: isForbidden), kind: kind)
    }

    /// The table of an index.
    func reference(toReserved name: [UInt8], kind: TableKind) -> TableReference {
        if let id = tables.find(name) { return TableReference(id, kind: kind) }
        return TableReference(
            pending: TableDetails(name, nil, isForbidden: false), kind: kind)
    }

    /// The name of a table.
    func name(of reference: TableReference) -> [UInt8] {
        reference.id.map { tables.name(of: $0) } ?? reference.name
    }

    // MARK: Reading

    /// Where a table begins in a version that is held; nil when it is not there. O(1) from the second time on.
    ///
    /// - Throws: `wrongType` when it holds other types.
    @inline(__always)
    func root(
        of reference: TableReference, in version: Version
    ) throws(StorageError) -> TreeRoot? {
        let place: TableID?
        if let id = reference.id {
            place = id
        } else {
            place = try find(reference, in: BPlusTree(store: store, root: version.catalog))
        }
        guard let id = place else { return nil }
        if id == .main {
            guard reference.kind == .untyped else { throw typedDefault(reference.kind) }
            return version.main
        }
        guard let table = try table(id, in: version) else { return nil }
        if table.kind != reference.kind { try requireReadable(table, id, as: reference.kind) }
        return table.root
    }

    /// Where the table is open in the running transaction; nil when it is not there.
    ///
    /// - Throws: `wrongType` when it holds other types.
    func open(_ reference: TableReference) throws(StorageError) -> Int? {
        let found: TableID?
        if let id = reference.id {
            found = id
        } else {
            found = try find(reference, in: writer.catalog)
        }
        guard let id = found else { return nil }
        if id == .main, reference.kind != .untyped { throw typedDefault(reference.kind) }
        guard let place = try writer.open(id) else { return nil }
        let table = writer.tables[place]
        if table.kind != reference.kind {
            try requireReadable(table.known, id, as: reference.kind)
        }
        return place
    }

    /// The place of a name that nobody had to do with, if a table has it: as another handle's change, or the catalog
    /// tells.
    private func find(
        _ reference: TableReference, in catalog: BPlusTree<Store>
    ) throws(StorageError) -> TableID? {
        let name = reference.name
        if reference.isForbidden { return nil }
        if let id = tables.find(name) {
            reference.note(id)
            return id
        }
        guard name.count <= TreeLimits.maximumKeyLength, try catalog.record(of: name) != nil else {
            return nil
        }
        let id = try tables.id(of: name)
        reference.note(id)
        return id
    }

    // MARK: Changing

    /// The place of a table that something is to be put into.
    ///
    /// - Throws: `keyTooLong` for its name; `invalidArgument` when the handle has used too many.
    func place(for reference: TableReference) throws(StorageError) -> TableID {
        if let id = reference.id { return id }
        guard !reference.isForbidden else {
            throw StorageError(
                .invalidArgument, "A table's name can't begin with a zero byte.", path: path)
        }
        let id = try tables.id(of: reference.name)
        reference.note(id)
        return id
    }

    /// The place of a table that something is to be deleted from; nil when it is not there.
    func existingPlace(of reference: TableReference) throws(StorageError) -> TableID? {
        if let id = reference.id { return id }
        return try find(reference, in: writer.catalog)
    }

    // MARK: Types

    /// Before a change: sees that a table of the running transaction, if it is there, holds what the caller
    /// takes it to hold.
    ///
    /// - Throws: `wrongType`, and nothing has changed.
    @inline(__always)
    func requireKind(_ id: TableID, _ kind: TableKind) throws(StorageError) {
        guard id != .main else {
            if kind != .untyped { throw typedDefault(kind) }
            return
        }
        guard let place = try writer.open(id) else { return }
        if writer.tables[place].kind != kind {
            try requireChangeable(writer.tables[place].known, id, as: kind)
        }
    }

    /// Notes what a table of the running transaction holds, with the first entry.
    @inline(__always)
    func noteKind(_ place: Int, _ kind: TableKind) {
        if writer.tables[place].kind != kind { describe(place, kind) }
    }

    private func describe(_ place: Int, _ kind: TableKind) {
        writer.tables[place].kind = kind
        writer.tables[place].isChanged = true
        writer.operations.describe(writer.tables[place].id, tables.description(of: kind))
    }

    @inline(never)
    private func requireReadable(
        _ table: KnownTable, _ id: TableID, as kind: TableKind
    ) throws(StorageError) {
        // Bytes is what every table holds in the end.
        if kind == .untyped { return }
        if table.kind == .untyped, table.root.entryCount == 0 { return }
        let (asked, recorded) = try (description(of: kind), description(of: table.kind))
        guard asked.schema == recorded.schema else {
            throw mismatch(asked, recorded, id)
        }
    }

    @inline(never)
    private func requireChangeable(
        _ table: KnownTable, _ id: TableID, as kind: TableKind
    ) throws(StorageError) {
        if table.kind == .untyped, table.root.entryCount == 0 { return }
        let (asked, recorded) = try (description(of: kind), description(of: table.kind))
        guard asked.schema == recorded.schema else { throw mismatch(asked, recorded, id) }
        guard asked.indexes == recorded.indexes else {
            func list(_ indexes: [IndexSchema]) -> String {
                indexes.isEmpty ? "none" : indexes.map { $0.name }.joined(separator: ", ")
            }
            let name = String(decoding: tables.name(of: id), as: UTF8.self)
            throw wrongIndexes(
                "The table \(name) is kept with these indexes: \(list(recorded.indexes)); and was asked "
                    + "for with these: \(list(asked.indexes)).")
        }
    }

    func description(of kind: TableKind) throws(StorageError) -> TableDescription {
        try withByteView(of: tables.description(of: kind)) { bytes throws(StorageError) in
            try TableDescription(bytes)
        }
    }

    func mismatch(
        _ asked: TableDescription, _ recorded: TableDescription, _ id: TableID
    ) -> StorageError {
        var error = asked.schema.mismatch(
            recorded: recorded.schema,
            table: String(decoding: tables.name(of: id), as: UTF8.self))
        error.path = path
        return error
    }

    /// The error for a typed handle on the default table.
    @inline(never)
    func typedDefault(_ kind: TableKind) -> StorageError {
        do throws(StorageError) {
            return mismatch(try description(of: kind), .bytes, .main)
        } catch {
            return error
        }
    }
}
