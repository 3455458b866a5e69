import BTree
import PageStore
import StorageIO

/// The private state of the running write transaction and the head it starts from.
///
/// Guarded by the engine's writer lock: only its holder touches any of this.
final class WriterState<Store: CheckpointedStorage>: @unchecked Sendable {
    // Sendable: the writer lock guards every stored property; `names` has a lock of its own.
    typealias Tree = BPlusTree<Store>

    let store: Store
    /// The names of all tables.
    let names: TableSet
    /// The newest committed version, published or not.
    private(set) var head: Version
    /// Where the head's named tables begin: what `head.tables` leads to.
    private(set) var roots: TableRoots
    /// The tables whose records in the head's catalog are not up to date.
    private(set) var stale = StaleTables()
    /// The tables as the running transaction sees them.
    let tables = TransactionTables()
    /// The catalog as the running transaction sees it. Of the named tables that it changes, only those that
    /// were dropped are up to date there before ``updateCatalog(includingRoots:)``.
    var catalog: Tree
    /// Whether every root is in `catalog`, so that the version's roots begin anew, or none is stale.
    private var catalogState = CatalogState.behind
    private enum CatalogState { case behind, whole, rearranged }
    /// The highest number of a table so far, once the catalog has been read for it; nil again after an
    /// aborted transaction.
    var highestTableNumber: UInt32?
    /// How often the whole catalog was read for that.
    private(set) var catalogReadCount = 0
    /// The number of the running transaction.
    var transaction: TransactionNumber = 0
    /// Grows with each begin and end of a transaction, so that what belonged to one can tell that it is over.
    private(set) var session: UInt64 = 0
    /// Its operations as a log record.
    let operations: OperationWriter
    /// Whether it changed anything.
    var isChanged = false
    /// Why it can only be aborted: an operation failed half-way.
    var failure: StorageError?
    /// The newest version that a checkpoint has written or is writing: its pages stay as they are.
    var checkpointed: TransactionNumber
    /// How many savepoints it has.
    var savepointDepth = 0
    /// How often a savepoint was taken back, over all transactions.
    var rollbackCount: UInt64 = 0
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

    /// Stands on the version `transaction` with these trees.
    init(
        store: Store, transaction: TransactionNumber, main: TreeRoot, catalog: TreeRoot,
        operationLimit: Int, path: String
    ) {
        self.store = store
        names = TableSet(path: path)
        roots = TableRoots()
        head = Version(
            transaction: transaction, main: main, catalog: catalog, tables: roots.pointer)
        checkpointed = transaction
        tables.reset(main: main)
        self.catalog = Tree(store: store, root: catalog)
        operations = OperationWriter(limit: operationLimit, names: names)
    }

    /// The default table as the running transaction sees it.
    var main: Tree {
        get { tree(at: 0) }
        set { setTree(newValue, at: 0) }
    }

    // MARK: Transactions

    /// Starts on the head. The caller has begun the store's transaction.
    ///
    /// - Parameters:
    ///   - number: the transaction's.
    ///   - logged: whether its operations are gathered for the log.
    ///   - observed: whether they are gathered for those who observe, though not for the log.
    func begin(_ number: TransactionNumber, logged: Bool, observed: Bool = false) {
        transaction = number
        tables.reset(main: head.main)
        catalog = Tree(store: store, root: head.catalog)
        catalogState = .behind
        operations.reset(logged: logged, observed: observed)
        isChanged = false
        savepointDepth = 0
        failure = nil
        session &+= 1
    }

    /// Forgets what an aborted transaction found out: it may have read the catalog after dropping tables.
    func noteAbort() {
        highestTableNumber = nil
        session &+= 1
    }

    /// Moves the head to the version that the running transaction has made.
    func advance() {
        session &+= 1
        var changes: [(id: TableID, record: KnownTable?)] = []
        for place in 1..<max(tables.count, 1) where tables[place].isChanged {
            let table = tables[place]
            changes.append((table.id, table.isThere ? table.known : nil))
            if table.isThere {
                stale.insert(table.id, number: table.number)
            } else {
                stale.remove(table.id)
            }
        }
        if catalogState != .behind { stale.removeAll() }
        if catalogState == .rearranged {
            roots = TableRoots()
        } else if !changes.isEmpty {
            roots = TableRoots(roots, transaction: transaction, changes)
        }
        head = Version(
            transaction: transaction, main: tables[0].root, catalog: catalog.root,
            tables: roots.pointer)
    }

