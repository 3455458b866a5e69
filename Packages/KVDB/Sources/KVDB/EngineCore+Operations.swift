import BTree
import PageStore
import StorageIO

/// The changes of the running transaction: each checks its arguments, changes the private tree and
/// records the operation. The caller holds the writer lock.
extension EngineCore {
    func requireLegal(key: ByteView) throws(StorageError) {
        guard key.count <= TreeLimits.maximumKeyLength else {
            throw StorageError(
                .keyTooLong,
                "The key has \(key.count) bytes; at most \(TreeLimits.maximumKeyLength) are allowed.",
                path: path)
        }
    }

    func requireLegal(value: ByteView) throws(StorageError) {
        guard value.count <= TreeLimits.maximumValueLength else {
            throw StorageError(
                .valueTooLong,
                "The value has \(value.count) bytes; at most \(TreeLimits.maximumValueLength) are allowed.",
                path: path)
        }
    }

    private func requireLegal(table: [UInt8]) throws(StorageError) {
        guard table.count <= TreeLimits.maximumKeyLength else {
            throw StorageError(
                .keyTooLong,
                "The table's name has \(table.count) bytes; at most \(TreeLimits.maximumKeyLength) are allowed.",
                path: path)
        }
    }

    func put(_ key: ByteView, _ value: ByteView, table: [UInt8] = []) throws(StorageError) {
        try requireLegal(key: key)
        try requireLegal(value: value)
        try requireLegal(table: table)
        try change { () throws(StorageError) in
            if table.isEmpty {
                _ = try writer.main.put(key, value)
            } else if let index = try writer.openTable(table, create: true) {
                _ = try writer.openTables[index].tree.put(key, value)
                writer.openTables[index].isChanged = true
            }
            writer.operations.put(table, key, value)
            writer.isChanged = true
        }
    }

    func delete(_ key: ByteView, table: [UInt8] = []) throws(StorageError) -> Bool {
        // A key too long to be there is simply not there.
        guard key.count <= TreeLimits.maximumKeyLength else { return false }
        return try change(removing: true) { () throws(StorageError) in
            var isFound = false
            if table.isEmpty {
                isFound = try writer.main.delete(key)
            } else if let index = try writer.openTable(table, create: false) {
                isFound = try writer.openTables[index].tree.delete(key)
                if isFound { writer.openTables[index].isChanged = true }
            }
            if isFound {
                writer.operations.delete(table, key)
                writer.isChanged = true
            }
            return isFound
        }
    }

    func deleteRange(_ range: KeyRange, table: [UInt8] = []) throws(StorageError) -> UInt64 {
        guard !range.isEmpty else { return 0 }
        return try change(removing: true) { () throws(StorageError) in
            var deleted: UInt64 = 0
            if table.isEmpty {
                deleted = try writer.main.deleteRange(in: range)
            } else if let index = try writer.openTable(table, create: false) {
                deleted = try writer.openTables[index].tree.deleteRange(in: range)
                if deleted > 0 { writer.openTables[index].isChanged = true }
            }
            if deleted > 0 {
                writer.operations.deleteRange(table, range)
                writer.isChanged = true
            }
            return deleted
        }
    }

    func createTable(_ name: [UInt8]) throws(StorageError) {
        try requireLegal(table: name)
        guard !name.isEmpty else { return }
        try change { () throws(StorageError) in
            guard let index = try writer.openTable(name, create: true),
                writer.openTables[index].isChanged
            else { return }
            writer.operations.touchTable(name)
            writer.isChanged = true
        }
    }

    func dropTable(_ name: [UInt8]) throws(StorageError) -> Bool {
        guard !name.isEmpty else { return try deleteRange(.all) > 0 }
        return try change(removing: true) { () throws(StorageError) in
            guard let index = try writer.openTable(name, create: false) else { return false }
            try writer.openTables[index].tree.deleteAll()
            writer.forgetTable(at: index)
            _ = try name.withByteView { view throws(StorageError) in
                try writer.catalog.delete(view)
            }
            writer.operations.dropTable(name)
            writer.isChanged = true
            return true
        }
    }
}

extension BPlusTree {
    /// The entries in `range` in order or in reverse, until `body` returns false.
    func forEach(
        in range: KeyRange, reverse: Bool, keepsValues: Bool = true,
        _ body: (_ key: ByteView, _ value: ByteView) throws(StorageError) -> Bool
    ) throws(StorageError) {
        guard !range.isEmpty else { return }
        try range.withBounds { from, to throws(StorageError) in
            try forEach(
                from: from, to: to, reverse: reverse, keepsValues: keepsValues, body)
        }
    }

    /// How many entries lie in `range`.
    func count(in range: KeyRange) throws(StorageError) -> UInt64 {
        guard !range.isEmpty else { return 0 }
        return try range.withBounds { from, to throws(StorageError) in
            try count(from: from, to: to)
        }
    }

    /// Deletes the entries in `range`.
    mutating func deleteRange(in range: KeyRange) throws(StorageError) -> UInt64 {
        guard !range.isEmpty else { return 0 }
        return try range.withBounds { from, to throws(StorageError) in
            try self.deleteRange(from: from, to: to)
        }
    }
}

extension KeyRange {
    /// Lends both bounds.
    func withBounds<Result>(
        _ body: (ByteView?, ByteView?) throws(StorageError) -> Result
    ) throws(StorageError) -> Result {
        let lower = from ?? []
        let upper = to ?? []
        return try lower.withByteView { lowerView throws(StorageError) in
            try upper.withByteView { upperView throws(StorageError) in
                try body(from == nil ? nil : lowerView, to == nil ? nil : upperView)
            }
        }
    }
}
