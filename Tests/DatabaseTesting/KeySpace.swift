@_spi(Engine) import KVDB
import StorageIOTesting

/// The keys and values of one model run: a fixed set of keys of one shape, chosen so that most are
/// met again and that the trees of some shapes are high, and values around every size at which the
/// engine takes another path.
struct KeySpace: Sendable {
    /// What the keys look like.
    enum Shape: CaseIterable, Sendable {
        /// Four bytes, big-endian: flat trees, no prefix to speak of.
        case numbers
        /// Text with long common beginnings.
        case paths
        /// From empty to the longest, over few letters, one often the beginning of another.
        case ragged
        /// 300 to 1,024 bytes that differ early and late: few children a node, trees of 3 to 6 levels.
        case long
        /// Numbers behind a few long prefixes; neighbours differ in the last bytes only.
        case clustered
        /// Zeros and ones, up to 14 of them: every key begins others.
        case binary
    }

    /// Where in the space a phase of a run takes its keys from.
    enum Locality: Sendable {
        case uniform
        /// Around one place.
        case near(Int, width: Int)
        /// One after the other, up or down.
        case ascending
        case descending
    }

    let shape: Shape
    let valueLength: Int
    private let keys: [[UInt8]]
    var locality = Locality.uniform
    private var next = 0
    /// Goes into every value, so that no two are alike.
    private var stamp: UInt64 = 0

    var count: Int { keys.count }

    init(_ random: inout SeededRandom) {
        shape = random.element(of: Shape.allCases)
        valueLength = random.element(of: [4, 30, 120, 400])
        let count =
            shape == .long
            ? random.element(of: [30, 200, 900])
            : random.element(of: [20, 200, 1000, 4000])
        var prefixes: [[UInt8]] = []
        for _ in 0..<6 {
            prefixes.append(random.bytes(random.element(of: [0, 1, 12, 120, 500, 1000])))
        }
        let shape = shape
        keys = (0..<count).map { Self.key($0, shape, prefixes) }
    }

    private static func key(_ index: Int, _ shape: Shape, _ prefixes: [[UInt8]]) -> [UInt8] {
        switch shape {
        case .numbers: return numberKey(index)
        case .paths: return Array("/usr/share/\(index % 7)/documents/\(index / 7).txt".utf8)
        case .ragged:
            var random = SeededRandom(seed: UInt64(index))
            let length = random.oneIn(20) ? random.number(in: 0...1024) : random.below(12)
            return (0..<length).map { _ in random.element(of: [0, 97, 98, 255]) }
        case .long:
            // The same in pairs but for the end, so that separators are long as well.
            var random = SeededRandom(seed: UInt64(index / 2))
            let length = random.oneIn(3) ? 1024 : random.number(in: 300...1024)
            var key = random.bytes(length)
            key[length - 1] = UInt8(index % 2)
            return key
        case .clustered: return prefixes[index % prefixes.count] + numberKey(index)
        case .binary:
            return (0..<(index % 15)).map { UInt8(truncatingIfNeeded: (index / 15) >> $0 & 1) }
        }
    }

    /// The key with that index; not in order in most shapes.
    func key(_ index: Int) -> [UInt8] { keys[index % keys.count] }

    /// A key where the phase wants one.
    mutating func key(_ random: inout SeededRandom) -> [UInt8] {
        switch locality {
        case .uniform: return keys[random.below(keys.count)]
        case .near(let center, let width): return key(center + random.below(width))
        case .ascending: next += 1
        case .descending: next += keys.count - 1
        }
        next %= keys.count
        return keys[next]
    }

    /// A key to look for: one of the space, or one close to it that is likely not there.
    mutating func probe(_ random: inout SeededRandom) -> [UInt8] {
        var key = key(&random)
        switch random.below(8) {
        case 0: key.append(0)
        case 1: if !key.isEmpty { key.removeLast() }
        case 2: if let last = key.last { key[key.count - 1] = last &+ 1 }
        case 3: return random.oneIn(2) ? [] : [UInt8](repeating: 255, count: 1024)
        default: break
        }
        return key
    }

    /// The beginning of some key.
    mutating func prefix(_ random: inout SeededRandom) -> [UInt8] {
        let key = key(&random)
        return Array(key.prefix(random.below(key.count + 1)))
    }

    /// Any kind of range: open, a prefix, ordered, from == to, from > to, ending at the empty key.
    mutating func range(_ random: inout SeededRandom) -> KeyRange {
        switch random.below(16) {
        case 0: return .all
        case 1: return KeyRange(from: probe(&random))
        case 2: return KeyRange(upTo: probe(&random))
        case 3..<6: return .prefix(prefix(&random))
        case 6:
            let key = probe(&random)
            return KeyRange(from: key, upTo: key)
        case 7: return KeyRange(from: random.oneIn(2) ? nil : probe(&random), upTo: [])
        default:
            // As it falls: every other one is reversed, and so empty.
            return KeyRange(from: probe(&random), upTo: probe(&random))
        }
    }

    /// A range that holds few keys, so that deleting it leaves something.
    mutating func shortRange(_ random: inout SeededRandom) -> KeyRange {
        if random.oneIn(20) { return range(&random) }
        let a = random.below(count)
        let b = a + random.below(count / 12 + 2)
        let (from, to) = (key(a), key(b))
        return SortedArrayModel.compare(from, to) > 0 && !random.oneIn(6)
            ? KeyRange(from: to, upTo: from) : KeyRange(from: from, upTo: to)
    }

    // MARK: Values

    /// Lengths at which something changes: empty, the inline limit (1,024 bytes), one and more
    /// overflow pages with and without their 32-byte header, the sizes that bypass the cache.
    private static let edges = [
        0, 1, 1023, 1024, 1025, 2015, 4063, 4064, 4065, 4095, 4096, 4097, 8159, 8160, 8161, 8192,
        12_256, 16_352, 16_353, 65_504, 65_536,
    ]
    private static let hugeEdges = [262_112, 262_144, 262_145, 262_147, 600_003, 1 << 20]

    /// A value for `key`, unlike every other.
    mutating func value(for key: [UInt8], _ random: inout SeededRandom) -> [UInt8] {
        stamp += 1
        let length: Int
        switch random.below(2000) {
        case 0: length = random.element(of: Self.hugeEdges)
        case 1..<60: length = random.element(of: Self.edges)
        // An entry of 2,000 bytes, key and value, is the largest that a leaf takes.
        case 60..<120: length = max(0, 2000 - key.count + random.number(in: -1...1))
        case 120..<200: length = random.below(1100)
        default: length = random.below(2 * valueLength)
        }
        return Self.bytes(stamp, length)
    }

    /// `length` bytes in which every 8 tell the value and their place in it.
    private static func bytes(_ stamp: UInt64, _ length: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: UInt8(truncatingIfNeeded: stamp), count: length)
        // All of a short value; of a long one enough to tell each of its sectors.
        let step = length <= 64 ? 8 : 128
        var offset = 0
        while offset + 8 <= length {
            var word = stamp &* 0x9E37_79B9_7F4A_7C15 &+ UInt64(offset)
            for index in offset..<(offset + 8) {
                bytes[index] = UInt8(truncatingIfNeeded: word)
                word >>= 8
            }
            offset += step
        }
        return bytes
    }

    // MARK: Tables

    static let tables = ["a", "accounts", "zoë", "\u{1}", String(repeating: "t", count: 1024)]

    func table(_ random: inout SeededRandom) -> String { random.element(of: Self.tables) }
}
