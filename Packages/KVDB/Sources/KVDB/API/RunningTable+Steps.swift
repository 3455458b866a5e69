import BTree
import StorageIO

// What the changing calls do that consist of several steps.
extension RunningTable {
    /// See ``TableChanging/insert(_:for:)``.
    func insert<Key: OrderedKey, Value: StoredValue>(
        _ value: Value, for key: Key
    ) throws(StorageError) -> Bool {
        guard try !contains(key) else { return false }
        try put(value, for: key)
        return true
    }

    /// See ``TableChanging/replace(_:for:)``.
    func replace<Key: OrderedKey, Value: StoredValue>(
        _ value: Value, for key: Key
    ) throws(StorageError) -> Bool {
        guard try contains(key) else { return false }
        try put(value, for: key)
        return true
    }

    /// See ``TableChanging/replace(_:with:for:)``.
    func replace<Key: OrderedKey, Value: StoredValue>(
        _ old: Value, with new: Value, for key: Key
    ) throws(StorageError) -> Bool {
        guard let found = try bytes(of: key) else { return false }
        let isSame = try old.withStoredBytes { old throws(StorageError) in
            withByteView(of: old) { old in withByteView(of: found) { $0.compare(to: old) == 0 } }
        }
        guard isSame else { return false }
        try put(new, for: key)
        return true
    }

    /// See ``TableChanging/exchange(_:for:)``.
    func exchange<Key: OrderedKey, Value: StoredValue>(
        _ value: Value, for key: Key
    ) throws(StorageError) -> Value? {
        let old: Value? = try self.value(of: key)
        try put(value, for: key)
        return old
    }

    /// See ``TableChanging/update(_:_:)``.
    func update<Key: OrderedKey, Value: StoredValue, Result>(
        _ key: Key, _ body: (inout Value?) throws(Database.Failure) -> Result
    ) throws(Database.Failure) -> Result {
        var value: Value? = try self.value(of: key)
        let wasThere = value != nil
        let result = try body(&value)
        if let value {
            try put(value, for: key)
        } else if wasThere {
            _ = try delete(key)
        }
        return result
    }

    /// See ``TableChanging/take(_:)``.
    func take<Key: OrderedKey, Value: StoredValue>(_ key: Key) throws(StorageError) -> Value? {
        guard let value: Value = try value(of: key) else { return nil }
        _ = try delete(key)
        return value
    }

    /// See ``TableChanging/put(contentsOf:)``.
    func put<Key: OrderedKey, Value: StoredValue>(
        contentsOf entries: some Sequence<(key: Key, value: Value)>
    ) throws(StorageError) {
        for (key, value) in entries { try put(value, for: key) }
    }

    /// See ``TableChanging/put(contentsOf:)``.
    func put<Key: OrderedKey, Value: StoredValue>(
        contentsOf entries: some Sequence<(Key, Value)>
    ) throws(StorageError) {
        for (key, value) in entries { try put(value, for: key) }
    }

    /// See ``TableChanging/delete(contentsOf:)``.
    func delete(contentsOf keys: some Sequence<some OrderedKey>) throws(StorageError) -> Int {
        var deleted = 0
        for key in keys where try delete(key) { deleted += 1 }
        return deleted
    }

    /// See ``TableChanging/delete(in:where:)``.
    func delete<Key: OrderedKey, Value: StoredValue>(
        in range: KeyRange,
        where condition: (_ key: Key, _ value: Value) throws(Database.Failure) -> Bool
    ) throws(Database.Failure) -> Int {
        var deleted = 0
        var cursor = TableCursor<Key, Value>(try source.cursorStart())
        cursor.limit(to: range)
        while let (key, value) = try cursor.step(.ascending) {
            guard try condition(key, value) else { continue }
            _ = try delete(cursor.keyBytes)
            deleted += 1
        }
        return deleted
    }

    /// See ``TableChanging/deleteFirst(in:)``.
    func deleteFirst<Key: OrderedKey, Value: StoredValue>(
        in range: KeyRange
    ) throws(StorageError) -> (key: Key, value: Value)? {
        try deleteEntry { cursor throws(StorageError) in try cursor.first(in: range) }
    }

    /// See ``TableChanging/deleteLast(in:)``.
    func deleteLast<Key: OrderedKey, Value: StoredValue>(
        in range: KeyRange
    ) throws(StorageError) -> (key: Key, value: Value)? {
        try deleteEntry { cursor throws(StorageError) in try cursor.last(in: range) }
    }
}
