/// How a key's bytes are arranged: as it stands alone in a table, or as a part that others follow.
public enum KeyForm: Sendable {
    /// Alone, as ``OrderedKey/withKeyBytes(_:)`` lends it.
    case whole
    /// As a part, as ``OrderedKey/encode(into:)`` writes it.
    case part
}

/// A range of the keys of a table: a Swift range of any kind, or a ``KeyInterval``.
///
/// ```swift
/// try users.count(in: 10..<20)
/// try users.count(in: ...now)
/// try events.count(in: .prefix(tenant, stream))
/// ```
///
/// The bounds of a Swift range must ascend by `<`, or Swift stops the program before the database sees
/// them. Bounds that a program has computed are safer in a ``KeyInterval``, which is empty then.
public protocol KeyRangeExpression<Key>: Sendable {
    /// The keys that are ranged over.
    associatedtype Key: OrderedKey

    /// The bytes of the keys in the range.
    func keyRange(of form: KeyForm) -> KeyRange
}

extension KeyRangeExpression {
    /// The bytes of the keys in the range, as they stand alone in a table.
    public var keyRange: KeyRange { keyRange(of: .whole) }
}

extension KeyRangeExpression {
    /// The same range as the tables take it, of keys that stand alone.
    @usableFromInline var interval: KeyInterval<Key> {
        KeyInterval(whole: keyRange, part: keyRange)
    }
}

extension OrderedKey {
    /// A copy of the key's bytes.
    func keyBytes(of form: KeyForm) -> [UInt8] {
        switch form {
        case .whole: withKeyBytes { bytes in [UInt8](keyBytes: bytes) }
        case .part: [UInt8](parts: { writer in encode(into: &writer) })
        }
    }

    /// The first bytes beyond this key and all that begin with it as a part.
    func bytesBeyond(of form: KeyForm) -> [UInt8]? {
        switch form {
        case .whole: keyBytes(of: .whole) + [0]
        case .part: KeyRange.beyond(keyBytes(of: .part))
        }
    }
}

extension Range: KeyRangeExpression where Bound: OrderedKey {
    /// The keys are the bounds' kind.
    public typealias Key = Bound

    /// The bytes of the keys in the range.
    public func keyRange(of form: KeyForm) -> KeyRange {
        KeyRange(from: lowerBound.keyBytes(of: form), upTo: upperBound.keyBytes(of: form))
    }
}

extension ClosedRange: KeyRangeExpression where Bound: OrderedKey {
    /// The keys are the bounds' kind.
    public typealias Key = Bound

    /// The bytes of the keys in the range.
    public func keyRange(of form: KeyForm) -> KeyRange {
        KeyRange(from: lowerBound.keyBytes(of: form), upTo: upperBound.bytesBeyond(of: form))
    }
}

extension PartialRangeFrom: KeyRangeExpression where Bound: OrderedKey {
    /// The keys are the bounds' kind.
    public typealias Key = Bound

    /// The bytes of the keys in the range.
    public func keyRange(of form: KeyForm) -> KeyRange {
        KeyRange(from: lowerBound.keyBytes(of: form))
    }
}

extension PartialRangeUpTo: KeyRangeExpression where Bound: OrderedKey {
    /// The keys are the bounds' kind.
    public typealias Key = Bound

    /// The bytes of the keys in the range.
    public func keyRange(of form: KeyForm) -> KeyRange {
        KeyRange(upTo: upperBound.keyBytes(of: form))
    }
}

extension PartialRangeThrough: KeyRangeExpression where Bound: OrderedKey {
    /// The keys are the bounds' kind.
    public typealias Key = Bound

    /// The bytes of the keys in the range.
    public func keyRange(of form: KeyForm) -> KeyRange {
        KeyRange(upTo: upperBound.bytesBeyond(of: form))
    }
}
