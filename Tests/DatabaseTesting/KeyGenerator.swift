@_spi(Engine) import KVDB
import StorageIOTesting

/// Random keys, values and changes of one kind for a whole run, out of a space small enough that
/// most keys are met again.
public struct KeyGenerator: Sendable {
    /// What the keys look like.
    public enum Kind: CaseIterable, Sendable {
        /// Four bytes, big-endian.
        case numbers
        /// Text with long common beginnings.
        case paths
        /// From empty to the longest, over few letters, one often the beginning of another.
        case ragged
    }

    public let kind: Kind
    public let space: Int
    /// The usual length of a value.
    public let valueLength: Int

    public init(_ random: inout SeededRandom) {
        kind = random.element(of: Kind.allCases)
        space = random.element(of: [20, 200, 600, 1500])
        valueLength = random.element(of: [8, 60, 300])
    }

    public init(kind: Kind, space: Int, valueLength: Int) {
        self.kind = kind
        self.space = space
        self.valueLength = valueLength
    }

    /// The `index`-th key of the space; not in order.
    public func key(_ index: Int) -> [UInt8] {
        switch kind {
        case .numbers: return numberKey(index)
        case .paths: return Array("/usr/share/\(index % 7)/documents/\(index / 7).txt".utf8)
        case .ragged:
            var random = SeededRandom(seed: UInt64(index))
            let length = random.oneIn(20) ? random.number(in: 0...1024) : random.below(12)
            return (0..<length).map { _ in random.element(of: [0, 97, 98, 255]) }
        }
    }

    public func key(_ random: inout SeededRandom) -> [UInt8] { key(random.below(space)) }

    /// The beginning of some key.
    public func prefix(_ random: inout SeededRandom) -> [UInt8] {
        let key = key(&random)
        return Array(key.prefix(random.below(key.count + 1)))
    }

    /// A value: mostly short, sometimes empty, near the limit of what a page takes, or far beyond.
    public func value(_ random: inout SeededRandom) -> [UInt8] {
        switch random.below(100) {
        case 0..<4: return []
        case 4..<8: return random.bytes(random.number(in: 900...1100))
        case 8: return random.bytes(random.number(in: 3900...4200))
        case 9:
            return [UInt8](repeating: UInt8(random.below(256)), count: random.below(30_000))
        default: return random.bytes(random.below(2 * valueLength))
        }
    }

    public func range(_ random: inout SeededRandom) -> KeyRange {
        let a = random.oneIn(8) ? nil : key(&random)
        let b = random.oneIn(8) ? nil : key(&random)
        guard let a, let b, SortedArrayModel.compare(a, b) > 0, !random.oneIn(10) else {
            return KeyRange(from: a, upTo: b)
        }
        return KeyRange(from: b, upTo: a)
    }

    /// A range that holds few keys, so that deleting it leaves something.
    private func shortRange(_ random: inout SeededRandom) -> KeyRange {
        if random.oneIn(15) { return range(&random) }
        let index = random.below(space)
        return KeyRange(from: key(index), upTo: key(index + random.below(space / 10 + 2)))
    }

    public func change(_ random: inout SeededRandom, table: String = "") -> Change {
        switch random.below(100) {
        case 0..<62: .put(key(&random), value(&random), table: table)
        case 62..<97: .delete(key(&random), table: table)
        default: .deleteRange(shortRange(&random), table: table)
        }
    }

    public func table(_ random: inout SeededRandom) -> String {
        random.element(of: ["a", "accounts", "zoë", "\u{1}"])
    }

    public func tableChange(_ random: inout SeededRandom) -> Change {
        switch random.below(20) {
        case 0: .createTable(table(&random))
        case 1: .dropTable(table(&random))
        default: change(&random, table: table(&random))
        }
    }
}
