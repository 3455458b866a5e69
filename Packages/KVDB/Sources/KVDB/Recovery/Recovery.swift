import BTree
import PageStore
import StorageIO
import WAL

/// Brings a page store from its checkpoint to the last committed transaction of the log ("Recovery"
/// in `Docs/Architecture.md`): O(log length), whatever the database's size.
///
/// Nobody reads the versions between the two, so the store sees all records as one transaction, which
/// changes a page in place once it has copied it; its birth is that of the last change, as it would be
/// else. Whatever fails ends the open, so there is nothing to undo.
struct Recovery<Store: CheckpointedStorage> {
    private typealias Tree = BPlusTree<Store>

    private let store: Store
    private let options: DatabaseOptions
    private let path: String
    /// The state to go on from once the log is replayed.
    let writer: WriterState<Store>
    /// How many commits came out of the log, and their bytes.
    private(set) var recovered: (commits: Int, byteCount: Int) = (0, 0)
    /// The last transaction replayed; the checkpoint's at first.
    private var reached: TransactionNumber

    /// Starts from the durable checkpoint.
    ///
    /// - Throws: `damaged` when the catalog is.
    init(store: Store, options: DatabaseOptions, path: String) throws(StorageError) {
        self.store = store
        self.options = options
        self.path = path
        let checkpoint = store.checkpoint
        reached = checkpoint.transaction
        let catalog = BPlusTree(
            store: store,
            root: TreeRoot(
                page: checkpoint.catalogRoot, height: checkpoint.catalogHeight,
                entryCount: checkpoint.catalogCount))
        let main = try catalog.record(of: [])
        writer = WriterState(
            store: store, transaction: checkpoint.transaction, main: main?.root ?? .empty,
            catalog: catalog.root, operationLimit: options.loggedTransactionLimit, path: path)
        try store.publish(checkpoint.transaction)
    }

    /// Makes sure that the checkpoint is still whole. One of the two superblocks is damaged; if that
    /// was the newer one and not a write that a crash cut off, this older one's pages may have been
    /// used for others since, which all are newer than it. O(pages).
    ///
    /// - Throws: `damaged`.
    func checkPages() throws(StorageError) {
        do throws(StorageError) {
            try Tree(store: store, root: writer.head.main).checkInvariants()
            let catalog = Tree(store: store, root: writer.head.catalog)
            try catalog.checkInvariants()
            try catalog.forEach(from: nil, to: nil, reverse: false) {
                name, record throws(StorageError) in
                guard name.count > 0 else { return true }
                try Tree(store: store, root: try TableRecord(record).root).checkInvariants()
                return true
            }
        } catch {
            guard error.code == .damaged else { throw error }
            throw StorageError(
                .damaged,
                "The newest superblock is damaged, and what the other one refers to is gone. "
                    + "Salvage what is left, or restore a backup.",
                path: path, cause: error)
        }
    }

    /// Applies one record of the log. Those that the checkpoint covers are passed over.
    ///
    /// - Throws: `damaged` for a gap in the transactions or malformed operations.
    mutating func replay(
        transaction: TransactionNumber, payload: ByteView, at position: LogSequenceNumber
    ) throws(StorageError) {
        guard transaction > store.checkpoint.transaction else { return }
        guard transaction == reached + 1 else {
            throw StorageError(
                .damaged,
                "The log goes from transaction \(reached) to \(transaction); "
                    + "what was between is missing. Salvage what is left, or restore a backup.",
                path: path, logSequenceNumber: position)
        }
        if reached == writer.head.transaction {
            try store.beginTransaction(transaction)
            writer.begin(transaction, logged: false)
        } else {
            try store.extendTransaction(to: transaction)
        }
        do {
            try writer.replay(payload)
            // So that what is open stays small beside the log's length.
            if writer.tables.count > 4096 { try writer.closeTables() }
        } catch {
            var located = error
            if located.logSequenceNumber == nil { located.logSequenceNumber = position }
            if located.path == nil { located.path = path }
            throw located
        }
        reached = transaction
        recovered.commits += 1
        recovered.byteCount += payload.count
        if !options.isReadOnly && store.pressure.isDirtyBudgetSpent { try store.writeOutDirty() }
    }

    /// Makes what was replayed the state to go on from.
    ///
    /// - Throws: `damaged` when the catalog is.
    func finish() throws(StorageError) {
        guard reached != writer.head.transaction else { return }
        try writer.updateCatalog(includingRoots: false)
        try store.commitTransaction()
        writer.transaction = reached
        writer.advance()
        try store.publish(reached)
    }
}

extension WriterState {
    /// Applies the operations of a log record to the running transaction.
    func replay(_ payload: ByteView) throws(StorageError) {
        var reader = OperationReader(payload)
        var table = 0
        while let operation = try reader.next() {
            switch operation {
            case .useTable(let name):
                table = name.count == 0 ? 0 : try create(names.id(of: name.array))
            case .dropTable(let name):
                table = 0
                guard let place = try open(names.id(of: name.array)) else { continue }
                try change(at: place) { tree throws(StorageError) in try tree.deleteAll() }
                try drop(at: place)
            case .renameTable(let from, let to):
                table = 0
                guard let place = try open(names.id(of: from.array)) else { continue }
                guard try open(names.id(of: to.array)) == nil else {
                    throw StorageError(
                        .damaged, "The log gives a table the name of another one.")
                }
                try move(place, to: names.id(of: to.array))
            case .describeTable(let description):
                guard table > 0 else {
                    throw StorageError(.damaged, "The log gives the default table a type.")
                }
                tables[table].kind = names.kind(of: description.encoded)
                tables[table].isChanged = true
            case .put(let key, let value):
                _ = try change(at: table) { tree throws(StorageError) in try tree.put(key, value) }
            case .delete(let key):
                _ = try change(at: table) { tree throws(StorageError) in try tree.delete(key) }
            case .deleteRange(let from, let to):
                _ = try change(at: table) { tree throws(StorageError) in
                    try tree.deleteRange(from: from, to: to)
                }
            }
        }
    }
}
