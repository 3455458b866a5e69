/// A range of the keys of a table: what Swift's own ranges can't say, and what can be computed.
///
/// Written with a leading dot:
///
/// ```swift
/// try names.count(in: .prefix("Mac"))                    // keys: String
/// try events.count(in: .prefix(tenant, stream))          // keys: Keys<UUID, String, UInt64>
/// try events.entries(in: .after(last), limit: 50)        // the next page of a list
/// try events.delete(in: .all)
/// ```
///
/// Its bounds need not ascend: then it is empty.
public struct KeyInterval<Key: OrderedKey>: KeyRangeExpression {
    /// Where a range ends on one side.
    public enum Bound: Sendable {
        /// It goes on to the first or last key.
        case none
        /// It ends with this key.
        case with(Key)
        /// It ends before this key.
        case without(Key)
    }

    private enum Content: Sendable {
        case bounds(lower: Bound, upper: Bound)
        /// What it is as bytes, for keys that stand alone and for parts.
        case bytes(whole: KeyRange, part: KeyRange)
    }

    private let content: Content

    /// The keys between two bounds; none if the bounds don't ascend.
    public init(from lower: Bound = .none, to upper: Bound = .none) {
        content = .bounds(lower: lower, upper: upper)
    }

    /// A range whose bytes are known, for keys that stand alone and for parts.
    init(whole: KeyRange, part: KeyRange) {
        content = .bytes(whole: whole, part: part)
    }

    /// The bytes of the keys in the range.
    public func keyRange(of form: KeyForm) -> KeyRange {
        let lower: Bound
        let upper: Bound
        switch content {
        case .bytes(let whole, let part): return form == .whole ? whole : part
        case .bounds(let first, let second): (lower, upper) = (first, second)
        }
        var range = KeyRange()
        switch lower {
        case .none: break
        case .with(let key): range.lowerBound = key.keyBytes(of: form)
        case .without(let key):
            // Nothing lies beyond a part whose bytes are all 255.
            guard let bytes = key.bytesBeyond(of: form) else { return KeyRange(upTo: []) }
            range.lowerBound = bytes
        }
        switch upper {
        case .none: break
        case .with(let key): range.upperBound = key.bytesBeyond(of: form)
        case .without(let key): range.upperBound = key.keyBytes(of: form)
        }
        return range
    }
}

extension KeyInterval {
    /// Every key.
    public static var all: Self { Self() }

    /// The keys from `key` on.
    public static func from(_ key: Key) -> Self { Self(from: .with(key)) }

    /// The keys that come after `key`: the next page of a list, for example.
    public static func after(_ key: Key) -> Self { Self(from: .without(key)) }

    /// The keys before `key`.
    public static func before(_ key: Key) -> Self { Self(to: .without(key)) }

    /// The keys up to `key`, with `key`.
    public static func through(_ key: Key) -> Self { Self(to: .with(key)) }
}

/// Bytes are keys of themselves.
extension KeyRange: KeyRangeExpression {
    /// The range itself, or the range of the parts that hold such bytes.
    public func keyRange(of form: KeyForm) -> KeyRange {
        guard form == .part else { return self }
        return KeyRange(
            from: lowerBound?.keyBytes(of: .part), upTo: upperBound?.keyBytes(of: .part))
    }

    /// The keys are bytes.
    public typealias Key = [UInt8]
}
