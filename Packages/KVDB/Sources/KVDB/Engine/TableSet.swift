import BTree
import StorageIO

/// The names of the tables that a handle has to do with, each with a place of its own: given on a name's first
/// use, and never taken back while the handle lives. A place says nothing about whether the table is there.
final class TableSet: Sendable {
    private let names: Guarded<NameIndex>
    /// What tables hold, as encoded descriptions: each ``TableKind`` has its place here.
    private let kinds: Guarded<NameIndex>
    /// The indexes that tables were declared with last, for verification.
    private let declared = Guarded<[(name: [UInt8], indexes: IndexRules)]>([])
    #if !hasFeature(Embedded)
        /// The kinds of the tables without an index that handles were asked for, by their types.
        private let typeKinds = Guarded<[TypeKind]>([])
        private struct TypeKind {
            let key: ObjectIdentifier
            let value: ObjectIdentifier
            let kind: TableKind
        }
    #endif
    private let path: String

    /// More places than that are refused: that many fit into a ``TableRoots``.
    static var limit: Int { TableRoots.limit }

    /// A set with the default table at place 0; `path` is for errors.
    init(path: String = "") {
        var index = NameIndex()
        index.append([])
        names = Guarded(index)
        // No description is the first one: see ``TableKind/untyped``.
        kinds = Guarded(index)
        self.path = path
    }

    /// The place of a name, which is given one if it has none. O(1).
    ///
    /// - Throws: `keyTooLong`; `invalidArgument` when there is no place left.
    func id(of name: [UInt8]) throws(StorageError) -> TableID {
        guard name.count <= TreeLimits.maximumKeyLength else {
            throw StorageError(
                .keyTooLong,
                "The table's name has \(name.count) bytes; at most \(TreeLimits.maximumKeyLength) are allowed.",
                path: path)
        }
        let index = names.withLock { names -> Int? in
            if let index = names.index(of: name) { return index }
            guard names.count < Self.limit else { return nil }
            names.append(name)
            return names.count - 1
        }
        guard let index else {
            throw StorageError(
                .invalidArgument, "The handle has used too many tables; open the database anew.",
                path: path)
        }
        return TableID(index: UInt32(index))
    }

    /// The place of a name, nil when it has none. O(1).
    func find(_ name: [UInt8]) -> TableID? {
        names.withLock { names in names.index(of: name).map { TableID(index: UInt32($0)) } }
    }

    /// The name at a place. O(1).
    func name(of table: TableID) -> [UInt8] {
        names.withLock { $0.name(at: Int(table.index)) }
    }

    /// The kind of the tables that have this description. O(1).
    func kind(of description: [UInt8]) -> TableKind {
        kinds.withLock { kinds in
            if let index = kinds.index(of: description) { return TableKind(index: UInt32(index)) }
            kinds.append(description)
            return TableKind(index: UInt32(kinds.count - 1))
        }
    }

    /// Notes the indexes that a table is declared with.
    func note(_ indexes: IndexRules, on name: [UInt8]) {
        declared.withLock { declared in
            guard let place = declared.firstIndex(where: { $0.name == name }) else {
                return declared.append((name, indexes))
            }
            declared[place].indexes = indexes
        }
    }

    /// The indexes that tables were declared with, of each table the last ones.
    var declaredIndexes: [(name: [UInt8], indexes: IndexRules)] { declared.withLock { $0 } }

    /// The kind of the tables of these types, without an index.
    func kind<Key: OrderedKey, Value: StoredValue>(
        _ key: Key.Type, _ value: Value.Type
    ) -> TableKind {
        #if !hasFeature(Embedded)
            let (key, value) = (ObjectIdentifier(key), ObjectIdentifier(value))
            let known = typeKinds.withLock { kinds in
                kinds.first { $0.key == key && $0.value == value }?.kind
            }
            if let known { return known }
        #endif
        let description = TableDescription(schema: TableSchema(Key.self, Value.self))
        let kind = kind(of: description.encoded)
        #if !hasFeature(Embedded)
            typeKinds.withLock { $0.append(TypeKind(key: key, value: value, kind: kind)) }
        #endif
        return kind
    }

    /// The encoded description of the tables of a kind. O(1).
    func description(of kind: TableKind) -> [UInt8] {
        kinds.withLock { $0.name(at: Int(kind.index)) }
    }

    /// How many names were compared with one that was looked for.
    var comparisonCount: Int { names.withLock { $0.comparisonCount } }
}
