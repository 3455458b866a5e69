import StorageIO

// The keys that begin alike: with the same leading parts, characters or bytes.
extension KeyInterval {
    /// A range that is the same in both forms, as those of ``Keys`` are.
    init(_ range: KeyRange) { self.init(whole: range, part: range) }

    /// The keys that begin with these parts.
    init(_ leading: some OrderedKey) {
        self.init(.prefix(leading.keyBytes(of: .part)))
    }

    /// The keys that begin with these parts and go on with one that begins with `beginning`.
    init(_ leading: some OrderedKey, startingWith beginning: some PrefixableKey) {
        self.init(
            .prefix(
                [UInt8](parts: { writer in
                    leading.encode(into: &writer)
                    writer.append(prefix: beginning)
                })))
    }

    /// The keys that begin with these parts and go on with one that lies in `range`.
    init(_ leading: some OrderedKey, in range: some KeyRangeExpression) {
        self.init(KeyRange(leading.keyBytes(of: .part), range.keyRange(of: .part)))
    }

    /// The keys that begin with a run of bytes or characters.
    public init(startingWith prefix: Key) where Key: PrefixableKey {
        self.init(
            whole: .prefix(prefix.withPrefixBytes { bytes in [UInt8](keyBytes: bytes) }),
            part: .prefix([UInt8](parts: { writer in writer.append(prefix: prefix) })))
    }
}

extension [UInt8] {
    /// What `encode` writes.
    init(parts encode: (inout KeyWriter) -> Void) {
        self = KeyWriter.withWriter(encode) { bytes in [UInt8](keyBytes: bytes) }
    }
}

extension KeyWriter {
    /// Appends what begins the encodings of all keys that begin with `prefix`.
    mutating func append(prefix: some PrefixableKey) {
        prefix.withPrefixBytes { bytes in
            unsafe bytes.withUnsafeBytes { unsafe append(beginning: $0) }
        }
    }
}

extension KeyRange {
    /// The range of the keys that consist of `leading` and a rest that lies in `rest`.
    init(_ leading: [UInt8], _ rest: KeyRange) {
        self.init(
            from: leading + (rest.lowerBound ?? []),
            upTo: rest.upperBound.map { leading + $0 } ?? KeyRange.beyond(leading))
    }
}

// MARK: Characters and bytes

extension KeyInterval where Key == String {
    /// The strings that begin with `prefix`.
    public static func prefix(_ prefix: String) -> Self {
        Self(startingWith: prefix)
    }
}

extension KeyInterval where Key == [UInt8] {
    /// The byte arrays that begin with `prefix`.
    public static func prefix(_ prefix: [UInt8]) -> Self {
        Self(startingWith: prefix)
    }
}

// MARK: Leading parts

// One function for each number of leading parts: the compiler doesn't split a pack in two.

extension KeyInterval {
    /// The keys whose first part is `a`.
    public static func prefix<A, each Rest>(
        _ a: A
    ) -> Self where Key == Keys<A, repeat each Rest> {
        Self(Keys(a))
    }

    /// The keys whose first parts are `a`, `b`.
    public static func prefix<A, B, each Rest>(
        _ a: A, _ b: B
    ) -> Self where Key == Keys<A, B, repeat each Rest> {
        Self(Keys(a, b))
    }

    /// The keys whose first parts are `a`, `b`, `c`.
    public static func prefix<A, B, C, each Rest>(
        _ a: A, _ b: B, _ c: C
    ) -> Self where Key == Keys<A, B, C, repeat each Rest> {
        Self(Keys(a, b, c))
    }

    /// The keys whose first parts are `a`, `b`, `c`, `d`.
    public static func prefix<A, B, C, D, each Rest>(
        _ a: A, _ b: B, _ c: C, _ d: D
    ) -> Self where Key == Keys<A, B, C, D, repeat each Rest> {
        Self(Keys(a, b, c, d))
    }

    // MARK: Leading parts and a beginning of the next one

    /// The keys whose first part begins with `beginning`.
    public static func prefix<A: PrefixableKey, each Rest>(
        startingWith beginning: A
    ) -> Self where Key == Keys<A, repeat each Rest> {
        Self(KeyInterval<A>(startingWith: beginning).keyRange(of: .part))
    }

    /// The keys whose first part is `a` and whose second one begins with `beginning`.
    public static func prefix<A, B: PrefixableKey, each Rest>(
        _ a: A, startingWith beginning: B
    ) -> Self where Key == Keys<A, B, repeat each Rest> {
        Self(Keys(a), startingWith: beginning)
    }

