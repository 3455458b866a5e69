import BTree
import PageStore
import StorageIO
import StorageIOTesting
import Testing

/// What the database that this one replaces was measured to get wrong in its tree, each held here.
@Suite struct OldTreeFaultsTests {
    enum Order: CaseIterable { case ascending, descending, random }

    static func arrange(_ count: Int, _ order: Order) -> [Int] {
        switch order {
        case .ascending: return Array(0..<count)
        case .descending: return (0..<count).reversed()
        case .random:
            var random = SeededRandom(seed: 42)
            return (0..<count).shuffled(using: &random)
        }
    }

    @Test(arguments: Order.allCases)
    func theLastKeyOfALeafCanBeDeleted1000DeletesInAnyOrderAllSucceed(order: Order) throws {
        let harness = try TreeHarness()
        try harness.write { tree in
            for number in 0..<1000 { try tree.put(key(number), Array("value".utf8)) }
        }
        for number in Self.arrange(1000, order) {
            try harness.begin()
            #expect(try harness.tree.delete(key(number)), "key \(number)")
            try harness.commit()
            #expect(try harness.tree.value(key(number)) == nil)
        }
        #expect(harness.tree.root == .empty)
    }

    @Test(arguments: Order.allCases)
    func threeHundredKeysOf200BytesFit(order: Order) throws {
        let harness = try TreeHarness()
        try harness.write { tree in
            for number in Self.arrange(300, order) {
                try tree.put(key(number, length: 200), key(number))
            }
        }
        #expect(try harness.check().entryCount == 300)
        for number in 0..<300 {
            #expect(try harness.tree.value(key(number, length: 200)) == key(number))
        }
    }

    @Test(arguments: Order.allCases)
    func pagesAreFreedDeletingEveryKeyGivesEveryPageBack(order: Order) throws {
        let harness = try TreeHarness()
        try harness.write { tree in
            for number in Self.arrange(16_000, .random) {
                let length = number % 100 == 0 ? 9000 : 60
                try tree.put(key(number), [UInt8](repeating: 1, count: length))
            }
        }
        let full = try harness.check()
        #expect(full.overflowPages == 480 && full.height >= 3)
        var left = 16_000
        for batch in Self.arrange(16_000, order).split(by: 4000) {
            try harness.write { tree in
                for number in batch { try tree.delete(key(number)) }
            }
            left -= batch.count
            let report = try harness.check()
            #expect(report.entryCount == UInt64(left))
            // No half-empty husks: at worst a third of each leaf is used, plus the edges.
            #expect(report.leafPages <= 3 * full.leafPages * left / 16_000 + 4)
        }
        #expect(harness.tree.root == .empty)
        try harness.write { _ in }
        let statistics = harness.store.statistics
        #expect(statistics.pendingPages == 0 && statistics.freePages == statistics.pageCount - 2)
    }

    @Test func ascendingKeysLeaveLeavesAtLeast95PercentFullDescendingOnesToo() throws {
        for order in [Order.ascending, .descending] {
            let harness = try TreeHarness()
            try harness.write { tree in
                for number in Self.arrange(20_000, order) {
                    try tree.put(key(number, length: 16), [UInt8](repeating: 1, count: 26))
                }
            }
            let report = try harness.check()
            #expect(report.leafFill >= 0.95, "\(order): \(report.leafFill)")
            #expect(report.innerFill >= 0.85, "\(order): \(report.innerFill)")
        }
    }

    @Test func randomKeysLeaveLeavesAtLeast60PercentFull() throws {
        let harness = try TreeHarness()
        try harness.write { tree in
            for number in Self.arrange(20_000, .random) {
                try tree.put(key(number, length: 16), [UInt8](repeating: 1, count: 26))
            }
        }
        let fill = try harness.check().leafFill
        #expect(fill >= 0.6, "\(fill)")
    }

    @Test func emptyKeysAndEmptyValuesAreEntriesLikeOthers() throws {
        let harness = try TreeHarness()
        try harness.begin()
        #expect(try harness.tree.put([], []))
        #expect(try harness.tree.put([0], []))
        #expect(try !harness.tree.put([], [1]))
        #expect(try !harness.tree.put([], []))
        try harness.commit()
        #expect(try harness.tree.value([]) == [])
        #expect(try harness.tree.value([0]) == [])
        #expect(try harness.tree.value([0, 0]) == nil)
        try harness.check()
    }
}

extension Array {
    func split(by size: Int) -> [ArraySlice<Element>] {
        stride(from: 0, to: count, by: size).map { self[$0..<Swift.min($0 + size, count)] }
    }
}
