import BTree
import PageStore
import StorageIO
import StorageIOTesting
import Testing

@Suite struct BPlusTreeTests {
    static func filled(_ count: Int, valueLength: Int = 60) throws -> TreeHarness {
        let harness = try TreeHarness()
        try harness.write { tree in
            for number in OldTreeFaultsTests.arrange(count, .random) {
                try tree.put(key(number), [UInt8](repeating: 1, count: valueLength))
            }
        }
        return harness
    }

    @Test func r10RankCountsAndTheNThEntryAreExactAfterEveryKindOfChange() throws {
        let harness = try Self.filled(20_000)
        #expect(harness.tree.root.height >= 3)
        try harness.write { tree in
            for number in stride(from: 0, to: 20_000, by: 3) { try tree.delete(key(number)) }
            try tree.deleteRange(key(9000), key(12_000))
        }
        let left = (0..<20_000).filter { $0 % 3 != 0 && !(9000..<12_000).contains($0) }
        #expect(try harness.check().entryCount == UInt64(left.count))
        for index in stride(from: 0, to: left.count, by: 37) {
            #expect(try harness.tree.entry(at: UInt64(index))?.key == key(left[index]))
            #expect(try harness.tree.rank(key(left[index])) == UInt64(index))
            #expect(try harness.tree.count(key(left[index]), nil) == UInt64(left.count - index))
        }
        #expect(try harness.tree.entry(at: UInt64(left.count)) == nil)
        #expect(try harness.tree.count(key(9000), key(12_000)) == 0)
        #expect(try harness.tree.count(key(500), key(400)) == 0)
    }

    @Test func r1R6ARootGoesOnReadingItsOwnContentWhileNewerVersionsAreWritten() throws {
        let harness = try Self.filled(3000)
        var held: [(TreeRoot, Int, SortedArrayModel)] = []
        var model = SortedArrayModel()
        for (key, value) in try harness.tree.entries() { model.put(key, value) }
        for round in 0..<8 {
            let slot = harness.store.versions.register(harness.transaction)
            held.append((harness.tree.root, slot, model))
            try harness.begin()
            for number in stride(from: round, to: 3000, by: 7) {
                if number % 2 == 0 {
                    try harness.tree.delete(key(number))
                    model.delete(key(number))
                } else {
                    try harness.tree.put(key(number), key(round, length: 2000))
                    model.put(key(number), key(round, length: 2000))
                }
            }
            try harness.commit()
        }
        for (root, slot, model) in held {
            let old = MemoryTree(store: harness.store, root: root)
            try old.checkInvariants()
            let entries = try old.entries()
            #expect(entries.count == model.count)
            #expect(zip(entries, model.entries).allSatisfy { $0 == $1 })
            harness.store.versions.release(slot)
        }
        try harness.write { _ in }
        try harness.check()
    }

    @Test func r5AnAbortedTransactionLeavesTheTreeAndTheStoreAsTheyWere() throws {
        let harness = try Self.filled(2000)
        let root = harness.tree.root
        let free = harness.store.statistics.freePages
        let end = harness.store.pageCount
        try harness.begin()
        for number in 0..<1500 { try harness.tree.delete(key(number)) }
        for number in 5000..<9000 { try harness.tree.put(key(number), []) }
        try harness.tree.put(key(1), [UInt8](repeating: 3, count: 50_000))
        harness.abort()
        #expect(harness.tree.root == root)
        #expect(try harness.check().entryCount == 2000)
        let grown = harness.store.pageCount - end
        #expect(harness.store.statistics.freePages == free + grown)
    }

    @Test func deletingAKeyThatIsNotThereChangesAndCopiesNothing() throws {
        let harness = try Self.filled(2000)
        let root = harness.tree.root
        let statistics = harness.store.statistics
        try harness.begin()
        #expect(try !harness.tree.delete(key(2000)))
        #expect(try !harness.tree.delete([]))
        #expect(try harness.tree.deleteRange(key(5000), nil) == 0)
        #expect(try harness.tree.deleteRange(key(7), key(7)) == 0)
        #expect(harness.tree.root == root)
        #expect(harness.store.statistics.pendingPages == statistics.pendingPages)
        #expect(harness.store.pageCount == statistics.pageCount)
        try harness.commit()
    }

