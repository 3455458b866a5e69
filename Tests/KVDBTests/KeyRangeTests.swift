import StorageIO
import StorageIOTesting
import Testing

@_spi(Engine) @testable import KVDB

/// Ranges of keys as ranges of bytes: exactly the keys that they should hold.
@Suite struct KeyRangeTests {
    /// Sees that `range` holds those of `keys` for which `isInside` is true, alone and before another part.
    private func expect<Key>(
        _ range: some KeyRangeExpression<Key>, of keys: [Key], _ comment: String = "",
        isInside: (Key) -> Bool
    ) {
        let whole = range.keyRange
        let part = range.keyRange(of: .part)
        for key in keys {
            let expected = isInside(key)
            #expect(whole.contains(key.keyBytes(of: .whole)) == expected, "\(key) \(comment)")
            for rest in [[], [0], [255, 255]] as [[UInt8]] {
                let bytes = key.keyBytes(of: .part) + rest
                #expect(part.contains(bytes) == expected, "\(key) with \(rest) \(comment)")
            }
        }
    }

    private func expect<Key>(
        _ range: KeyInterval<Key>, of keys: [Key], _ comment: String = "",
        isInside: (Key) -> Bool
    ) {
        let expression: some KeyRangeExpression<Key> = range
        expect(expression, of: keys, comment, isInside: isInside)
    }

    /// Every kind of range between pairs of `kind`'s keys.
    private func check<Key>(_ kind: KeyKind<Key>, seeds: Int = 25) {
        for seed in Seeds.first(seeds) {
            var random = SeededRandom(seed: seed)
            let keys = kind.edges + (0..<10).map { _ in kind.sample(&random) }
            let again = Seeds.again(seed)
            let (a, b) = (kind.sample(&random), kind.sample(&random))
            let order = kind.order
            expect(.all, of: keys, again) { _ in true }
            expect(.from(a), of: keys, again) { order($0, a) >= 0 }
            expect(.after(a), of: keys, again) { order($0, a) > 0 }
            expect(.before(a), of: keys, again) { order($0, a) < 0 }
            expect(.through(a), of: keys, again) { order($0, a) <= 0 }
            expect(KeyInterval(from: .with(a), to: .without(b)), of: keys, again) {
                order($0, a) >= 0 && order($0, b) < 0
            }
            expect(KeyInterval(from: .without(a), to: .with(b)), of: keys, again) {
                order($0, a) > 0 && order($0, b) <= 0
            }
        }
    }

    @Test func everyKindOfKeyHasRanges() {
        check(KeyKind<UInt8>.integers)
        check(KeyKind<Int64>.integers)
        check(.bools)
        check(.strings)
        check(.bytes)
        check(KeyKind<Double>.numbers { Double(bitPattern: $0) })
        check(KeyKind.bytes.descending)
        check(KeyKind.strings.optional)
        check(KeyKind.bytes.and(KeyKind<UInt8>.integers))
        check(KeyKind<UInt8>.integers.descending.and(.strings))
    }

    @Test func swiftsRangesHoldWhatTheyHoldInSwift() {
        for seed in Seeds.first(50) {
            var random = SeededRandom(seed: seed)
            let again = Seeds.again(seed)
            let kind = KeyKind<Int16>.integers
            let keys = kind.edges + (0..<10).map { _ in kind.sample(&random) }
            let (a, b) = (kind.sample(&random), kind.sample(&random))
            let (low, high) = (min(a, b), max(a, b))
            expect(low..<high, of: keys, again) { (low..<high).contains($0) }
            expect(low...high, of: keys, again) { (low...high).contains($0) }
            expect(low..., of: keys, again) { (low...).contains($0) }
            expect(..<high, of: keys, again) { (..<high).contains($0) }
            expect(...high, of: keys, again) { (...high).contains($0) }
        }
        // A range of composite keys needs no part that Swift can compare.
        let keys = [Keys("a", false), Keys("a", true), Keys("b", false), Keys("b", true)]
        expect(Keys("a", true)...Keys("b", false), of: keys) { keys[1...2].contains($0) }
        expect(Keys("a", true)..<Keys("b", false), of: keys) { $0 == keys[1] }
        expect(Descending(5)...Descending(3), of: (0..<9).map(Descending.init)) {
            (3...5).contains($0.key)
        }
    }

