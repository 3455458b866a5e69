import BTree
import StorageIO

/// The names of the tables that a handle has to do with, each with a place of its own: given on a name's first
/// use, and never taken back while the handle lives. A place says nothing about whether the table is there.
final class TableSet: Sendable {
    private let names: Guarded<NameIndex>
    private let path: String

    /// More places than that are refused: that many fit into a ``TableRoots``.
    static var limit: Int { TableRoots.limit }

    /// A set with the default table at place 0; `path` is for errors.
    init(path: String = "") {
        var index = NameIndex()
        index.append([])
        names = Guarded(index)
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

    /// How many names were compared with one that was looked for.
    var comparisonCount: Int { names.withLock { $0.comparisonCount } }
}
