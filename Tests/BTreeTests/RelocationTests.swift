import BTree
import PageStore
import StorageIO
import StorageIOTesting
import Testing

@Suite struct RelocationTests {
    /// A tree whose pages lie high, after much below them was freed.
    func highTree() throws -> (TreeHarness, SortedArrayModel) {
        let harness = try TreeHarness()
        var model = SortedArrayModel()
        try harness.write { tree in
            for number in 0..<4000 { try tree.put(key(number), [UInt8](repeating: 1, count: 300)) }
        }
        try harness.write { tree in
            for number in 4000..<4800 {
                let value = [UInt8](repeating: 1, count: number % 40 == 0 ? 20_000 : 300)
                try tree.put(key(number), value)
                model.put(key(number), value)
            }
        }
        try harness.write { tree in try tree.deleteRange(nil, key(4000)) }
        try harness.write { _ in }
        return (harness, model)
    }

    @Test func relocatingMovesEveryPageBelowTheLimitAndChangesNoEntry() throws {
        let (harness, model) = try highTree()
        let report = try harness.check()
        let limit = PageNumber(2 + report.pageCount + 80)
        try harness.begin()
        let result = try harness.tree.relocate(above: limit)
        try harness.commit()
        #expect(result.isComplete && result.pagesMoved > report.pageCount / 2)
        try harness.write { _ in }
        try harness.check()
        try harness.expect(model)
        try harness.tree.checkInvariants { (page, _, _, count) throws(StorageError) in
            #expect(page + PageNumber(count) <= limit)
        }
        try harness.begin()
        let again = try harness.tree.relocate(above: limit)
        #expect(again == Relocation())
        try harness.commit()
    }

    @Test func relocatingEndsWhereNoLowerPageIsFree() throws {
        let (harness, model) = try highTree()
        try harness.begin()
        let result = try harness.tree.relocate(above: 2)
        try harness.commit()
        #expect(!result.isComplete)
        try harness.write { _ in }
        try harness.check()
        try harness.expect(model)
    }

    @Test func relocatingInStepsOfABoundedSizeComesToTheSame() throws {
        let (harness, model) = try highTree()
        let limit = PageNumber(2 + (try harness.check().pageCount) + 80)
        var rounds = 0
        var isComplete = false
        while !isComplete, rounds < 200 {
            try harness.begin()
            let result = try harness.tree.relocate(above: limit, maximumPages: 20)
            isComplete = result.isComplete
            #expect(result.pagesMoved < 20 + 6)
            try harness.commit()
            rounds += 1
        }
        #expect(isComplete && rounds > 5)
        try harness.write { _ in }
        try harness.check()
        try harness.expect(model)
    }
}