    @Test func keysAndValuesOverTheLimitAreRefusedWithBothLengthsAndNothingChanges() throws {
        let harness = try TreeHarness()
        try harness.begin()
        let long = [UInt8](repeating: 1, count: 1025)
        let error = #expect(throws: StorageError.self) { try harness.tree.put(long, []) }
        #expect(error?.code == .keyTooLong)
        #expect(error?.message.contains("1025") == true && error?.message.contains("1024") == true)
        // The length alone is looked at, so no gibibyte of memory is needed.
        let big = #expect(throws: StorageError.self) {
            try TreeLimits.check(keyLength: 1, valueLength: 1 << 30 + 1)
        }
        #expect(big?.code == .valueTooLong)
        try harness.tree.put(Array(long.dropFirst()), [1])
        #expect(try harness.tree.value(long) == nil)
        #expect(harness.tree.count == 1)
        try harness.commit()
    }

    @Test func valuesAroundEveryLimitComeBackAsTheyWereAndLeaveNoPagesBehind() throws {
        let harness = try TreeHarness()
        let lengths = [0, 1, 966, 967, 1023, 1024, 1025, 4064, 4065, 8160, 8161, 300_000]
        for keyLength in [0, 1, 8, 966, 1024] {
            let name = [UInt8](repeating: 9, count: keyLength)
            for length in lengths + lengths.reversed() {
                let value = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 31) }
                try harness.write { tree in try tree.put(name, value) }
                #expect(try harness.tree.value(name) == value)
                try harness.check()
            }
            try harness.write { tree in try tree.delete(name) }
            #expect(harness.tree.isEmpty)
        }
    }

    @Test func aRangeDeletionFreesWholeSubtreesAndLeavesASoundTreeWhereverItCuts() throws {
        for seed in Seeds.first(6) {
            var random = SeededRandom(seed: seed)
            let harness = try TreeHarness()
            try harness.write { tree in
                for number in 0..<6000 {
                    try tree.put(
                        key(number), [UInt8](repeating: 2, count: number % 50 == 0 ? 5000 : 50))
                }
            }
            while !harness.tree.isEmpty {
                let low = random.below(6000)
                let from = random.oneIn(8) ? nil : key(low)
                let to = random.oneIn(8) ? nil : key(low + 1 + random.below(1500))
                let inside = try harness.tree.count(from, to)
                let before = harness.tree.count
                try harness.begin()
                #expect(try harness.tree.deleteRange(from, to) == inside, "\(Seeds.again(seed))")
                try harness.commit()
                #expect(harness.tree.count == before - inside, "\(Seeds.again(seed))")
                let report = try harness.check()
                let leavesNeeded = (Int(report.entryCount) * 70 + report.overflowPages) / 4064
                #expect(report.leafPages <= 4 * leavesNeeded + 4, "\(Seeds.again(seed))")
            }
            try harness.write { _ in }
            #expect(harness.store.statistics.freePages == harness.store.pageCount - 2)
        }
    }

    @Test func aScanStopsWhenToldToAndPassesOnWhatItsBodyThrows() throws {
        let harness = try Self.filled(500)
        var seen = 0
        try harness.tree.forEach { (_, _) throws(StorageError) in
            seen += 1
            return seen < 7
        }
        #expect(seen == 7)
        let error = #expect(throws: StorageError.self) {
            try harness.tree.forEach { (_, _) throws(StorageError) -> Bool in
                throw StorageError(.busy, "enough")
            }
        }
        #expect(error?.code == .busy)
    }

    @Test func aWriteThatBreaksOffHalfWayStopsAllLaterOnesUntilTheAbort() throws {
        // So few pages that a split can't get one.
        let harness = try TreeHarness(pages: 16)
        try harness.begin()
        var first: StorageError?
        for number in 0..<2000 {
            do {
                try harness.tree.put(key(number), [UInt8](repeating: 1, count: 100))
            } catch let error as StorageError {
                first = error
                break
            }
        }
        #expect(first?.code == .fileTooLarge)
        #expect(throws: StorageError.self) { try harness.tree.put(key(1), []) }
        #expect(throws: StorageError.self) { try harness.tree.delete(key(1)) }
        #expect(throws: StorageError.self) { try harness.tree.checkInvariants() }
        harness.abort()
        try harness.write { tree in try tree.put(key(1), []) }
        try harness.check()
    }

    @Test func separatorsStayShortWhereNeighboursShareLongBeginningsSoTheTreeStaysLow() throws {
        let harness = try TreeHarness()
        var random = SeededRandom(seed: 5)
        try harness.write { tree in
            for _ in 0..<1500 {
                // Pairs of keys that differ only in their last byte.
                let stem = random.bytes(1000)
                try tree.put(stem + [0], [])
                try tree.put(stem + [1], [])
            }
        }
        let report = try harness.check()
        #expect(report.height == 3 && report.innerPages < report.leafPages / 20)
    }
}
