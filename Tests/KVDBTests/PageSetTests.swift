import StorageIO
import StorageIOTesting
import Testing

@_spi(Engine) @testable import KVDB

@Suite struct PageSetTests {
    @Test(arguments: 0..<8)
    func behavesLikeASet(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let limit = random.element(of: [1, 63, 64, 65, 1000, 32_768, 32_769, 100_000])
        var pages = PageSet(limit: limit)
        var other = PageSet(limit: limit)
        var model: Set<Int> = []
        var otherModel: Set<Int> = []
        for _ in 0..<200 {
            let page = random.below(limit + 10)
            switch random.below(4) {
            case 0:
                #expect(pages.insert(page) == (page < limit && model.insert(page).inserted))
            case 1:
                pages.remove(page)
                model.remove(page)
            case 2:
                let end = page + random.below(300)
                other.insert(page..<end)
                otherModel.formUnion((page..<end).filter { $0 < limit })
            default:
                let end = page + random.below(40_000)
                guard random.oneIn(8) else { continue }
                pages.insert(page..<end)
                model.formUnion((page..<end).filter { $0 < limit })
            }
        }
        for page in 0..<limit + 100 {
            #expect(pages.contains(page) == model.contains(page), "page \(page)")
        }
        var gaps: [Int] = []
        var previous = 0
        PageSet.forEachGap(pages, other) { gap in
            #expect(gap.lowerBound > previous && !gap.isEmpty)
            previous = gap.upperBound
            gaps += gap
        }
        let expected = (2..<max(2, limit)).filter {
            !model.contains($0) && !otherModel.contains($0)
        }
        #expect(gaps == expected)
    }

    /// The whole range of page numbers, looked through in a moment and without memory for it: a loop over
    /// every page would not end here.
    @Test func pagesThatNothingIsKnownOfCostNothing() {
        var pages = PageSet(limit: Int(UInt32.max) << 8)
        for page in [0, 5, 1 << 20] { pages.insert(page) }
        var gaps: [Range<Int>] = []
        PageSet.forEachGap(pages, pages) { gaps.append($0) }
        #expect(gaps == [2..<5, 6..<1 << 20, (1 << 20) + 1..<pages.limit])
    }
}
