import Testing

@testable import KVBenchCore

/// The generators that YCSB's mixes are made with.
@Suite struct ZipfianTests {
    @Test func theSharesOfAllNumbersAddUpToOneAndFallAs1Rank099() {
        let zipfian = Zipfian(count: 1000)
        let shares = (0..<1000).map { zipfian.probability(UInt64($0)) }
        #expect(abs(shares.reduce(0, +) - 1) < 1e-9)
        #expect(abs(shares[0] / shares[9] - 9.772) < 0.001)
    }

    @Test func numbersComeAsOftenAsTheirSharesSay() {
        let zipfian = Zipfian(count: 1000)
        var random = Random(seed: 21)
        var counts = [Int](repeating: 0, count: 1000)
        let draws = 400_000
        for _ in 0..<draws { counts[Int(zipfian.next(&random))] += 1 }
        // The first two are exact; the rest follow the curve that Gray's method fits through them.
        for rank in [0, 1] {
            let expected = zipfian.probability(UInt64(rank)) * Double(draws)
            #expect(abs(Double(counts[rank]) - expected) < expected * 0.05)
        }
        let head = Double(counts[..<100].reduce(0, +)) / Double(draws)
        let expectedHead = (0..<100).map { zipfian.probability(UInt64($0)) }.reduce(0, +)
        #expect(abs(head - expectedHead) < 0.02)
    }

    @Test(arguments: [1, 2, 3, 10])
    func everyNumberIsInRangeForSmallCountsToo(count: Int) {
        let zipfian = Zipfian(count: count)
        var random = Random(seed: 22)
        for _ in 0..<10_000 {
            #expect(zipfian.next(&random) < UInt64(count))
            #expect(zipfian.nextScattered(&random) < UInt64(count))
        }
    }

    @Test func scatteringKeepsTheMostFrequentOneAsFrequentElsewhere() {
        let zipfian = Zipfian(count: 1000)
        var random = Random(seed: 23)
        var counts = [Int](repeating: 0, count: 1000)
        for _ in 0..<100_000 { counts[Int(zipfian.nextScattered(&random))] += 1 }
        let most = counts.max() ?? 0
        #expect(Double(most) > zipfian.probability(0) * 100_000 * 0.95)
        #expect(counts[0] < most)
    }

    @Test(arguments: CloudServingMix.allCases)
    func theMixesHaveTheSharesThatYCSBGivesThem(mix: CloudServingMix) {
        let operations = (0..<100).map { mix.operation(Double($0) / 100) }
        let reads = operations.count { $0 == .read }
        let expected: [CloudServingMix: Int] = [.a: 50, .b: 95, .c: 100, .d: 95, .e: 0, .f: 50]
        #expect(reads == expected[mix])
        #expect(operations.count { $0 == .scan } == (mix == .e ? 95 : 0))
        #expect(operations.count { $0 == .insert } == (mix == .d || mix == .e ? 5 : 0))
    }

    @Test func randomNumbersAreBelowTheirBoundAndSpreadOverIt() {
        var random = Random(seed: 24)
        var counts = [Int](repeating: 0, count: 10)
        for _ in 0..<100_000 { counts[Int(random.next(below: 10))] += 1 }
        for count in counts { #expect(abs(count - 10_000) < 500) }
    }
}
