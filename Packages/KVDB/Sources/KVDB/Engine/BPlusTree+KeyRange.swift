import BTree
import PageStore
import StorageIO

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

    /// The entries in `range` in order or in reverse, until `body`, which throws nothing, returns false.
    func scan(
        in range: KeyRange, reverse: Bool, _ body: (RawSpan, RawSpan) -> Bool
    ) throws(StorageError) {
        guard !range.isEmpty else { return }
        try range.withBounds { from, to throws(StorageError) in
            try scan(from: from, to: to, reverse: reverse, body)
        }
    }

    /// How many entries lie in `range`.
    func count(in range: KeyRange) throws(StorageError) -> UInt64 {
        guard !range.isEmpty else { return 0 }
        return try range.withBounds { from, to throws(StorageError) in
            try count(from: from, to: to)
        }
    }

    /// Lends the keys in `range` in order or in reverse, until `body` returns false. Big values are not read.
    func forEachKey(
        in range: KeyRange, reverse: Bool, _ body: (ByteView) throws(StorageError) -> Bool
    ) throws(StorageError) {
        guard !range.isEmpty else { return }
        try range.withBounds { from, to throws(StorageError) in
            try forEachKey(from: from, to: to, reverse: reverse, body)
        }
    }

    /// The first key in `range`, or the last; nil when there is none. O(log n).
    func edgeKey(of range: KeyRange, last: Bool) throws(StorageError) -> [UInt8]? {
        var edge: [UInt8]?
        try forEachKey(in: range, reverse: last) { key in
            edge = key.array
            return false
        }
        return edge
    }

    /// The first entry in `range`, or the last; nil when there is none. O(log n).
    func edge(
        of range: KeyRange, last: Bool
    ) throws(StorageError) -> (key: [UInt8], value: [UInt8])? {
        var edge: (key: [UInt8], value: [UInt8])?
        try forEach(in: range, reverse: last) { key, value in
            edge = (key.array, value.array)
            return false
        }
        return edge
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
        let lower = lowerBound ?? []
        let upper = upperBound ?? []
        return try withByteView(of: lower) { lowerView throws(StorageError) in
            try withByteView(of: upper) { upperView throws(StorageError) in
                try body(lowerBound == nil ? nil : lowerView, upperBound == nil ? nil : upperView)
            }
        }
    }
}
