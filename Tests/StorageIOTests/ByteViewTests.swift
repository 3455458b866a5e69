import StorageIO
import StorageIOTesting
import Testing

@Suite struct ByteViewTests {
    private static func with<Result>(_ bytes: [UInt8], _ body: (ByteView) -> Result) -> Result {
        unsafe bytes.withUnsafeBytes { body(unsafe ByteView($0)) }
    }

    @Test func partsAreClamped() {
        Self.with([1, 2, 3, 4]) { view in
            #expect(view.dropFirst(1).array == [2, 3, 4])
            #expect(view.dropFirst(9).array == [])
            #expect(view.dropFirst(-1).array == [1, 2, 3, 4])
            #expect(view.prefix(2).array == [1, 2])
            #expect(view.prefix(9).array == [1, 2, 3, 4])
            #expect(view.prefix(-1).array == [])
            #expect(view[3] == 4)
        }
        #expect(Self.with([]) { $0.array } == [])
    }

    @Test func numbersAreLittleEndianAndNeverReachOutside() {
        Self.with([1, 2, 3, 4, 5]) { view in
            #expect(view.load(at: 0, as: UInt32.self) == 0x0403_0201)
            #expect(view.load(at: 1, as: UInt32.self) == 0x0504_0302)
            #expect(view.load(at: 3, as: UInt16.self) == 0x0504)
            #expect(view.load(at: 2, as: UInt32.self) == nil)
            #expect(view.load(at: -1, as: UInt8.self) == nil)
            #expect(view.load(at: .max, as: UInt64.self) == nil)
            #expect(view.load(at: 0, as: UInt64.self) == nil)
        }
    }

    @Test func orderIsByUnsignedBytesThenLength() {
        var random = SeededRandom(seed: 1)
        for _ in 0..<2_000 {
            // Few different bytes, so that common prefixes are long.
            let a = random.bytes(random.below(6)).map { $0 % 3 &* 127 }
            let b = random.bytes(random.below(6)).map { $0 % 3 &* 127 }
            let order = Self.with(a) { a in Self.with(b) { a.compare(to: $0) } }
            #expect((order < 0) == a.lexicographicallyPrecedes(b))
            #expect((order == 0) == (a == b))
            let common = Self.with(a) { a in Self.with(b) { a.commonPrefixLength(with: $0) } }
            #expect(common == zip(a, b).prefix { $0 == $1 }.count)
        }
    }

    /// Counts around the steps of the search, numbers of all sizes, and some more than once.
    @Test func lowerBoundIsWhatCountingGives() {
        var random = SeededRandom(seed: 5)
        for count in Array(0...70) + [127, 128, 129, 400, 1000] {
            var numbers = (0..<count).map { _ in UInt32(truncatingIfNeeded: random.next()) }
            for index in numbers.indices where random.oneIn(4) {
                numbers[index] = numbers[random.below(count)]
            }
            numbers.sort()
            let wanted =
                numbers + [0, 1, .max, 1 << 31, (1 << 31) - 1] + numbers.map { $0 &+ 1 }
            let bytes = numbers.flatMap { number in
                (0..<4).map { UInt8(truncatingIfNeeded: number >> UInt32(8 * $0)) }
            }
            withByteView(of: bytes) { view in
                for number in wanted {
                    #expect(view.lowerBound(number) == numbers.count { $0 < number })
                }
            }
        }
    }
}
