import StorageIO

/// A half-open range of keys in lexicographic byte order.
public struct KeyRange: Sendable, Equatable {
    /// The first key in the range, nil for no lower bound.
    public var from: [UInt8]?
    /// The first key beyond the range, nil for no upper bound.
    public var to: [UInt8]?

    /// The keys `from <= key < to`.
    public init(from: [UInt8]? = nil, to: [UInt8]? = nil) {
        self.from = from
        self.to = to
    }

    /// Every key.
    public static let all = KeyRange()

    /// The keys `from <= key < to`, of anything that has bytes.
    public static func range<Lower: ByteSource, Upper: ByteSource>(
        from: Lower, to: Upper
    ) -> KeyRange {
        KeyRange(from: from.withByteView { $0.array }, to: to.withByteView { $0.array })
    }

    /// The keys from `key` on.
    public static func from<Key: ByteSource>(_ key: Key) -> KeyRange {
        KeyRange(from: key.withByteView { $0.array })
    }

    /// The keys before `key`.
    public static func before<Key: ByteSource>(_ key: Key) -> KeyRange {
        KeyRange(to: key.withByteView { $0.array })
    }

    /// The keys that begin with `prefix`.
    public static func prefix<Prefix: ByteSource>(_ prefix: Prefix) -> KeyRange {
        let from = prefix.withByteView { $0.array }
        // The first key beyond: the prefix with its last byte below 255 raised, what follows cut.
        var to = from
        while let last = to.last, last == 255 { to.removeLast() }
        guard let last = to.last else { return KeyRange(from: from) }
        to[to.count - 1] = last + 1
        return KeyRange(from: from, to: to)
    }

    /// Whether no key can lie in it.
    public var isEmpty: Bool {
        guard let from, let to else { return to?.isEmpty ?? false }
        return !from.lexicographicallyPrecedes(to)
    }
}