    /// Whether the running transaction is a compaction: it moves every root, and changes no content.
    var isRearranging: Bool { catalogState == .rearranged }

    /// Moves the head to a version that differs in what lies in one table's pages alone.
    func advanceInPlace(to version: Version) { head = version }

    // MARK: Tables

    /// The head's root of a table of a kind that may be changed where it lies, nil for other tables. The next
    /// checkpoint must know of the change: so it can't be the first one since the last checkpoint.
    func rootInPlace(_ id: TableID, _ kind: TableKind) -> TreeRoot? {
        if id == .main { return kind == .untyped ? head.main : nil }
        guard stale.contains(id), case .found(let table) = head.tables.entry(id),
            table.kind == kind
        else { return nil }
        return table.root
    }

    /// The tree of the table at a place.
    func tree(at place: Int) -> Tree {
        let table = tables[place]
        return Tree(store: store, root: table.root, changeCount: table.changeCount)
    }

    /// Notes what became of the tree at a place.
    func setTree(_ tree: Tree, at place: Int) {
        tables[place].root = tree.root
        tables[place].changeCount = tree.changeCount
        tables[place].isChanged = true
    }

    /// Changes the table at a place.
    func change<Result>(
        at place: Int, _ body: (inout Tree) throws(StorageError) -> Result
    ) throws(StorageError) -> Result {
        var tree = tree(at: place)
        let result = try body(&tree)
        if tree.changeCount != tables[place].changeCount { setTree(tree, at: place) }
        return result
    }

    /// The place of a table, nil when it is not there. O(1) from the second time on, and for a table that the
    /// head's roots know.
    func open(_ id: TableID) throws(StorageError) -> Int? {
        let place = if let place = tables.place(of: id) { place } else { try lookUp(id) }
        return tables[place].isThere ? place : nil
    }

    /// The place of a table, which is created when it is not there.
    func create(_ id: TableID) throws(StorageError) -> Int {
        let place = if let place = tables.place(of: id) { place } else { try lookUp(id) }
        if tables[place].isThere { return place }
        tables[place].number = try nextTableNumber()
        tables[place].root = .empty
        tables[place].isThere = true
        tables[place].isNew = true
        tables[place].isChanged = true
        return place
    }

    private func lookUp(_ id: TableID) throws(StorageError) -> Int {
        let known: KnownTable?
        switch head.tables.entry(id) {
        case .found(let table): known = table
        case .missing: known = nil
        case .unknown:
            known = try catalog.record(of: names.name(of: id)).map { KnownTable($0, names) }
        }
        return tables.append(
            OpenTable(
                id: id, number: known?.number ?? 0, root: known?.root ?? .empty,
                kind: known?.kind ?? .untyped, isThere: known != nil))
    }

    /// Notes that a table is gone; its pages are given back already.
    func drop(at place: Int) throws(StorageError) {
        _ = try withByteView(of: names.name(of: tables[place].id)) { name throws(StorageError) in
            try catalog.delete(name)
        }
        tables[place].root = .empty
        tables[place].kind = .untyped
        tables[place].isThere = false
        tables[place].isChanged = true
        tables[place].changeCount &+= 1
    }

    /// Lets the table at `place` be the table `id`, which is not there.
    func move(_ place: Int, to id: TableID) throws(StorageError) {
        let target = if let place = tables.place(of: id) { place } else { try lookUp(id) }
        let table = tables[place]
        try drop(at: place)
        tables[target].number = table.number
        tables[target].root = table.root
        tables[target].kind = table.kind
        tables[target].isThere = true
        tables[target].isNew = true
        tables[target].isChanged = true
        tables[target].changeCount &+= 1
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
        // A table that was renamed in this transaction is not in the catalog now.
        for place in 0..<tables.count where tables[place].isThere {
            highest = max(highest, tables[place].number)
        }
        return highest
    }

