import StorageIO

/// What a table holds, as a small number that a handle gives to each description: see ``TableDescription``.
struct TableKind: Hashable, Sendable {
    /// Its place in the ``TableSet``.
    let index: UInt32

    /// No types are recorded: the table holds bytes.
    static var untyped: TableKind { TableKind(index: 0) }
}

/// What a table's record says about its entries: the types of keys and values, and the indexes that are kept.
/// Laid out in `Docs/RecordFormat.md`. A table of bytes without an index has none.
struct TableDescription: Equatable, Sendable {
    /// The most bytes of a description, so that a record always lies in a leaf.
    static var byteLimit: Int { 900 }
    private static var layoutVersion: UInt8 { 1 }

    /// The types of keys and values.
    var schema: TableSchema
    /// The indexes, in the order of their names.
    var indexes: [IndexSchema] = []

    /// The description of a table of bytes.
    static var bytes: TableDescription { TableDescription(schema: .bytes) }

    /// The encoded description; nothing for a table of bytes without an index.
    var encoded: [UInt8] {
        guard self != .bytes else { return [] }
        var bytes = [Self.layoutVersion]
        bytes.append(version: schema.keyVersion, name: schema.keyName)
        bytes.append(version: schema.valueVersion, name: schema.valueName)
        for index in indexes {
            bytes.append(index.isUnique ? 1 : 0)
            bytes.append(version: index.version, name: index.name)
            bytes.append(version: index.keyVersion, name: index.keyName)
        }
        return bytes
    }

    init(schema: TableSchema, indexes: [IndexSchema] = []) {
        self.schema = schema
        self.indexes = indexes
    }

    /// Reads a description.
    ///
    /// - Throws: `damaged` when it is malformed, `unsupportedFormat` when a newer program wrote it.
    init(_ bytes: ByteView) throws(StorageError) {
        self = .bytes
        guard bytes.count > 0 else { return }
        var reader = DescriptionReader(bytes)
        let version = try reader.byte()
        guard version > 0 else { throw reader.malformed }
        guard version == Self.layoutVersion else {
            throw StorageError(
                .unsupportedFormat,
                "A table is described in a way that this program does not know; use a newer one.")
        }
        let key = try reader.versionedName()
        let value = try reader.versionedName()
        schema = TableSchema(
            keyName: key.name, keyVersion: key.version, valueName: value.name,
            valueVersion: value.version)
        while !reader.isAtEnd {
            let flags = try reader.byte()
            guard flags < 2 else { throw reader.malformed }
            let index = try reader.versionedName()
            let name = index.name
            let key = try reader.versionedName()
            if let last = indexes.last, !last.name.utf8.lexicographicallyPrecedes(name.utf8) {
                throw reader.malformed
            }
            indexes.append(
                IndexSchema(
                    name: name, isUnique: flags == 1, version: index.version, keyName: key.name,
                    keyVersion: key.version))
        }
        // One table has one description.
        guard bytes.count <= Self.byteLimit, self != .bytes else { throw reader.malformed }
    }
}

/// What a table's record says about one of its indexes.
struct IndexSchema: Equatable, Sendable {
    /// At most ``TableSchema/nameLimit`` bytes of UTF-8, unlike those of the table's other indexes.
    var name: String
    /// Whether no two rows have the same key in it.
    var isUnique: Bool
    /// Grows when the same row has another key in it.
    var version: UInt32
    /// The name of the key's type, at most ``TableSchema/nameLimit`` bytes.
    var keyName: String
    var keyVersion: UInt32
}

extension [UInt8] {
    fileprivate mutating func append(version: UInt32, name: String) {
        for shift in stride(from: 0, to: 32, by: 8) {
            append(UInt8(truncatingIfNeeded: version >> UInt32(shift)))
        }
        append(name: name)
    }

    fileprivate mutating func append(name: String) {
        append(UInt8(truncatingIfNeeded: name.utf8.count))
        append(contentsOf: name.utf8)
    }
}

private struct DescriptionReader {
    private let bytes: ByteView
    private var offset = 0

    init(_ bytes: ByteView) { self.bytes = bytes }

    var isAtEnd: Bool { offset == bytes.count }

    var malformed: StorageError {
        StorageError(.damaged, "What a table's record says about its types is malformed.")
    }

    mutating func byte() throws(StorageError) -> UInt8 {
        guard let byte = bytes.load(at: offset, as: UInt8.self) else { throw malformed }
        offset += 1
        return byte
    }

    mutating func name() throws(StorageError) -> String {
        let count = Int(try byte())
        guard count <= TableSchema.nameLimit, count <= bytes.count - offset else {
            throw malformed
        }
        let name = bytes.dropFirst(offset).prefix(count).array
        guard TableName.isLegal(name) else { throw malformed }
        offset += count
        return String(decoding: name, as: UTF8.self)
    }

    mutating func versionedName() throws(StorageError) -> (version: UInt32, name: String) {
        guard let version = bytes.load(at: offset, as: UInt32.self) else { throw malformed }
        offset += 4
        return (version, try name())
    }
}
