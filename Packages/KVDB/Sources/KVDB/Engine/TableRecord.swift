import BTree
import StorageIO

/// The catalog's value for a table, laid out in `Docs/RecordFormat.md`.
struct TableRecord: Equatable {
    /// The byte count of an encoded record without a description.
    static var byteCount: Int { 24 }
    /// u32: the table's number, 0 for the default table.
    static var numberOffset: Int { 0 }
    /// u32: the root page, 0 for an empty tree.
    static var rootOffset: Int { 4 }
    /// u8: the tree's height.
    static var heightOffset: Int { 8 }
    /// u64: the entry count.
    static var countOffset: Int { 16 }

    var number: UInt32
    var root: TreeRoot
    /// The encoded ``TableDescription``; empty for a table of bytes.
    var description: [UInt8]

    init(number: UInt32, root: TreeRoot, description: [UInt8] = []) {
        self.number = number
        self.root = root
        self.description = description
    }

    /// Reads a record.
    ///
    /// - Throws: `damaged` when it is too short, height and root contradict, or the description is malformed;
    ///   `unsupportedFormat` when a newer program wrote the description.
    init(_ bytes: ByteView) throws(StorageError) {
        guard bytes.count >= Self.byteCount,
            let number = bytes.load(at: Self.numberOffset, as: UInt32.self),
            let page = bytes.load(at: Self.rootOffset, as: UInt32.self),
            let height = bytes.load(at: Self.heightOffset, as: UInt8.self),
            let count = bytes.load(at: Self.countOffset, as: UInt64.self),
            (page == 0) == (height == 0), page != 0 || count == 0
        else { throw StorageError(.damaged, "A table's record in the catalog is malformed.") }
        self.number = number
        root = TreeRoot(page: page, height: height, entryCount: count)
        let rest = bytes.dropFirst(Self.byteCount)
        description = rest.count == 0 ? [] : rest.array
        if rest.count > 0 { _ = try TableDescription(rest) }
    }

    /// The encoded record.
    var encoded: [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Self.byteCount)
        func store<Value: FixedWidthInteger>(_ value: Value, at offset: Int) {
            for index in 0..<MemoryLayout<Value>.size {
                bytes[offset + index] = UInt8(truncatingIfNeeded: value >> (8 * index))
            }
        }
        store(number, at: Self.numberOffset)
        store(root.page, at: Self.rootOffset)
        store(root.height, at: Self.heightOffset)
        store(root.entryCount, at: Self.countOffset)
        return bytes + description
    }
}

/// What a handle knows about a table that is there.
struct KnownTable: Equatable {
    var number: UInt32
    var root: TreeRoot
    var kind: TableKind

    init(number: UInt32, root: TreeRoot, kind: TableKind = .untyped) {
        self.number = number
        self.root = root
        self.kind = kind
    }

    /// What a record says.
    init(_ record: TableRecord, _ names: TableSet) {
        number = record.number
        root = record.root
        kind = record.description.isEmpty ? .untyped : names.kind(of: record.description)
    }

    /// The record that says so.
    func record(_ names: TableSet) -> TableRecord {
        TableRecord(
            number: number, root: root,
            description: kind == .untyped ? [] : names.description(of: kind))
    }
}
