import BTree
import PageStore
import StorageIO

/// The private state of the running write transaction and the head it starts from.
///
/// Guarded by the engine's writer lock: only its holder touches any of this.
final class WriterState<Store: CheckpointedStorage>: @unchecked Sendable {
    // Sendable: the writer lock guards every stored property.
    typealias Tree = BPlusTree<Store>

    /// A named table that the running transaction has opened.
    struct OpenTable {
        let name: [UInt8]
        var number: UInt32
        var tree: Tree
        var isChanged: Bool
    }

    let store: Store
    /// The newest committed version, published or not.
    var head: Version
    /// The default table as the running transaction sees it.
    var main: Tree
    /// The catalog as the running transaction sees it, without the changes to `openTables`.
    var catalog: Tree
    /// The named tables that the running transaction has opened.
    var openTables: [OpenTable] = [] {
        didSet { hasOpenTables = true }
    }
    /// False when `openTables` is empty for sure, as it is in most transactions: what spares them the
    /// look into an array of a generic type.
    private var hasOpenTables = false
    /// The names of `openTables`, in the same order.
    private(set) var openNames = NameIndex()
    /// The highest number of a table so far, once the catalog has been read for it; nil again after an
    /// aborted transaction.
    private var highestTableNumber: UInt32?
    /// How often the whole catalog was read for that.
    private(set) var catalogReadCount = 0
    /// The number of the running transaction.
    var transaction: TransactionNumber = 0
    /// Its operations as a log record.
    let operations: OperationWriter
    /// Whether it changed anything.
    var isChanged = false
    /// Why it can only be aborted: an operation failed half-way.
    var failure: StorageError?
    /// The newest version that a checkpoint has written or is writing: its pages stay as they are.
    var checkpointed: TransactionNumber
    /// How many iterations over the running transaction are under way; no change may come between.
    var iterations = 0
    /// What commits up to the head wait for at least, since a version can't be published before the
    /// ones it stands on.
    var requiredSync: UInt64 = 0
    var requiredWrite: UInt64 = 0
    /// Whether the data file says that a log is in use.
    var isLogNoted = false
    /// Whether the background thread has been started.
    var isMaintained = false

    init(store: Store, head: Version, operationLimit: Int) {
        self.store = store
        self.head = head
        checkpointed = head.transaction
        main = Tree(store: store, root: head.main)
        catalog = Tree(store: store, root: head.catalog)
        operations = OperationWriter(limit: operationLimit)
    }

    /// Starts on the head. The caller has begun the store's transaction.
    func begin(_ number: TransactionNumber, logged: Bool) {
        transaction = number
        main = Tree(store: store, root: head.main)
        catalog = Tree(store: store, root: head.catalog)
        if hasOpenTables {
            forgetTables()
            hasOpenTables = false
        }
        operations.reset(logged: logged)
        isChanged = false
        failure = nil
    }

    /// Forgets what an aborted transaction found out: it may have read the catalog after dropping tables.
    func noteAbort() { highestTableNumber = nil }

    /// The index in `openTables` of a named table, opening or creating it. O(log tables) when it is opened,
    /// O(1) from then on.
    func openTable(_ name: [UInt8], create: Bool) throws(StorageError) -> Int? {
        if hasOpenTables, let index = openNames.index(of: name) { return index }
        let found = try name.withByteView { view throws(StorageError) in try catalog.get(view) }
        let record: TableRecord
        if let found {
            record = try found.withByteView { view throws(StorageError) in try TableRecord(view) }
        } else if create {
            record = TableRecord(
                number: try nextTableNumber(), root: .empty)
        } else {
            return nil
        }
        openTables.append(
            OpenTable(
                name: name, number: record.number, tree: Tree(store: store, root: record.root),
                isChanged: found == nil))
        openNames.append(name)
        return openTables.count - 1
    }

    /// Takes a table out of `openTables`, with the changes made to it; the last one comes in its place.
    func forgetTable(at index: Int) {
        openTables.swapAt(index, openTables.count - 1)
        openTables.removeLast()
        openNames.remove(at: index)
    }

    private func forgetTables() {
        openTables.removeAll(keepingCapacity: openTables.count <= 64)
        openNames.removeAll()
    }

    /// One above the highest number so far. O(tables) for the first table that is created, then O(1).
    private func nextTableNumber() throws(StorageError) -> UInt32 {
        let highest: UInt32
        if let highestTableNumber {
            highest = highestTableNumber
        } else {
            highest = try readHighestNumber()
        }
        guard highest < .max else {
            highestTableNumber = nil
            throw StorageError(.damaged, "A table in the catalog has an impossible number.")
        }
        highestTableNumber = highest + 1
        return highest + 1
    }

    private func readHighestNumber() throws(StorageError) -> UInt32 {
        catalogReadCount += 1
        var highest: UInt32 = 0
        try catalog.forEach(from: nil, to: nil, reverse: false) { _, value throws(StorageError) in
            highest = max(highest, try TableRecord(value).number)
            return true
        }
        return highest
    }

    /// Writes the changed named tables (and the default table when `includingMain`) into the
    /// catalog, so that the catalog's root stands for the whole version.
    func updateCatalog(includingMain: Bool) throws(StorageError) {
        if includingMain {
            let record = TableRecord(number: 0, root: main.root).encoded
            let name: [UInt8] = []
            // A checkpoint that has nothing new to say about the default table takes no page for it.
            let last = try name.withByteView { view throws(StorageError) in try catalog.get(view) }
            // But a root that was changed in its place since the last checkpoint is younger than the page
            // of the catalog that leads to it, as no page may be.
            let isYounger = try isMainYounger()
            if last != record || isYounger { try put(record, for: name) }
        }
        guard hasOpenTables else { return }
        for index in openTables.indices where openTables[index].isChanged {
            let table = openTables[index]
            try put(
                TableRecord(number: table.number, root: table.tree.root).encoded, for: table.name)
            openTables[index].isChanged = false
        }
    }

    private func isMainYounger() throws(StorageError) -> Bool {
        guard main.root.page != 0 else { return false }
        // Of a catalog of several pages it would have to be looked for.
        guard catalog.root.height == 1 else { return true }
        let token = store.beginRead()
        defer { store.endRead(token) }
        let birth = try store.page(main.root.page).birth
        return try birth > store.page(catalog.root.page).birth
    }

    /// Writes the changed named tables into the catalog and forgets all that are open.
    func closeTables() throws(StorageError) {
        try updateCatalog(includingMain: false)
        forgetTables()
    }

    /// Writes where a table that is not open lies into the catalog.
    func setTable(_ name: [UInt8], _ record: TableRecord) throws(StorageError) {
        try put(record.encoded, for: name)
    }

    private func put(_ record: [UInt8], for name: [UInt8]) throws(StorageError) {
        try name.withByteView { nameView throws(StorageError) in
            try record.withByteView { recordView throws(StorageError) in
                _ = try catalog.put(nameView, recordView)
            }
        }
    }

    /// The version that the running transaction would commit.
    var version: Version {
        Version(transaction: transaction, main: main.root, catalog: catalog.root)
    }
}
