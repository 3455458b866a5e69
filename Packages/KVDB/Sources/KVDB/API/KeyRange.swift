import StorageIO

/// A range of keys as bytes, in lexicographic order: a lower bound that is in it, an upper bound that
/// is not.
public struct KeyRange: Sendable, Equatable {
    /// The first key in the range, nil for no lower bound.
    public var lowerBound: [UInt8]?
    /// The first key beyond the range, nil for no upper bound.
    public var upperBound: [UInt8]?

    /// The keys `lowerBound <= key < upperBound`; none if the bounds don't ascend.
    public init(from lowerBound: [UInt8]? = nil, upTo upperBound: [UInt8]? = nil) {
        self.lowerBound = lowerBound
        self.upperBound = upperBound
    }

    /// The keys `lowerBound <= key < upperBound`, of anything that has bytes; none if the bounds don't
    /// ascend.
    public init(from lowerBound: some ByteSource, upTo upperBound: some ByteSource) {
        self.lowerBound = withByteView(of: lowerBound) { $0.array }
        self.upperBound = withByteView(of: upperBound) { $0.array }
    }

    /// Every key.
    public static let all = KeyRange()

    /// The keys from `key` on.
    public static func from<Key: ByteSource>(_ key: Key) -> KeyRange {
        KeyRange(from: withByteView(of: key) { $0.array })
    }

    /// The keys that come after `key`.
    public static func after<Key: ByteSource>(_ key: Key) -> KeyRange {
        KeyRange(from: withByteView(of: key) { $0.array } + [0])
    }

    /// The keys before `key`.
    public static func before<Key: ByteSource>(_ key: Key) -> KeyRange {
        KeyRange(upTo: withByteView(of: key) { $0.array })
    }

    /// The keys up to `key`, with `key`.
    public static func through<Key: ByteSource>(_ key: Key) -> KeyRange {
        KeyRange(upTo: withByteView(of: key) { $0.array } + [0])
    }

    /// The keys that begin with `prefix`.
    public static func prefix<Prefix: ByteSource>(_ prefix: Prefix) -> KeyRange {
        let first = withByteView(of: prefix) { $0.array }
        return KeyRange(from: first, upTo: beyond(first))
    }

    /// The first bytes beyond all that begin with `prefix`, nil if there are none: the prefix with
    /// its last byte below 255 raised, and what follows cut.
    static func beyond(_ prefix: [UInt8]) -> [UInt8]? {
        guard let last = prefix.lastIndex(where: { $0 < 255 }) else { return nil }
        var bytes = Array(prefix[...last])
        bytes[last] += 1
        return bytes
    }

    /// Returns whether no key can lie in it.
    public var isEmpty: Bool {
        guard let upperBound else { return false }
        guard let lowerBound else { return upperBound.isEmpty }
        return !lowerBound.lexicographicallyPrecedes(upperBound)
    }

    /// Returns whether `key` lies in it. O(length).
    public func contains(_ key: some ByteSource) -> Bool {
        withByteView(of: key) { key in
            let isBelow =
                lowerBound.map { lower in withByteView(of: lower) { key.compare(to: $0) < 0 } }
                ?? false
            return !isBelow
                && upperBound.map { upper in withByteView(of: upper) { key.compare(to: $0) < 0 } }
                    ?? true
        }
    }

    /// Returns the keys that lie in both ranges.
    public func intersection(_ other: KeyRange) -> KeyRange {
        var both = self
        if let lower = other.lowerBound, lowerBound?.lexicographicallyPrecedes(lower) ?? true {
            both.lowerBound = lower
        }
        if let upper = other.upperBound, upperBound.map(upper.lexicographicallyPrecedes) ?? true {
            both.upperBound = upper
        }
        return both
    }
}