    @Test func aPrefixHoldsTheKeysThatBeginWithIt() {
        for seed in Seeds.first(100) {
            var random = SeededRandom(seed: seed)
            let again = Seeds.again(seed)
            let strings =
                KeyKind.strings.edges + (0..<10).map { _ in KeyKind.strings.sample(&random) }
            let text = KeyKind.strings.sample(&random)
            expect(.prefix(text), of: strings, again) {
                Array($0.utf8).starts(with: Array(text.utf8))
            }
            let bytes = KeyKind.bytes.edges + (0..<10).map { _ in KeyKind.bytes.sample(&random) }
            let run = KeyKind.bytes.sample(&random)
            expect(.prefix(run), of: bytes, again) { $0.starts(with: run) }
        }
    }

    @Test func leadingPartsHoldTheKeysThatHaveThem() {
        for seed in Seeds.first(100) {
            var random = SeededRandom(seed: seed)
            let again = Seeds.again(seed)
            typealias Key = Keys<[UInt8], String, UInt8, Descending<[UInt8]>>
            let alphabet = [[], [0], [1], [255], [255, 255]] as [[UInt8]]
            func key() -> Key {
                Keys(
                    alphabet[random.below(5)], ["", "a", "a\0", "ab"][random.below(4)],
                    [0, 1, 255][random.below(3)], Descending(alphabet[random.below(5)]))
            }
            let keys = (0..<40).map { _ in key() }
            let (a, b, c, d) = keys[0].parts
            func isFirst(_ key: Key) -> Bool { key.parts.0 == a }
            func areTwo(_ key: Key) -> Bool { isFirst(key) && key.parts.1 == b }
            func areThree(_ key: Key) -> Bool { areTwo(key) && key.parts.2 == c }
            expect(.prefix(a), of: keys, again, isInside: isFirst)
            expect(.prefix(a, b), of: keys, again, isInside: areTwo)
            expect(.prefix(a, b, c), of: keys, again, isInside: areThree)
            expect(.prefix(startingWith: a), of: keys, again) { $0.parts.0.starts(with: a) }
            expect(.prefix(in: .through(a)), of: keys, again) {
                compare(elementsOf: $0.parts.0, a) <= 0
            }
            expect(.prefix(in: .after(a)), of: keys, again) {
                compare(elementsOf: $0.parts.0, a) > 0
            }
            expect(.prefix(in: .all), of: keys, again) { _ in true }
            expect(.prefix(a, startingWith: b), of: keys, again) {
                isFirst($0) && Array($0.parts.1.utf8).starts(with: Array(b.utf8))
            }
            expect(.prefix(a, in: ...b), of: keys, again) {
                isFirst($0) && compare(elementsOf: $0.parts.1.utf8, b.utf8) <= 0
            }
            expect(.prefix(a, b, in: c...), of: keys, again) { areTwo($0) && $0.parts.2 >= c }
            expect(.prefix(a, b, in: ..<c), of: keys, again) { areTwo($0) && $0.parts.2 < c }
            expect(.prefix(a, b, in: .after(c)), of: keys, again) {
                areTwo($0) && $0.parts.2 > c
            }
            expect(.prefix(a, b, in: .all), of: keys, again, isInside: areTwo)
            expect(.prefix(a, b, c, in: .through(d)), of: keys, again) {
                areThree($0) && $0.parts.3 <= d
            }
            expect(.prefix(a, in: .prefix(b)), of: keys, again) {
                isFirst($0) && Array($0.parts.1.utf8).starts(with: Array(b.utf8))
            }
        }
    }

    @Test func aRangeOfBytesIsARangeOfPartsToo() {
        for seed in Seeds.first(50) {
            var random = SeededRandom(seed: seed)
            let keys = KeyKind.bytes.edges + (0..<20).map { _ in KeyKind.bytes.sample(&random) }
            let range = KeyRange(
                from: random.oneIn(4) ? nil : KeyKind.bytes.sample(&random),
                upTo: random.oneIn(4) ? nil : KeyKind.bytes.sample(&random))
            expect(range, of: keys, Seeds.again(seed)) { range.contains($0) }
        }
    }

