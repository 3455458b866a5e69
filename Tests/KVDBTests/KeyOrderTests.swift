import StorageIO
import StorageIOTesting
import Testing

@_spi(Engine) @testable import KVDB

/// The order of the bytes is the order of the values, and the bytes give the values back.
@Suite struct KeyOrderTests {
    /// What must hold for all keys of a kind.
    private func check<Key>(
        _ kind: KeyKind<Key>, seeds: Int = 60, _ name: String = "\(Key.self)"
    ) throws {
        for seed in Seeds.first(seeds) {
            var random = SeededRandom(seed: seed)
            let keys = (0..<13).map { _ in kind.sample(&random) }
            for left in keys {
                let whole = left.keyBytes(of: .whole)
                let part = left.keyBytes(of: .part)
                #expect(try read(Key.self, whole: whole) == whole, "\(name) \(Seeds.again(seed))")
                #expect(try read(Key.self, part: part) == part, "\(name) \(Seeds.again(seed))")
                for right in keys {
                    let expected = kind.order(left, right).signum()
                    let otherPart = right.keyBytes(of: .part)
                    let byWhole = compare(elementsOf: whole, right.keyBytes(of: .whole))
                    #expect(byWhole == expected, "\(name): \(left), \(right) \(Seeds.again(seed))")
                    #expect(
                        compare(elementsOf: part, otherPart) == expected,
                        "\(name): \(left), \(right) \(Seeds.again(seed))")
                    #expect(
                        part == otherPart || !otherPart.starts(with: part),
                        "\(name): \(left) begins \(right) \(Seeds.again(seed))")
                }
            }
        }
    }

    private func read<Key: OrderedKey>(_: Key.Type, whole: [UInt8]) throws -> [UInt8] {
        try Key.read(whole).keyBytes(of: .whole)
    }

    /// Reads a part that other bytes follow, and sees that they are left.
    private func read<Key: OrderedKey>(_: Key.Type, part: [UInt8]) throws -> [UInt8] {
        let followed = part + [0, 255, 1]
        return try unsafe followed.withUnsafeBytes { buffer in
            var reader = unsafe KeyReader(buffer)
            let key = try Key(from: &reader)
            #expect(reader.remaining == 3)
            return key.keyBytes(of: .part)
        }
    }

    @Test func integersSortAsNumbers() throws {
        try check(KeyKind<UInt8>.integers)
        try check(KeyKind<UInt16>.integers)
        try check(KeyKind<UInt32>.integers)
        try check(KeyKind<UInt64>.integers)
        try check(KeyKind<UInt128>.integers)
        try check(KeyKind<UInt>.integers)
        try check(KeyKind<Int8>.integers)
        try check(KeyKind<Int16>.integers)
        try check(KeyKind<Int32>.integers)
        try check(KeyKind<Int64>.integers)
        try check(KeyKind<Int128>.integers)
        try check(KeyKind<Int>.integers)
    }

    @Test func boolsSortFalseFirst() throws {
        try check(.bools)
    }

    @Test func floatingPointNumbersSortInTheTotalOrder() throws {
        try check(KeyKind<Double>.numbers { Double(bitPattern: $0) })
        try check(KeyKind<Float>.numbers { Float(bitPattern: UInt32(truncatingIfNeeded: $0)) })
    }

    @Test func stringsSortByTheirScalars() throws {
        try check(.strings, seeds: 200)
        for text in KeyKind.strings.edges {
            let part = Substring(text)
            #expect(part.keyBytes(of: .whole) == text.keyBytes(of: .whole))
            #expect(part.keyBytes(of: .part) == text.keyBytes(of: .part))
        }
    }

    @Test func bytesSortAsUnsignedNumbers() throws {
        try check(.bytes, seeds: 200)
    }

    @Test func optionalKeysSortNilFirst() throws {
        try check(KeyKind<UInt8>.integers.optional)
        try check(KeyKind.strings.optional, seeds: 100)
        try check(KeyKind.bools.optional.optional)
    }

    @Test func descendingKeysSortTheOtherWayRound() throws {
        try check(KeyKind<Int64>.integers.descending)
        try check(KeyKind.strings.descending, seeds: 200)
        try check(KeyKind.bytes.descending, seeds: 200)
        try check(KeyKind.bytes.descending.descending, seeds: 100)
        try check(KeyKind.strings.optional.descending, seeds: 100)
        try check(KeyKind<Double>.numbers { Double(bitPattern: $0) }.descending)
    }

    @Test func keysOfSeveralPartsSortByTheFirstPartThatDiffers() throws {
        try check(KeyKind.strings.and(KeyKind<UInt64>.integers), seeds: 100)
        try check(KeyKind.bytes.and(.bytes), seeds: 200)
        try check(KeyKind.bytes.and(KeyKind.bytes.descending), seeds: 200)
        try check(KeyKind.bytes.descending.and(KeyKind.strings.optional), seeds: 200)
        try check(KeyKind.bools.and(KeyKind<Int8>.integers.descending).descending, seeds: 100)
        try check(
            KeyKind.strings.optional.and(KeyKind.bytes.and(.strings).descending).and(.bools),
            seeds: 200)
    }
}
