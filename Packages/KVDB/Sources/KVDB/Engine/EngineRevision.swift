import BTree
import PageStore
import StorageIO
import WAL

/// A look at one entry of a table of the running transaction, after which another value may be put.
#if !hasFeature(Embedded)
    @_spi(Engine)
#endif
public struct EngineRevision<Store: CheckpointedStorage, Log: CommitLog>: ~Copyable {
    private let core: Engine<Store, Log>
    private let table: TableID
    private let kind: TableKind
    private let key: ByteView
    /// Where the table is in the transaction; nil as long as it is not there.
    private var place: Int?
    private var revision: TreeRevision<Store>
    /// Whether a value was put.
    private(set) var isChanged = false

    init(
        _ core: Engine<Store, Log>, _ table: TableID, _ kind: TableKind, _ key: ByteView
    ) throws(StorageError) {
        self.core = core
        self.table = table
        self.kind = kind
        self.key = key
        place = try core.writer.open(table)
        let tree = place.map { core.writer.tree(at: $0) } ?? BPlusTree(store: core.store)
        revision = try tree.revise(key)
    }

    /// The value that is there, nil when there is none. It is gone when another one is put.
    public var old: ByteView? { revision.old }

    /// Puts a value, once at most. It must not lie where the old one does.
    ///
    /// - Throws: `valueTooLong` with nothing changed; `diskFull`, `damaged`, `inputOutput`, after which only abort
    ///   is left.
    public mutating func put(_ value: ByteView) throws(StorageError) {
        try core.requireLegal(value: value)
        guard !isChanged else {
            throw StorageError(
                .invalidArgument, "An update puts one value only.", path: core.path)
        }
        isChanged = true
        do throws(StorageError) {
            let place = if let place { place } else { try core.writer.create(table) }
            self.place = place
            core.noteKind(place, kind)
            try revision.put(value)
        } catch {
            core.writer.failure = error
            throw error
        }
        core.writer.operations.put(table, key, value)
        core.writer.isChanged = true
    }

    /// Lets the transaction have what was put.
    mutating func finish() {
        if let place { core.writer.setTree(revision.tree, at: place) }
    }
}