    /// What a typed table has: calls whose type of keys is known.
    private struct Table<Key: OrderedKey> {
        func range(_ range: KeyInterval<Key>) -> KeyRange { range.keyRange }
        func range(_ range: some KeyRangeExpression<Key>) -> KeyRange { range.keyRange }
    }

    @Test func literalsInRangesHaveTheTypesOfTheTablesParts() {
        #expect(Table<UInt16>().range(1..<5) == KeyRange(from: [0, 1], upTo: [0, 5]))
        #expect(Table<UInt16>().range(.after(5)) == .from([0, 5, 0]))
        #expect(Table<UInt8?>().range(.from(nil)) == .from([0]))
        #expect(Table<UInt8>().range(.all) == .all)
        #expect(Table<[UInt8]>().range(.prefix([7])) == .prefix([7]))
        let two = Table<Keys<UInt8, UInt16>>()
        #expect(two.range(.prefix(7)) == .prefix([7]))
        #expect(
            two.range(.prefix(7, in: 1...2))
                == KeyRange(from: [7, 0, 1], upTo: [7, 0, 3]))
        #expect(two.range(Keys(7, 1)..<Keys(8, 2)) == KeyRange(from: [7, 0, 1], upTo: [8, 0, 2]))
        #expect(two.range(.from(Keys(7, 1))) == .from([7, 0, 1]))
        #expect(two.range(.prefix(in: ...7)) == KeyRange(upTo: [8]))
        #expect(two.range(.prefix(in: 7..<9)) == KeyRange(from: [7], upTo: [9]))
        let three = Table<Keys<UInt8, String, UInt8>>()
        #expect(three.range(.prefix(7, "a")) == .prefix([7, 0x61, 0]))
        #expect(three.range(.prefix(7, startingWith: "a")) == .prefix([7, 0x61]))
        #expect(
            three.range(.prefix(7, "a", in: ..<9))
                == KeyRange(from: [7, 0x61, 0], upTo: [7, 0x61, 0, 9]))
        #expect(
            three.range(.prefix(7, in: .after("a"))) == KeyRange(from: [7, 0x61, 1], upTo: [8]))
        let five = Table<Keys<Bool, Bool, Bool, Bool, UInt8>>()
        #expect(
            five.range(.prefix(true, false, true, true, in: 3...))
                == KeyRange(from: [1, 0, 1, 1, 3], upTo: [1, 0, 1, 2]))
    }

    /// What a table of raw keys takes: ranges of anything that has bytes.
    private func raw<Range: KeyRangeExpression>(_ range: Range) -> KeyRange
    where Range.Key: ByteSource {
        range.keyRange
    }

    @Test func aTableOfBytesTakesRangesOfWhateverHasBytes() {
        #expect(raw("a"..<"b") == KeyRange(from: "a", upTo: "b"))
        #expect(raw("a"..."b") == KeyRange(from: "a", upTo: "b\0"))
        #expect(raw("a"...) == .from("a") && raw(..<"b") == .before("b"))
        #expect(raw(..."b") == .through("b"))
        #expect(raw(KeyRange.all) == .all)
    }

    @Test func rangesOfBytesContainAndIntersectAsSetsDo() {
        let keys = [[], [0], [1], [1, 0], [1, 255], [2], [255], [255, 255]] as [[UInt8]]
        let bounds = [nil] + keys.map { $0 }
        let ranges = bounds.flatMap { lower in bounds.map { KeyRange(from: lower, upTo: $0) } }
        for one in ranges {
            for key in keys {
                let isInside =
                    !key.lexicographicallyPrecedes(one.lowerBound ?? [])
                    && one.upperBound.map { key.lexicographicallyPrecedes($0) } ?? true
                #expect(one.contains(key) == isInside, "\(one) \(key)")
                if isInside { #expect(!one.isEmpty) }
                for other in ranges {
                    let isInBoth = isInside && other.contains(key)
                    #expect(one.intersection(other).contains(key) == isInBoth)
                }
            }
        }
    }
}
