/// The keys between two bounds, each of which may be in the range, outside of it, or absent.
///
/// It says what Swift's ranges can't: a range of a key type without `<`, such as `Bool`, one that
/// begins behind a key, and one whose bounds may not ascend, which is empty.
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

    /// The bound below.
    public var lower: Bound
    /// The bound above.
    public var upper: Bound

    /// The keys between two bounds; none if the bounds don't ascend.
    public init(from lower: Bound = .none, to upper: Bound = .none) {
        self.lower = lower
        self.upper = upper
    }

    /// The bytes of the keys in the range.
    public func keyRange(of form: KeyForm) -> KeyRange {
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

extension KeyRangeExpression {
    /// Every key.
    public static func all<Key>() -> Self where Self == KeyInterval<Key> {
        KeyInterval()
    }

    /// The keys from `key` on.
    public static func from<Key>(_ key: Key) -> Self where Self == KeyInterval<Key> {
        KeyInterval(from: .with(key))
    }

    /// The keys that come after `key`: the next page of a list, say.
    public static func after<Key>(_ key: Key) -> Self where Self == KeyInterval<Key> {
        KeyInterval(from: .without(key))
    }

    /// The keys before `key`.
    public static func before<Key>(_ key: Key) -> Self where Self == KeyInterval<Key> {
        KeyInterval(to: .without(key))
    }

    /// The keys up to `key`, with `key`.
    public static func through<Key>(_ key: Key) -> Self where Self == KeyInterval<Key> {
        KeyInterval(to: .with(key))
    }
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
