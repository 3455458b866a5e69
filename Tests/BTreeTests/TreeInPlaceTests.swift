import PageStore
import StorageIO
import StorageIOTesting
import Testing

@testable import BTree

/// Puts that change pages where they are.
@Suite struct TreeInPlaceTests {
    /// Puts in place if that can be done; whether it was.
    private func putInPlace(
        _ harness: TreeHarness, _ key: [UInt8], _ value: [UInt8], bornAfter version: UInt64 = 0,
        transaction: UInt64
    ) throws -> Bool {
        try lend(key) { key in
            try lend(value) { value in
                guard let plan = try harness.tree.planInPlace(key, value, bornAfter: version)
                else { return false }
                #expect(plan.oldestBirth > version)
                harness.tree.apply(plan, key, value, transaction: transaction)
                return true
            }
        }
    }

    @Test(arguments: Seeds.first(12))
    func putsInPlaceAreWhatPutsAre(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let harness = try TreeHarness()
        var model = SortedArrayModel()
        var inPlace = 0
        let space = [20, 400, 4000][random.below(3)]
        let longest = [10, 120, 1500][random.below(3)]
        // One transaction for all, whose pages may be changed as `put` would change them.
        try harness.begin()
        for step in 0..<3000 {
            let key = key(random.below(space), length: [4, 12, 12, 40][random.below(4)])
            if random.oneIn(10) {
                try harness.tree.delete(key)
                model.delete(key)
                continue
            }
            let value = random.bytes(random.below(longest))
            if try putInPlace(harness, key, value, transaction: 1) {
                inPlace += 1
            } else {
                try harness.tree.put(key, value)
            }
            model.put(key, value)
            if step % 500 == 0 {
                try harness.check()
                try harness.expect(model)
            }
        }
        try harness.commit()
        try harness.check()
        try harness.expect(model)
        #expect(inPlace > 300)
    }

    @Test func pagesMoveOnWithTheChange() throws {
        let harness = try TreeHarness()
        try harness.write { tree in
            for number in 0..<2000 { try tree.put(key(number), [1, 2, 3]) }
        }
        let before = harness.store.statistics.pageCount
        #expect(try putInPlace(harness, key(70), [4, 5], transaction: 2))
        try harness.store.commitInPlace(2)
        #expect(try harness.tree.value(key(70)) == [4, 5])
        // The way is as young as the change, so a version taken now keeps it.
        #expect(try !putInPlace(harness, key(70), [6], bornAfter: 2, transaction: 3))
        #expect(try putInPlace(harness, key(70), [6], bornAfter: 1, transaction: 3))
        // Other leaves are older than that.
        #expect(try !putInPlace(harness, key(1900), [6], bornAfter: 1, transaction: 3))
        #expect(harness.store.statistics.pageCount == before)
        #expect(harness.store.statistics.pendingPages == 0)
        try harness.check()
    }

    @Test func whatNeedsAnotherPageIsNoChangeInPlace() throws {
        let harness = try TreeHarness()
        #expect(try !putInPlace(harness, [1], [1], transaction: 1))
        try harness.write { tree in
            for number in 0..<40 { try tree.put(key(number), [UInt8](repeating: 1, count: 80)) }
            try tree.put(key(100), [UInt8](repeating: 2, count: 9000))
        }
        // A long value, one in place of a long one, and one too many.
        let long = [UInt8](repeating: 3, count: 5000)
        #expect(try !putInPlace(harness, key(7), long, transaction: 2))
        #expect(try !putInPlace(harness, key(100), [1], transaction: 2))
        var added = 0
        while added < 50, try putInPlace(harness, key(200 + added), [9], transaction: 2) {
            added += 1
        }
        #expect(added > 0 && added < 50 || harness.tree.root.height == 1)
        try harness.check()
    }
}
