import BTree
import PageStore
import StorageIO

extension BPlusTree {
    /// The entries in `range` in order or in reverse, until `body` returns false.
    func forEach(
        in range: KeyRange, reverse: Bool,
        _ body: (_ key: ByteView, _ value: ByteView) throws(StorageError) -> Bool
    ) throws(StorageError) {
        guard !range.isEmpty else { return }
        try range.withBounds { from, to throws(StorageError) in
            try forEach(from: from, to: to, reverse: reverse, body)
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
        let lower = lowerBound ?? []
        let upper = upperBound ?? []
        return try lower.withByteView { lowerView throws(StorageError) in
            try upper.withByteView { upperView throws(StorageError) in
                try body(lowerBound == nil ? nil : lowerView, upperBound == nil ? nil : upperView)
            }
        }
    }
}
