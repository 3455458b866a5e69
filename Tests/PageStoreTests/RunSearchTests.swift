import StorageIOTesting
import Testing

@testable import PageStore

/// The search for free runs, by what it looks at.
@Suite struct RunSearchTests {
    /// Holes of one length, and requests that fit none of them, in turn with such that do: a search for
    /// one length must not forget what that for another has seen.
    @Test(arguments: [[2, 40], [3, 2, 40], [16, 17, 18], [2, 15, 62]])
    func lengthsInTurnDoNotLookAtAllHolesAgain(lengths: [Int]) throws {
        let holes = 20_000
        var allocator = PageAllocator()
        allocator.end = holes * 2 + 2
        for hole in 0..<holes { allocator.makeFree(2 + 2 * hole, 1) }
        var found = 0
        for round in 0..<300 {
            if allocator.takeFreeRun(lengths[round % lengths.count]) != nil { found += 1 }
        }
        #expect(found == 0)
        // Once for each length, and not once for each request.
        #expect(allocator.search.visitCount <= UInt64(holes * lengths.count))
    }

    /// Single pages that become free between others in use are no reason to search again.
    @Test func aFreedPageAloneIsNoReasonToSearchAgain() throws {
        let holes = 5000
        var allocator = PageAllocator()
        allocator.end = holes * 4 + 2
        for hole in 1..<holes { allocator.makeFree(2 + 4 * hole, 1) }
        for round in 0..<200 {
            #expect(allocator.takeFreeRun(15) == nil)
            allocator.makeFree(4 + 4 * round, 1)
        }
        #expect(allocator.search.visitCount <= UInt64(2 * holes))
    }

    /// Against a plain search, with pages taken and freed at random: always the lowest run.
    @Test(arguments: Seeds.first(20)) func takesTheLowestRun(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        var allocator = PageAllocator()
        let end = 600
        allocator.end = end
        var isFree = [Bool](repeating: false, count: end)
        for _ in 0..<2000 {
            if random.oneIn(2) {
                let start = random.number(in: 2...end - 1)
                var count = 0
                while count < random.number(in: 1...30), start + count < end, !isFree[start + count]
                {
                    count += 1
                }
                guard count > 0 else { continue }
                allocator.makeFree(start, count)
                for page in start..<start + count { isFree[page] = true }
            } else {
                let wanted = random.number(in: 2...40)
                var length = 0
                let expected = (2..<end).first { page in
                    length = isFree[page] ? length + 1 : 0
                    return length == wanted
                }.map { $0 - wanted + 1 }
                #expect(allocator.takeFreeRun(wanted) == expected, "\(Seeds.again(seed))")
                if let expected {
                    for page in expected..<expected + wanted { isFree[page] = false }
                }
            }
        }
    }
}
