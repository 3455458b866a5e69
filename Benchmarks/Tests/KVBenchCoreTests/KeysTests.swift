import Testing

@testable import KVBenchCore

/// The keys that every engine is given.
@Suite struct KeysTests {
    @Test func thePermutationHasAnInverseSoNoTwoNumbersShareAKey() {
        var random = Random(seed: 11)
        for number in (0..<1000).map(UInt64.init) + (0..<1000).map({ _ in random.next() }) {
            #expect(Keys.unpermuted(Keys.permuted(number)) == number)
        }
    }

    @Test func keysAre16BytesMostSignificantFirstPermutedNumberNumber() {
        let hashed = KeyMaker(.hashed).key(0x0102).array
        let word = (0..<8).map { UInt8(truncatingIfNeeded: Keys.permuted(0x0102) >> (56 - 8 * $0)) }
        #expect(hashed == word + [0, 0, 0, 0, 0, 0, 1, 2])
        let ascending = KeyMaker(.ascending).key(0x0102).array
        #expect(ascending == [0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0, 0, 1, 2])
    }

    @Test func hashedKeysAreSpreadEvenlyOverTheKeySpace() {
        var buckets = [Int](repeating: 0, count: 64)
        for number in 0..<64_000 { buckets[Int(Keys.permuted(UInt64(number)) >> 58)] += 1 }
        for count in buckets { #expect(abs(count - 1000) < 200) }
    }

    @Test func theNumbersInKeyOrderHaveAscendingKeysAndAreAllThere() {
        let numbers = Keys.numbersInKeyOrder(1000)
        #expect(Set(numbers) == Set(0..<1000))
        let maker = KeyMaker(.hashed)
        let keys = numbers.map { maker.key($0).array }
        for (left, right) in zip(keys, keys.dropFirst()) {
            #expect(left.lexicographicallyPrecedes(right))
        }
    }

    @Test func valuesHaveTheirLengthAreRepeatableAndChangeWithTheGeneration() {
        let maker = ValueMaker(byteCount: 100)
        let first = maker.value(1).array
        #expect(first.count == 100)
        #expect(ValueMaker(byteCount: 100).value(1).array == first)
        #expect(maker.value(2).array != first)
        #expect(maker.value(1, generation: 1).array != first)
    }
}
