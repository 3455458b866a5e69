import StorageIOTesting
import Testing

@Suite struct SeededRandomTests {
    /// Seeds in bug reports must mean the same for ever.
    @Test func numbersNeverChange() {
        var random = SeededRandom(seed: 0)
        #expect(
            (0..<3).map { _ in random.next() } == [
                0x99EC_5F36_CB75_F2B4, 0xBF6E_1F78_4956_452A,
                0x1A5F_849D_4933_E6E0,
            ])
        var bytes = SeededRandom(seed: 0)
        #expect(bytes.bytes(3) == [0xB4, 0xF2, 0x75])
    }

    @Test func numbersStayInTheirRange() {
        var random = SeededRandom(seed: 1)
        var seen: Set<Int> = []
        for _ in 0..<1_000 {
            seen.insert(random.below(10))
            #expect((-3...3).contains(random.number(in: -3...3)))
        }
        #expect(seen == Set(0..<10))
        #expect(random.below(0) == 0 && random.below(1) == 0)
        #expect(random.bytes(0).isEmpty && random.bytes(17).count == 17)
    }

    @Test func nearSeedsAreUnrelated() {
        let firsts = (0..<1_000 as Range<UInt64>).map { seed in
            var random = SeededRandom(seed: seed)
            return random.next()
        }
        #expect(Set(firsts.map { $0 >> 40 }).count > 990)
    }
}
