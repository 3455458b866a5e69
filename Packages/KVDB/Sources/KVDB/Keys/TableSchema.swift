import StorageIO

/// What a typed table's record says about the types of its keys and values.
struct TableSchema: Equatable, Sendable {
    /// How many bytes a name may have in a record.
    static let nameLimit = 200

    /// The key type's ``StoredType/schemaName``, at most ``nameLimit`` bytes.
    var keyName: String
    var keyVersion: UInt32
    /// The value type's ``StoredType/schemaName``, at most ``nameLimit`` bytes.
    var valueName: String
    var valueVersion: UInt32

    /// The schema of a table of `Key` and `Value`.
    init<Key: OrderedKey, Value: StoredValue>(_ key: Key.Type, _ value: Value.Type) {
        keyName = Self.recorded(Key.schemaName)
        keyVersion = Key.schemaVersion
        valueName = Self.recorded(Value.schemaName)
        valueVersion = Value.schemaVersion
    }

    init(keyName: String, keyVersion: UInt32, valueName: String, valueVersion: UInt32) {
        self.keyName = keyName
        self.keyVersion = keyVersion
        self.valueName = valueName
        self.valueVersion = valueVersion
    }

    /// The schema of a table of bytes, which is the one of every table without a record of its types.
    static var bytes: TableSchema {
        TableSchema(keyName: "bytes", keyVersion: 1, valueName: "bytes", valueVersion: 1)
    }

    /// The name as it is recorded: itself, or, when it is too long, its beginning with the CRC-32C of all
    /// of it, so that two long names are still told apart.
    static func recorded(_ name: String) -> String {
        guard name.utf8.count > nameLimit else { return name }
        let checksum = withByteView(of: Array(name.utf8)) { CRC32C.checksum($0) }
        let digits = String(checksum, radix: 16)
        var kept = ""
        for character in name.unicodeScalars {
            guard kept.utf8.count + character.utf8.count <= nameLimit - 9 else { break }
            kept.unicodeScalars.append(character)
        }
        return kept + "#" + String(repeating: "0", count: 8 - digits.utf8.count) + digits
    }

    /// The error for a handle of this schema on a table whose record says `recorded`.
    func mismatch(recorded: TableSchema, table: String) -> StorageError {
        StorageError(
            .wrongType,
            "The table \(table) holds \(recorded.text), and was asked for as \(text). Use the types that wrote it, or copy it into a new table."
        )
    }

    private var text: String {
        "keys \(keyName) (version \(keyVersion)) with values \(valueName) (version \(valueVersion))"
    }
}
