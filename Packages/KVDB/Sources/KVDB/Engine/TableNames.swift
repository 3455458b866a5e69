import BTree
import StorageIO

/// The names of tables in bytes that came from elsewhere: a catalog, a log, an import.
enum TableName {
    /// Whether `name` can be one: UTF-8, since callers name tables by strings.
    static func isLegal(_ name: [UInt8]) -> Bool {
        // Decoding repairs what is not UTF-8, so that it comes out as something else.
        Array(String(decoding: name, as: UTF8.self).utf8) == name
    }
}

extension BPlusTree {
    /// The named tables of a catalog in the order of their names, each with what its record says,
    /// so that nobody has to look for a name that a forged catalog lists but leads elsewhere.
    ///
    /// - Throws: `damaged`, with the path, when names are not UTF-8 or do not ascend, or a record is
    ///   malformed.
    func namedTables(
        path: String
    ) throws(StorageError) -> [(name: [UInt8], record: TableRecord)] {
        var tables: [(name: [UInt8], record: TableRecord)] = []
        try forEach(from: nil, to: nil, reverse: false) { key, value throws(StorageError) in
            let name = key.array
            guard TableName.isLegal(name) else {
                throw StorageError(
                    .damaged, "A table's name in the catalog is not UTF-8.", path: path)
            }
            if let last = tables.last, !last.name.lexicographicallyPrecedes(name) {
                throw StorageError(
                    .damaged, "The names of the tables in the catalog do not ascend.", path: path)
            }
            let record: TableRecord
            do throws(StorageError) { record = try TableRecord(value) } catch {
                throw StorageError(error.code, error.message, path: path)
            }
            if !name.isEmpty { tables.append((name, record)) }
            return true
        }
        return tables
    }
}
