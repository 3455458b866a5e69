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
    private let pending: PendingTable?
    /// What the handle takes the table to hold.
    let kind: TableKind

    /// A table whose place is known.
    init(_ place: TableID, kind: TableKind = .untyped) {
        self.place = place
        self.kind = kind
        pending = nil
    }

    /// A table of which nothing but the name is known.
    init(pending name: [UInt8], kind: TableKind) {
        place = .main
        self.kind = kind
        pending = PendingTable(name)
    }

    /// Its place, nil as long as nothing of its name was there.
    var id: TableID? {
        @inline(__always) get {
            guard let pending else { return place }
            return pending.id
        }
    }

    /// The name, where that is all that is known.
    fileprivate var name: [UInt8] { pending?.name ?? [] }

    fileprivate func note(_ id: TableID) { pending?.note(id) }
}

/// A name, and its place once there is one.
private final class PendingTable: Sendable {
    let name: [UInt8]
    private let index = Atomic<UInt32>(.max)

    init(_ name: [UInt8]) { self.name = name }

    var id: TableID? {
        let index = index.load(ordering: .relaxed)
        return index == .max ? nil : TableID(index: index)
    }

    func note(_ id: TableID) { index.store(id.index, ordering: .relaxed) }
}

extension Engine {
    /// The table of a name, for handles. No page is read.
    func reference(to name: [UInt8], kind: TableKind = .untyped) -> TableReference {
        if name.isEmpty { return TableReference(.main, kind: kind) }
        if let id = tables.find(name) { return TableReference(id, kind: kind) }
        return TableReference(pending: name, kind: kind)
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
        guard asked == recorded else { throw mismatch(asked, recorded, id) }
    }

    func description(of kind: TableKind) throws(StorageError) -> TableDescription {
        try tables.description(of: kind).withByteView { bytes throws(StorageError) in
            try TableDescription(bytes)
        }
    }

    private func mismatch(
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
    private func typedDefault(_ kind: TableKind) -> StorageError {
        do throws(StorageError) {
            return mismatch(try description(of: kind), .bytes, .main)
        } catch {
            return error
        }
    }
}
