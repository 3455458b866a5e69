@_spi(Engine) import KVDB
import StorageIO
import StorageIOTesting

/// A type of keys as a test needs it: examples, and its order without a look at bytes.
struct KeyKind<Key: OrderedKey> {
    /// Keys where mistakes like to be.
    var edges: [Key]
    /// Any key.
    var random: (inout SeededRandom) -> Key
    /// The order of the values: negative, zero or positive.
    var order: (Key, Key) -> Int

    /// One of the edges or any key.
    func sample(_ random: inout SeededRandom) -> Key {
        random.oneIn(2) ? edges[random.below(edges.count)] : self.random(&random)
    }
}

/// Negative, zero or positive as `left` is less, equal or more.
func compare<Value: Comparable>(_ left: Value, _ right: Value) -> Int {
    left < right ? -1 : left == right ? 0 : 1
}

/// The order of sequences by their elements, the shorter of two that begin alike first.
func compare<Run: Sequence>(elementsOf left: Run, _ right: Run) -> Int
where Run.Element: Comparable {
    if left.lexicographicallyPrecedes(right) { return -1 }
    return right.lexicographicallyPrecedes(left) ? 1 : 0
}

extension KeyKind where Key: FixedWidthInteger {
    /// Integers: the ends, numbers around zero, and around each power of two.
    static var integers: KeyKind {
        var edges: [Key] = [0, 1, .min, .max, Key.min + 1, Key.max - 1]
        if Key.isSigned { edges.append(~0) }
        for shift in 0..<Key.bitWidth - 1 {
            let power: Key = 1 << shift
            edges += [power, power - 1, ~power]
        }
        return KeyKind(
            edges: edges,
            random: { random in
                // Any length, since most numbers have the full one.
                let word = Key(truncatingIfNeeded: random.next())
                let words = word ^ (Key(truncatingIfNeeded: random.next()) << (Key.bitWidth / 2))
                return words >> random.below(Key.bitWidth)
            },
            order: { compare($0, $1) })
    }
}

extension KeyKind where Key: BinaryFloatingPoint {
    /// Numbers in IEEE's total order.
    static func numbers(_ fromBits: @escaping (UInt64) -> Key) -> KeyKind {
        let positive: [Key] = [
            0, .leastNonzeroMagnitude, .leastNormalMagnitude, 0.1, 1, 1 + Key.ulpOfOne,
            .greatestFiniteMagnitude, .infinity, .nan, .signalingNaN,
        ]
        return KeyKind(
            edges: positive + positive.map { -$0 }, random: { fromBits($0.next()) },
            order: { left, right in
                let isBelow = left.isTotallyOrdered(belowOrEqualTo: right)
                let isAbove = right.isTotallyOrdered(belowOrEqualTo: left)
                return isBelow && isAbove ? 0 : isBelow ? -1 : 1
            })
    }
}

extension KeyKind where Key == Bool {
    static var bools: KeyKind {
        KeyKind(
            edges: [false, true], random: { $0.oneIn(2) },
            order: { compare($0 ? 1 : 0, $1 ? 1 : 0) })
    }
}

extension KeyKind where Key == [UInt8] {
    static var bytes: KeyKind {
        KeyKind(
            edges: [
                [], [0], [0, 0], [0, 1], [0, 2], [0, 255], [1], [1, 0], [1, 1], [1, 2], [2], [254],
                [255], [255, 0], [255, 255], [7, 7, 7, 7, 7, 7, 7], [7, 7, 7, 7, 7, 7, 7, 0],
                [7, 7, 7, 7, 7, 7, 7, 7], [7, 7, 7, 7, 7, 7, 7, 7, 0], [7, 7, 7, 7, 7, 7, 7, 7, 1],
                [UInt8](repeating: 0, count: 20), [UInt8](repeating: 1, count: 17),
                [UInt8](repeating: 255, count: 33),
            ],
            random: { random in
                // Few different bytes, so that keys begin alike.
                let alphabet: [UInt8] = [0, 1, 2, 3, 127, 128, 254, 255]
                let count = random.oneIn(3) ? random.below(40) : random.below(4)
                return (0..<count).map { _ in
                    random.oneIn(8) ? UInt8(random.below(256)) : alphabet[random.below(8)]
                }
            },
            order: { compare(elementsOf: $0, $1) })
    }
}

extension KeyKind where Key == String {
    /// Strings in the order of their scalars.
    static var strings: KeyKind {
        KeyKind(
            edges: [
                "", "\0", "\0\0", "\u{1}", "\u{2}", "a", "a\0", "a\0b", "a\u{1}", "ab", "abcdefg",
                "abcdefgh", "abcdefghi", "abcdefg\0", "b", "é", "e\u{301}", "\u{7F}", "\u{80}",
                "\u{7FF}", "\u{800}", "\u{FFFF}", "\u{10000}", "\u{10FFFF}", "🙂",
            ],
            random: { random in
                var text = ""
                for _ in 0..<random.below(random.oneIn(3) ? 30 : 4) {
                    let limit = [3, 128, 0x900, 0x110000][random.below(4)]
                    text.unicodeScalars.append(Unicode.Scalar(UInt32(random.below(limit))) ?? "a")
                }
                return text
            },
            order: { compare(elementsOf: $0.unicodeScalars, $1.unicodeScalars) })
    }
}

extension KeyKind {
    /// The same keys and nil, which comes first.
    var optional: KeyKind<Key?> {
        let (random, order) = (random, order)
        return KeyKind<Key?>(
            edges: edges.map { $0 } + [nil],
            random: { $0.oneIn(5) ? nil : random(&$0) },
            order: { left, right in
                switch (left, right) {
                case (nil, nil): 0
                case (nil, _): -1
                case (_, nil): 1
                case (let left?, let right?): order(left, right)
                }
            })
    }

    /// The same keys the other way round.
    var descending: KeyKind<Descending<Key>> {
        let (random, order) = (random, order)
        return KeyKind<Descending<Key>>(
            edges: edges.map(Descending.init), random: { Descending(random(&$0)) },
            order: { order($1.key, $0.key) })
    }

    /// Keys of this kind, then of another.
    func and<Other>(_ other: KeyKind<Other>) -> KeyKind<Keys<Key, Other>> {
        let (first, firstOrder) = (sample, order)
        let (second, secondOrder) = (other.sample, other.order)
        return KeyKind<Keys<Key, Other>>(
            edges: zip(edges, other.edges).map { Keys($0, $1) },
            random: { Keys(first(&$0), second(&$0)) },
            order: { left, right in
                let order = firstOrder(left.parts.0, right.parts.0)
                return order != 0 ? order : secondOrder(left.parts.1, right.parts.1)
            })
    }
}

extension OrderedKey {
    /// The key that `bytes` are when it stands alone.
    static func read(_ bytes: [UInt8]) throws(StorageError) -> Self {
        try Self(keyBytes: unsafe bytes.span.bytes)
    }
}

extension StoredValue {
    /// The value that `bytes` are.
    static func readValue(_ bytes: [UInt8]) throws(StorageError) -> Self {
        try Self(storedBytes: unsafe bytes.span.bytes)
    }
}