    /// The keys whose first parts are `a`, `b` and whose third one begins with `beginning`.
    public static func prefix<A, B, C: PrefixableKey, each Rest>(
        _ a: A, _ b: B, startingWith beginning: C
    ) -> Self where Key == Keys<A, B, C, repeat each Rest> {
        Self(Keys(a, b), startingWith: beginning)
    }

    /// The keys whose first parts are `a`, `b`, `c` and whose fourth one begins with `beginning`.
    public static func prefix<A, B, C, D: PrefixableKey, each Rest>(
        _ a: A, _ b: B, _ c: C, startingWith beginning: D
    ) -> Self where Key == Keys<A, B, C, D, repeat each Rest> {
        Self(Keys(a, b, c), startingWith: beginning)
    }

    /// The keys whose first parts are `a`, `b`, `c`, `d` and whose fifth one begins with `beginning`.
    public static func prefix<A, B, C, D, E: PrefixableKey, each Rest>(
        _ a: A, _ b: B, _ c: C, _ d: D, startingWith beginning: E
    ) -> Self where Key == Keys<A, B, C, D, E, repeat each Rest> {
        Self(Keys(a, b, c, d), startingWith: beginning)
    }

    // MARK: Leading parts and a range of the next one

    /// The keys whose first part lies in `range`.
    public static func prefix<A, each Rest>(
        in range: KeyInterval<A>
    ) -> Self where Key == Keys<A, repeat each Rest> {
        Self(range.keyRange(of: .part))
    }

    /// The keys whose first part lies in a range of Swift's.
    public static func prefix<A, each Rest>(
        in range: some KeyRangeExpression<A>
    ) -> Self where Key == Keys<A, repeat each Rest> {
        Self(range.keyRange(of: .part))
    }

    /// The keys whose first part is `a` and whose second one lies in `range`.
    public static func prefix<A, B, each Rest>(
        _ a: A, in range: KeyInterval<B>
    ) -> Self where Key == Keys<A, B, repeat each Rest> {
        Self(Keys(a), in: range)
    }

    /// The keys whose first part is `a` and whose second one lies in a range of Swift's.
    public static func prefix<A, B, each Rest>(
        _ a: A, in range: some KeyRangeExpression<B>
    ) -> Self where Key == Keys<A, B, repeat each Rest> {
        Self(Keys(a), in: range)
    }

    /// The keys whose first parts are `a`, `b` and whose third one lies in `range`.
    public static func prefix<A, B, C, each Rest>(
        _ a: A, _ b: B, in range: KeyInterval<C>
    ) -> Self where Key == Keys<A, B, C, repeat each Rest> {
        Self(Keys(a, b), in: range)
    }

    /// The keys whose first parts are `a`, `b` and whose third one lies in a range of Swift's.
    public static func prefix<A, B, C, each Rest>(
        _ a: A, _ b: B, in range: some KeyRangeExpression<C>
    ) -> Self where Key == Keys<A, B, C, repeat each Rest> {
        Self(Keys(a, b), in: range)
    }

    /// The keys whose first parts are `a`, `b`, `c` and whose fourth one lies in `range`.
    public static func prefix<A, B, C, D, each Rest>(
        _ a: A, _ b: B, _ c: C, in range: KeyInterval<D>
    ) -> Self where Key == Keys<A, B, C, D, repeat each Rest> {
        Self(Keys(a, b, c), in: range)
    }

    /// The keys whose first parts are `a`, `b`, `c` and whose fourth one lies in a range of Swift's.
    public static func prefix<A, B, C, D, each Rest>(
        _ a: A, _ b: B, _ c: C, in range: some KeyRangeExpression<D>
    ) -> Self where Key == Keys<A, B, C, D, repeat each Rest> {
        Self(Keys(a, b, c), in: range)
    }

    /// The keys whose first parts are `a`, `b`, `c`, `d` and whose fifth one lies in `range`.
    public static func prefix<A, B, C, D, E, each Rest>(
        _ a: A, _ b: B, _ c: C, _ d: D, in range: KeyInterval<E>
    ) -> Self where Key == Keys<A, B, C, D, E, repeat each Rest> {
        Self(Keys(a, b, c, d), in: range)
    }

    /// The keys whose first parts are `a`, `b`, `c`, `d` and whose fifth one lies in a range of Swift's.
    public static func prefix<A, B, C, D, E, each Rest>(
        _ a: A, _ b: B, _ c: C, _ d: D, in range: some KeyRangeExpression<E>
    ) -> Self where Key == Keys<A, B, C, D, E, repeat each Rest> {
        Self(Keys(a, b, c, d), in: range)
    }
}