    // MARK: The catalog

    /// The names of the tables that the transaction has created, or given another name.
    func createdNames() -> [[UInt8]] {
        var created: [[UInt8]] = []
        for place in 1..<max(tables.count, 1) where tables[place].isThere && tables[place].isNew {
            created.append(names.name(of: tables[place].id))
        }
        return created
    }

    /// Brings the catalog up to date: with the tables that the transaction has created, or with the roots of
    /// all tables, so that the catalog's root stands for the whole version.
    func updateCatalog(includingRoots: Bool) throws(StorageError) {
        if includingRoots {
            try updateMainRecord()
            if catalogState == .behind {
                try writeStaleRecords()
                catalogState = .whole
            }
        }
        for place in 1..<max(tables.count, 1) where tables[place].isChanged {
            let table = tables[place]
            guard table.isThere, includingRoots || table.isNew else { continue }
            try put(table.known, for: table.id)
        }
    }

    /// Brings the whole catalog up to date and lets the caller change the records in it: for work on every table
    /// there is, known by name to this handle or not. The transaction has opened none.
    func beginRearranging() throws(StorageError) {
        try writeStaleRecords()
        catalogState = .rearranged
    }

    /// Writes where a table that is not open lies into the catalog.
    func setTable(_ name: [UInt8], _ record: TableRecord) throws(StorageError) {
        try put(record.encoded, for: name)
    }

    /// Writes the records of the changed tables, and forgets all that are open but the default table: so that
    /// a replay that goes through very many keeps few.
    func closeTables() throws(StorageError) {
        for place in 1..<max(tables.count, 1) where tables[place].isChanged && tables[place].isThere
        {
            try put(tables[place].known, for: tables[place].id)
        }
        tables.reset(main: tables[0].root)
    }

    private func updateMainRecord() throws(StorageError) {
        let record = TableRecord(number: 0, root: tables[0].root)
        // A checkpoint that has nothing new to say about the default table takes no page for it.
        let last = try catalog.record(of: [])
        // But a root that was changed in its place since the last checkpoint is younger than the page
        // of the catalog that leads to it, as no page may be.
        let isYounger = try isMainYounger()
        if last != record || isYounger { try put(record.encoded, for: []) }
    }

    private func isMainYounger() throws(StorageError) -> Bool {
        let root = tables[0].root
        guard root.page != 0 else { return false }
        // Of a catalog of several pages it would have to be looked for.
        guard catalog.root.height == 1 else { return true }
        let token = store.beginRead()
        defer { store.endRead(token) }
        let birth = try store.page(root.page).birth
        return try birth > store.page(catalog.root.page).birth
    }

    /// Writes the records that are not up to date, but for those of tables that the transaction has changed. As
    /// each is written anew, no root is younger than the page of the catalog that leads to it.
    private func writeStaleRecords() throws(StorageError) {
        for table in stale.tables {
            if let place = tables.place(of: table.id), tables[place].isChanged { continue }
            guard case .found(let record) = head.tables.entry(table.id) else { continue }
            try put(record, for: table.id)
        }
    }

    private func put(_ table: KnownTable, for id: TableID) throws(StorageError) {
        try put(table.record(names).encoded, for: names.name(of: id))
    }

    private func put(_ record: [UInt8], for name: [UInt8]) throws(StorageError) {
        try withByteView(of: name) { nameView throws(StorageError) in
            try withByteView(of: record) { recordView throws(StorageError) in
                _ = try catalog.put(nameView, recordView)
            }
        }
    }
}

extension BPlusTree {
    /// What a catalog says about a table; nil when there is none. O(log tables).
    ///
    /// - Throws: `damaged` when the record is malformed.
    func record(of name: [UInt8]) throws(StorageError) -> TableRecord? {
        try withByteView(of: name) { name throws(StorageError) in
            try withValue(name) { value throws(StorageError) in try TableRecord(value) }
        }
    }
}
