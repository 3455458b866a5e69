import BTree
import StorageIO

/// What keeps one index of a table in step with the rows.
struct IndexRule: Sendable {
    let schema: IndexSchema
    /// What the index's own table holds: keys of an index key and a row's key, without values.
    let types: TableDescription
    /// The entry of a row; nil when the index leaves it out.
    let entry: @Sendable (_ key: RawSpan, _ value: RawSpan) throws(StorageError) -> IndexEntry?
}

/// A key in an index's table.
struct IndexEntry: Equatable {
    /// The index key, and behind it the row's key.
    var bytes: [UInt8]
    /// How many bytes the index key has.
    var prefixCount: Int

    var prefix: ArraySlice<UInt8> { bytes[..<prefixCount] }
}

/// The indexes that a handle's table is declared with, by their names.
final class IndexRules: Sendable {
    let rules: [IndexRule]
    /// The encoded ``TableDescription`` of the table.
    let description: [UInt8]
    /// Why there can be no such indexes.
    let flaw: StaticString?

    /// One index by itself.
    init(only rule: IndexRule) {
        rules = [rule]
        description = []
        flaw = nil
    }

    init(_ rules: [IndexRule], schema: TableSchema) {
        let rules = rules.sorted {
            $0.schema.name.utf8.lexicographicallyPrecedes($1.schema.name.utf8)
        }
        self.rules = rules
        description = TableDescription(schema: schema, indexes: rules.map { $0.schema }).encoded
        var flaw: StaticString?
        for (place, rule) in rules.enumerated() {
            let name = rule.schema.name.utf8
            if name.isEmpty || name.count > TableSchema.nameLimit || name.contains(0) {
                flaw = "The name of an index has 1 to 200 bytes, and none of them is zero."
            }
            if place > 0, rules[place - 1].schema.name.utf8.elementsEqual(name) {
                flaw = "Two indexes of a table have the same name."
            }
        }
        if description.count > TableDescription.byteLimit {
            flaw = "The indexes of a table take more than 900 bytes to describe; use shorter names."
        }
        self.flaw = flaw
    }
}

/// The names of the tables that indexes are kept in.
enum IndexName {
    /// The name of an index's table: no name of an app's begins with a zero byte.
    static func table(of table: [UInt8], index: String) -> [UInt8] {
        [0] + table + [0] + Array(index.utf8)
    }

    /// The table and the index that the name of an index's table is made of.
    static func parts(of name: [UInt8]) -> (table: [UInt8], index: [UInt8])? {
        // No zero byte is in an index's name, and one may be in a table's.
        guard isReserved(name), let end = name.lastIndex(of: 0), end > 0 else { return nil }
        return (Array(name[1..<end]), Array(name[(end + 1)...]))
    }

    /// Whether a table is an index's.
    static func isReserved(_ name: [UInt8]) -> Bool { name.first == 0 }
}
